import type { Row } from "../a64/row.ts";
import { extractFields } from "../a64/row.ts";
import { EXIT_KINDS, STATE } from "../cpu/layout.ts";
import type { I32, I64 } from "./builder.ts";
import { Operand } from "./emitter.ts";
import { IMPORT } from "./guest_emitter.ts";
import {
  countArrival,
  countAt,
  emitDispatch,
  emitFind,
  emitResume,
  endSlice,
  EXCEPTION_SLOTS,
  FIRST_REGION_SLOT,
  goOn,
  HANDLER_PARAMS,
  leaveCode,
  LEFT,
  pushHandler,
  TYPE,
} from "./code_flow.ts";
import { type Successor, Tier1Emitter } from "./tier1.ts";
import { ACCESS_PARAMS, ExceptionCode } from "./exception_code.ts";
import { emitEnterRegime } from "./regime_code.ts";
import { ExactFlags, makeFlagsExact } from "./lazy_flags.ts";
import { prebuiltModule } from "./prebuilt.ts";
import { emitRecall } from "./record_memo.ts";
import { encodeModule, type FunctionBody, type Signature } from "./wasm_module.ts";
import { Emitter } from "./emitter.ts";

/** Table slots of the handlers that are not instructions. Zeroed records point to `decode`. */
export const SPECIAL = { decode: 0, nextPage: 1, step: 2, breakpoint: 3 } as const;
const FIRST_SLOT = 8;
/** Table slots: the number of shapes met is bounded by the table of instructions, about 20,000 with all variants. */
export const TABLE_SLOTS = 0x10000;

export const SIGNATURES: readonly Signature[] = [
  { params: ["i32", "i32", "i32", "i64"], results: ["i64"] },
  { params: ["i32"], results: ["i32"] },
  { params: ["i32", "i64", "i32", "i32"], results: ["i64"] },
  { params: ["i32"], results: [] },
  { params: ["i32"], results: ["i64"] },
  { params: ["i32", "i32"], results: [] },
  { params: ["i32", "i32", "i32"], results: ["i64"] },
  { params: ["i32", "i32"], results: ["i32"] },
];
export const IMPORTS = [
  { name: "helper", type: TYPE.import },
  { name: "memory_access", type: TYPE.access },
  { name: "decode", type: TYPE.import },
  { name: "hot", type: TYPE.import },
  { name: "fetch", type: TYPE.import },
  { name: "exit", type: TYPE.exit },
  { name: "resident", type: TYPE.import },
  { name: "fill", type: TYPE.import },
];

/** What generated code calls in TypeScript. */
export interface Callbacks {
  /** Runs the helper with this id; not 0 when the code goes on as the state field `resume` says. */
  helper(id: number): number;
  /**
   * Does the access of a packed MemoryRequest, for the vCPU whose state block that is; not 0 when it faulted: `resume` says
   * where the code goes on.
   */
  memoryAccess(cpu: number, request: number): number;
  /** Decodes the instruction of a record; returns the record to run, or 0 to leave. */
  decode(record: number): number;
  /** Told of a record that many branches arrive at; answers 0. */
  hot(record: number): number;
  /**
   * Translates the PC, which a branch of this BRANCH_TYPE goes to, FETCH_FROM_REGION added where it may be a region's;
   * returns the record to run, or 0 to leave.
   */
  fetch(branchType: number): number;
  /** Does what an exit of this kind, an index in EXIT_KINDS, asks for; `resume` says where the code goes on. */
  exit(kind: number): void;
  /**
   * Has the resident of EL2 handle an exception that was taken for this exit: "hvc", or "redirect" for a Data Abort. Not 0
   * where its ERET was done here: `resume` says where the code goes on.
   */
  resident(kind: number): number;
  /** Has the TLB take up the page of a packed MemoryRequest, if it may; not 0 where it faults or no RAM is there. */
  fill(request: number): number;
}

/** One shape of a row, to be made into a handler: any word of it, and the variant bits. */
export interface Shape {
  readonly row: Row;
  readonly word: number;
  readonly variant: number;
  /** Shapes that often come next. */
  readonly next?: () => readonly Shape[];
}

function keyOf({ row, word }: Shape): number {
  return word & row.shapeMask;
}

/** A function of a module: its type if it is no handler, and the table slot that it fills, if any. */
interface Emitted {
  readonly e: Emitter;
  readonly type?: number;
  readonly slot?: number;
}

/**
 * The interpreter's handlers: generated from the meanings when a shape is first met, or in one module for a list of
 * shapes that are known to be common. Calls within a module cost less than calls across.
 */
export class Handlers {
  readonly table = new WebAssembly.Table({ element: "anyfunc", initial: TABLE_SLOTS, maximum: TABLE_SLOTS });
  readonly #slots = new Map<Row, Map<number, number>[]>();
  readonly #imports: WebAssembly.Imports;
  /** Size of the memory that generated code imports, in 64 KiB pages. */
  readonly memoryPages: number;
  readonly #shapes: Shape[] = [];
  #next = FIRST_SLOT;
  #nextRegion = FIRST_REGION_SLOT;
  /** Enters generated code at a record, with the count that tier1.ts describes. */
  readonly enter: (cpu: number, record: number, count: number) => void;
  /** Modules compiled so far. */
  moduleCount = 0;

  /**
   * @param profile whether hot code is looked for.
   * @param soleVcpu where the state block of a machine's only vCPU stands; 0 where there are several.
   */
  constructor(memory: WebAssembly.Memory, callbacks: Callbacks, readonly profile = false, readonly soleVcpu = 0) {
    this.memoryPages = memory.buffer.byteLength / 65536;
    const { helper, memoryAccess, ...others } = callbacks;
    this.#imports = {
      env: { memory, table: this.table, helper, memory_access: memoryAccess, ...others },
    };
    const bytes = prebuiltModule(this, []) ?? this.encodeSpecial();
    const { enter, ...shared } = this.install(new WebAssembly.Module(bytes)).exports;
    this.enter = enter as typeof this.enter;
    Object.assign(this.#imports.env, shared);
  }

  /** The module of what is not the handler of an instruction. */
  encodeSpecial(): Uint8Array<ArrayBuffer> {
    const { soleVcpu } = this;
    const functions = { resume: DISPATCH + 1, enterRegime: FIRST_EMITTED + 5 };
    const exceptionCode = () => new ExceptionCode(functions, soleVcpu);
    const special: Emitted[] = [
      { e: emitDecode(), slot: SPECIAL.decode },
      { e: emitNextPage(), slot: SPECIAL.nextPage },
      { e: emitStop("step"), slot: SPECIAL.step },
      { e: emitStop("breakpoint"), slot: SPECIAL.breakpoint },
      { e: new ExactFlags(CPU).write(), type: TYPE.import },
      { e: emitEnterRegime(soleVcpu), type: TYPE.enterRegime },
      { e: exceptionCode().supervisorCall(), slot: EXCEPTION_SLOTS.svc },
      { e: exceptionCode().hypervisorCall(), slot: EXCEPTION_SLOTS.hvc },
      { e: exceptionCode().exceptionReturn(), slot: EXCEPTION_SLOTS.eret },
      { e: new ExceptionCode(functions, soleVcpu, ACCESS_PARAMS).memoryAccess(), type: TYPE.access },
      { e: emitEnter(FIRST_EMITTED + 4, this.profile), type: TYPE.enter },
    ];
    const last = FIRST_EMITTED + special.length - 1;
    // Other modules have their accesses from here, and this one from TypeScript
    return this.#encode(special, { enter: last, memory_access: last - 1 });
  }

  /** The table slot of the handler of a shape, which is generated now if it is new. */
  slotOf(row: Row, word: number, variant: number): number {
    const slot = this.#known(row, variant).get(word & row.shapeMask);
    if (slot !== undefined) return slot;
    this.generate([{ row, word, variant }]);
    return this.#known(row, variant).get(word & row.shapeMask)!;
  }

  /** The place in `shapes` of the shape whose handler is in a table slot; -1 where it is none's. */
  placeOf(slot: number): number {
    return slot >= FIRST_SLOT && slot < this.#next ? slot - FIRST_SLOT : -1;
  }

  /** All shapes that have a handler, in the order in which they were met: what common_shapes.ts is made from. */
  get shapes(): readonly Shape[] {
    return this.#shapes;
  }

  /**
   * Generates the handlers of shapes that have none, all in one module.
   * @param prebuilt that module if it was generated before: see prebuilt.ts.
   */
  generate(shapes: readonly Shape[], prebuilt: Uint8Array<ArrayBuffer> | null = null): void {
    const first = this.#next, fresh: Shape[] = [];
    for (const shape of shapes) {
      const known = this.#known(shape.row, shape.variant), key = keyOf(shape);
      if (known.has(key)) continue;
      known.set(key, this.#next++);
      fresh.push(shape);
    }
    this.#shapes.push(...fresh);
    if (fresh.length) this.install(new WebAssembly.Module(prebuilt ?? this.encode(fresh, first)));
  }

  /** The module of the handlers of these shapes, which fill the table from a slot on. */
  encode(shapes: readonly Shape[], firstSlot = FIRST_SLOT): Uint8Array<ArrayBuffer> {
    const successors = (next: readonly Shape[]): Successor[] =>
      next.flatMap((shape) => {
        const slot = this.#known(shape.row, shape.variant).get(keyOf(shape)) ?? -1, place = slot - firstSlot;
        return place >= 0 && place < shapes.length ? [{ slot, function: FIRST_EMITTED + place }] : [];
      });
    const emitted = shapes.map(({ row, word, variant, next }, i) => ({
      e: emitHandler(row, word, variant, this.profile, this.soleVcpu, successors(next?.() ?? [])),
      slot: firstSlot + i,
    }));
    return this.#encode(emitted, {});
  }

  /** A table slot for a region, from FIRST_REGION_SLOT on; -1 when none is left. */
  allocate(): number {
    return this.#nextRegion < TABLE_SLOTS ? this.#nextRegion++ : -1;
  }

  /** Has modules that are installed from now on import the functions of one that is installed now. */
  share(module: WebAssembly.Module): void {
    Object.assign(this.#imports.env, this.install(module).exports);
  }

  /** Compiles a module of generated code, whose functions fill their table slots. */
  install(module: WebAssembly.Module): WebAssembly.Instance {
    this.moduleCount++;
    return new WebAssembly.Instance(module, this.#imports);
  }

  #known(row: Row, variant: number): Map<number, number> {
    let variants = this.#slots.get(row);
    if (!variants) this.#slots.set(row, variants = []);
    return variants[variant] ??= new Map();
  }

  /** @param exports indices of functions by name. */
  #encode(emitted: readonly Emitted[], exports: Readonly<Record<string, number>>): Uint8Array<ArrayBuffer> {
    const body = (e: Emitter, type: number): FunctionBody => ({
      type,
      locals: e.locals,
      code: e.code,
      hints: e.hints,
    });
    const shared = [
      body(emitDispatch(this.profile, this.soleVcpu), TYPE.dispatch),
      body(emitResume(this.soleVcpu), TYPE.resume),
    ];
    return encodeModule({
      types: SIGNATURES,
      imports: IMPORTS,
      memoryPages: this.memoryPages,
      functions: [...shared, ...emitted.map(({ e, type = TYPE.handler }) => body(e, type))],
      exports,
      elements: emitted.flatMap(({ slot }, i) => slot === undefined ? [] : [{ slot, function: i + shared.length }]),
    });
  }
}

const DISPATCH = IMPORTS.length;
/** Index of the first of a module's functions that are its own: dispatch and resume come before. */
const FIRST_EMITTED = DISPATCH + 2;

/** The handler of one shape: the row's meaning, asked with any word of the shape. */
export function emitHandler(
  row: Row,
  word: number,
  variant: number,
  profile = false,
  soleVcpu = 0,
  successors: readonly Successor[] = [],
): Tier1Emitter {
  const write = (readsAhead: boolean) => {
    const e = new Tier1Emitter(variant, DISPATCH, profile, soleVcpu, successors);
    if (readsAhead) e.readAhead();
    if (row.options.trap === "fp") e.checkFp();
    row.semantics!(e, extractFields(row, word));
    e.finish();
    return e;
  };
  const e = write(false);
  return e.mayReadAhead ? write(true) : e;
}

const CPU = new Operand("i32", 0), RECORD = new Operand("i32", 1), COUNT = new Operand("i32", 2);

/**
 * Writes `enter`: runs records until the code is left. Where a RET comes back here, no WebAssembly caller expected its
 * address: execution goes on there. Where TypeScript has named a record to go on at without those callers, it is that.
 */
function emitEnter(exactFlags: number, profile: boolean): Emitter {
  const e = new Emitter(3);
  const address = e.newLocal("i64"), executed = e.newLocal("i32");
  e.storeMemory(4, CPU, STATE.stackBytes.offset, e.i32(0));
  e.storeMemory(4, CPU, STATE.left.offset, e.i32(0));
  e.storeMemory(4, CPU, STATE.restart.offset, e.i32(0));
  e.code.raw([0x03, 0x40]); // loop
  pushHandler(e, CPU, RECORD, COUNT);
  e.code.raw([0x11, TYPE.handler, 0x00]); // call_indirect
  e.set(address);
  e.get(e.loadMemory("i32", 4, CPU, STATE.budget.offset));
  e.set(executed);
  e.beginIf(e.and(e.eq(address, e.i64(LEFT)), e.loadMemory("i32", 4, CPU, STATE.left.offset)));
  e.get(e.loadMemory("i32", 4, CPU, STATE.restart.offset));
  e.set(RECORD);
  e.beginIf(e.eqz(RECORD as I32));
  e.get(address);
  e.return();
  e.endBlock();
  for (const field of [STATE.restart, STATE.left, STATE.stackBytes]) e.storeMemory(4, CPU, field.offset, e.i32(0));
  if (profile) countArrival(e, CPU, RECORD as I32);
  e.beginElse();
  makeFlagsExact(e, CPU, exactFlags);
  const record = emitFind(e, CPU, address, executed, null, null);
  e.get(record);
  e.set(RECORD);
  e.endBlock();
  e.get(countAt(e, RECORD as I32, executed));
  e.set(COUNT);
  e.code.raw([0x0c, 0x00]); // br to the loop
  e.endOfCode();
  e.endBlock();
  e.code.u8(0x00); // unreachable
  return e;
}

function storeProgress(e: Emitter): void {
  e.storeMemory(4, CPU, STATE.record.offset, RECORD);
  e.storeMemory(4, CPU, STATE.budget.offset, e.add(COUNT, e.shrU(RECORD, e.i32(4))));
}

/** Slot 0: recalls how the instruction's word was decoded before, or has TypeScript decode it, and then runs it. */
function emitDecode(): Emitter {
  const e = new Emitter(HANDLER_PARAMS);
  const memo = e.loadMemory("i32", 4, CPU, STATE.recordMemo.offset);
  emitRecall(e, memo, e.loadMemory("i32", 4, CPU, STATE.recordBase.offset), RECORD, () => goOn(e, CPU, RECORD, COUNT));
  storeProgress(e);
  const record = e.callFunction(IMPORT.decode, "i32", RECORD);
  e.beginIf(e.eqz(record), 0);
  leaveCode(e, CPU);
  e.endBlock();
  goOn(e, CPU, record, countAt(e, record, e.loadMemory("i32", 4, CPU, STATE.budget.offset)));
  return e;
}

/** The record behind a page's last: goes on with the next page. It is no instruction and counts as none. */
function emitNextPage(): Emitter {
  const e = new Emitter(HANDLER_PARAMS);
  const address = e.add(e.loadMemory("i64", 8, CPU, STATE.pcPage.offset) as I64, e.i64(4096));
  const executed = e.add(COUNT as I32, e.shrU(RECORD as I32, e.i32(4)));
  e.beginIf(e.geS(executed, e.i32(0)), 0);
  endSlice(e, CPU, address, executed);
  e.endBlock();
  for (const value of [CPU, address, executed, e.i32(0)]) e.get(value);
  e.code.u8(0x12);
  e.code.u32(DISPATCH);
  e.endOfCode();
  return e;
}

/** Leaves before the instruction of this record. */
function emitStop(kind: "step" | "breakpoint"): Emitter {
  const e = new Emitter(HANDLER_PARAMS);
  storeProgress(e);
  e.storeMemory(4, CPU, STATE.exitKind.offset, e.i32(EXIT_KINDS.indexOf(kind)));
  leaveCode(e, CPU);
  return e;
}
