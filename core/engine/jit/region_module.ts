import { type Computation, OUTLINES } from "../../a64/pointer_authentication.ts";
import {
  CALL_SITE_BYTES,
  CALL_SITES,
  HOT,
  HOT_COUNTERS,
  SCRATCH,
  SITE_BYTES,
  SITES,
  SPAN_BYTES,
  SPANS,
  STATE,
  WRITE_SITES,
} from "../../cpu/layout.ts";
import type { I32, I64 } from "../builder.ts";
import { Emitter, Operand } from "../emitter.ts";
import { IMPORT, tlbEntry, tlbOf } from "../guest_emitter.ts";
import { IMPORTS, SIGNATURES } from "../handlers.ts";
import { ExactFlags, makeFlagsExact } from "../lazy_flags.ts";
import { WRITE_TLB_OFFSET } from "../memory_request.ts";
import {
  countArrival,
  countAt,
  cpuOperand,
  emitDispatch,
  emitFind,
  emitResume,
  endSlice,
  goOn,
  HOT_STRADDLE,
  leaveForFetch,
  loadHead,
  pushHandler,
  slotOfHead,
  TYPE,
} from "../code_flow.ts";
import { Tier1Emitter } from "../tier1.ts";
import { encodeHead, encodeModule, type FunctionBody, type Signature } from "../wasm_module.ts";
import { STACK_BYTES } from "./region_compiler.ts";
import { ACCESS_BYTES_MAX, WHAT_OFFSET } from "./access_emitter.ts";
import type { ModuleFunctions } from "./module_functions.ts";
import type { RegionEmitter } from "./region_emitter.ts";

const TYPES: readonly Signature[] = [
  ...SIGNATURES,
  { params: ["i32", "i32", "i64", "i64", "i32"], results: ["i32"] },
  { params: ["i32", "i32"], results: ["i32"] },
  { params: ["i32", "i64", "i32"], results: ["i64"] },
  { params: ["i32", "i32", "i32", "i64"], results: ["i64"] },
  { params: ["i32", "i64", "i64"], results: ["i64"] },
  { params: ["i32", "i64", "i32", "i32", "i32"], results: ["i64"] },
  { params: ["i32", "i32", "i32", "i64", "i32", "i32"], results: ["i64"] },
];
const TLB_TYPE = SIGNATURES.length, ARRIVE_TYPE = TLB_TYPE + 1, END_SLICE_TYPE = TLB_TYPE + 2;
const SIDE_EXIT_TYPE = TLB_TYPE + 3, OUTLINE_TYPE = TLB_TYPE + 4, CALL_FAR_TYPE = TLB_TYPE + 5;
const STRADDLE_TYPE = TLB_TYPE + 6;

interface NamedFunction {
  readonly name: string;
  readonly type: number;
  emit(cpu: Operand<"i32">, soleVcpu: number): Emitter;
}

/**
 * The functions that all regions share, in a module of their own: V8 would compile and optimize them anew in each of the
 * many small modules of regions.
 */
const SHARED: readonly NamedFunction[] = [
  { name: "dispatch", type: TYPE.dispatch, emit: (_, soleVcpu) => emitDispatch(true, soleVcpu, EXACT_FLAGS) },
  { name: "endSlice", type: END_SLICE_TYPE, emit: emitEndSlice },
  { name: "continueAt", type: TYPE.enter, emit: emitContinueAt },
  { name: "callFar", type: CALL_FAR_TYPE, emit: emitCallFar },
  { name: "sideExit", type: SIDE_EXIT_TYPE, emit: (cpu) => emitSideExit(cpu, false) },
  { name: "straddle", type: STRADDLE_TYPE, emit: (cpu) => emitSideExit(cpu, true) },
  { name: "resume", type: TYPE.resume, emit: (_, soleVcpu) => emitResume(soleVcpu) },
  { name: "fillRead", type: TLB_TYPE, emit: (cpu) => emitFill(cpu, false) },
  { name: "fillWrite", type: TLB_TYPE, emit: (cpu) => emitFill(cpu, true) },
  { name: "unprivileged", type: TLB_TYPE, emit: emitUnprivileged },
  { name: "exactFlags", type: TYPE.import, emit: (cpu) => new ExactFlags(cpu).write() },
  { name: "arrive", type: ARRIVE_TYPE, emit: emitArrive },
  ...Object.entries(OUTLINES).map(([name, body]) => ({
    name,
    type: OUTLINE_TYPE,
    emit: (_: Operand<"i32">, soleVcpu: number) => emitOutline(body, soleVcpu),
  })),
];
/** The functions that every module of regions has itself, so that V8 can inline them. */
const OWN: readonly NamedFunction[] = [
  { name: "read", type: TLB_TYPE, emit: (cpu) => emitTlb(cpu, false) },
  { name: "write", type: TLB_TYPE, emit: (cpu) => emitTlb(cpu, true) },
];

const IMPORTED = [...IMPORTS, ...SHARED];

/** The index of a function in a module of regions; of a shared one, in the module that has it too. */
function indexOf(name: string): number {
  return IMPORTS.length + [...SHARED, ...OWN].findIndex((f) => f.name === name);
}
export const MODULE_FUNCTIONS: ModuleFunctions = {
  dispatch: indexOf("dispatch"),
  read: indexOf("read"),
  write: indexOf("write"),
  unprivileged: indexOf("unprivileged"),
  resume: indexOf("resume"),
  exactFlags: indexOf("exactFlags"),
  arrive: indexOf("arrive"),
  endSlice: indexOf("endSlice"),
  continueAt: indexOf("continueAt"),
  callFar: indexOf("callFar"),
  sideExit: indexOf("sideExit"),
  straddle: indexOf("straddle"),
  outlines: new Map(Object.keys(OUTLINES).map((name) => [name, indexOf(name)])),
};
/** Index of a module's first region. */
export const FIRST_REGION_FUNCTION = IMPORTS.length + SHARED.length + OWN.length;
const EXACT_FLAGS = MODULE_FUNCTIONS.exactFlags;

/** Makes the module of the functions that regions share, which it exports. */
export function encodeShared(memoryPages: number, soleVcpu: number): Uint8Array<ArrayBuffer> {
  return encodeModule({
    types: TYPES,
    imports: IMPORTS,
    memoryPages,
    functions: bodies(SHARED, soleVcpu),
    exports: Object.fromEntries(SHARED.map(({ name }) => [name, indexOf(name)])),
    elements: [],
  });
}

/** Makes modules of regions for one machine. */
export class RegionModules {
  readonly #memoryPages: number;
  readonly #head: Uint8Array<ArrayBuffer>;
  readonly #own: readonly FunctionBody[];

  constructor(memoryPages: number, soleVcpu: number) {
    this.#memoryPages = memoryPages;
    this.#head = encodeHead({ types: TYPES, imports: IMPORTED, memoryPages });
    this.#own = bodies(OWN, soleVcpu);
  }

  /** One module of the regions' functions, which fills the table slots `slots`. */
  encode(regions: readonly RegionEmitter[], slots: readonly number[]): Uint8Array<ArrayBuffer> {
    return encodeModule({
      types: TYPES,
      imports: IMPORTED,
      memoryPages: this.#memoryPages,
      functions: [...this.#own, ...regions.map((r) => body(r, TYPE.handler))],
      exports: {},
      elements: slots.map((slot, i) => ({ slot, function: OWN.length + i })),
    }, this.#head);
  }
}

function bodies(functions: readonly NamedFunction[], soleVcpu: number): FunctionBody[] {
  const cpu = cpuOperand(soleVcpu);
  return functions.map(({ type, emit }) => body(emit(cpu, soleVcpu), type));
}

function body(e: Emitter, type: number): FunctionBody {
  e.settleFrames();
  return { type, locals: e.locals, code: e.code, hints: e.hints };
}

/** Where in a page accesses may begin that the site is enough for. */
const SPAN = 4097 - ACCESS_BYTES_MAX;
/** How often a run of accesses lies in two pages before TypeScript is told: a power of two. */
const STRADDLES = 256;

/** Looks an address up in an array of the TLB: addend, tag and whether an access fits. */
function lookUp(e: Emitter, array: I32, offset: number, address: I64, limit: I64) {
  const entry = tlbEntry(e, array, address);
  const tag = e.loadMemory("i64", 8, entry, offset) as I64;
  const addend = e.loadMemory("i32", 4, entry, offset + 8) as I32;
  return { tag, addend, hit: e.ltU(e.sub(address, tag), limit) };
}

/**
 * `read(cpu, base, address, limit, what)` and `write`: 0 where the TLB has the address's page, perhaps only now, and the
 * access fits; the base register's site then knows the page. Else 1. `what` is the packed MemoryRequest of an access, and
 * above it, from WHAT_OFFSET on, how far behind the address that is.
 */
function emitTlb(cpu: Operand<"i32">, write: boolean): Emitter {
  const e = new Emitter(5);
  const params = [1, 2, 3, 4].map((n) => new Operand(n === 2 || n === 3 ? "i64" : "i32", n));
  knowPage(e, cpu, write);
  e.get(e.callFunction(indexOf(write ? "fillWrite" : "fillRead"), "i32", cpu, ...params));
  return e;
}

/** `fillRead(cpu, base, address, limit, what)` and `fillWrite`: the same, after TypeScript has filled the TLB. */
function emitFill(cpu: Operand<"i32">, write: boolean): Emitter {
  const e = new Emitter(5);
  const address = new Operand("i64", 2) as I64, limit = new Operand("i64", 3) as I64;
  // What lies in two pages is left to tier 1: the second would be translated before the first
  e.beginIf(e.ltU(e.and(address, e.i64(4095)), limit), 1);
  e.beginIf(e.eqz(callFill(e, cpu, address)), 1);
  knowPage(e, cpu, write);
  e.endBlock();
  e.endBlock();
  e.get(e.i32(1));
  return e;
}

/** Has TypeScript fill the TLB for an access that the last parameter tells; returns 1 where that was of no use lately. */
function callFill(e: Emitter, cpu: Operand<"i32">, address: I64): I32 {
  const unfilled = e.loadMemory("i64", 8, cpu, STATE.unfilledPage.offset) as I64;
  e.beginIf(e.eq(unfilled, e.and(address, e.i64(-4096))), 0);
  e.get(e.i32(1));
  e.return();
  e.endBlock();
  const what = new Operand("i32", 4) as I32, offset = e.zeroExtend(e.shrU(what, e.i32(WHAT_OFFSET)));
  e.storeMemory(8, cpu, SCRATCH + 16, e.add(address, offset));
  return e.callFunction(IMPORT.fill, "i32", e.and(what, e.i32((1 << WHAT_OFFSET) - 1)));
}

/** Returns 0 from `read` and its like where the TLB has the page, which the site is told. */
function knowPage(e: Emitter, cpu: Operand<"i32">, write: boolean): void {
  const base = new Operand("i32", 1), address = new Operand("i64", 2), limit = new Operand("i64", 3);
  const array = tlbOf(e, cpu, address as I64);
  const { tag, addend, hit } = lookUp(e, array, write ? WRITE_TLB_OFFSET : 0, address as I64, limit as I64);
  e.beginIf(hit, 1);
  const first = write ? WRITE_SITES : 0;
  const site = e.add(cpu as I32, e.mul(base as I32, e.i32(SITE_BYTES)));
  e.storeMemory(8, site, SITES + SITE_BYTES * first, tag);
  e.storeMemory(4, site, SITES + SITE_BYTES * first + 8, addend);
  const span = e.add(cpu as I32, e.mul(base as I32, e.i32(SPAN_BYTES)));
  e.storeMemory(4, span, SPANS + SPAN_BYTES * first, e.i32(SPAN));
  e.get(e.i32(0));
  e.return();
  e.endBlock();
}

/**
 * `unprivileged(cpu, array, address, limit, request)`: the addend in an array of the unprivileged TLB, perhaps filled only
 * now, or 1 where it has none.
 */
function emitUnprivileged(cpu: Operand<"i32">): Emitter {
  const e = new Emitter(5);
  const address = new Operand("i64", 2) as I64, limit = new Operand("i64", 3) as I64;
  const returnFound = () => {
    const tlb = e.loadMemory("i32", 4, cpu, STATE.tlbUnprivileged.offset) as I32;
    const { addend, hit } = lookUp(e, e.add(tlb, new Operand("i32", 1) as I32), 0, address, limit);
    e.beginIf(hit, 1);
    e.get(addend);
    e.return();
    e.endBlock();
  };
  returnFound();
  e.beginIf(e.ltU(e.and(address, e.i64(4095)), limit), 1);
  e.beginIf(e.eqz(callFill(e, cpu, address)), 1);
  returnFound();
  e.endBlock();
  e.endBlock();
  e.get(e.i32(1));
  return e;
}

/** `continueAt(cpu, record, executed)`: leaves a region for a record of its page. */
function emitContinueAt(cpu: Operand<"i32">): Emitter {
  const e = new Emitter(3);
  const record = new Operand("i32", 1), executed = new Operand("i32", 2);
  const head = countArrival(e, cpu, record as I32, EXACT_FLAGS);
  goOn(e, cpu, record, countAt(e, record as I32, executed), head);
  return e;
}

/** `arrive(cpu, record)`: prepares for tier 1 at a record; 0. */
function emitArrive(cpu: Operand<"i32">): Emitter {
  const e = new Emitter(2);
  countArrival(e, cpu, new Operand("i32", 1) as I32, EXACT_FLAGS);
  e.get(e.i32(0));
  return e;
}

/**
 * `sideExit(cpu, recordBase, executed, where)`: goes on in tier 1 at the instruction that `where` tells: its index in the
 * page in bits 9:0, in its block in bits 19:10, and, where a region stands in its record, the slot of its handler above.
 * `straddle(cpu, recordBase, executed, where, start, bytes)` does so where a run of accesses was not found.
 */
function emitSideExit(cpu: Operand<"i32">, isStraddle: boolean): Emitter {
  const e = new Emitter(isStraddle ? 6 : 4);
  const recordBase = new Operand("i32", 1);
  const executed = new Operand("i32", 2), where = new Operand("i64", 3);
  makeFlagsExact(e, cpu, EXACT_FLAGS);
  e.storeMemory(4, cpu, STATE.recordBase.offset, recordBase);
  const sideExits = e.add(e.loadMemory("i64", 8, cpu, STATE.sideExits.offset) as I64, e.i64(1));
  e.storeMemory(8, cpu, STATE.sideExits.offset, sideExits);
  const low = e.wrap(where), slot = e.wrap(e.shrU(where as I64, e.i32(20)));
  const record = e.add(recordBase as I32, e.shl(e.and(low, e.i32(1023)), e.i32(4)));
  const position = e.and(e.shrU(low, e.i32(10)), e.i32(1023));
  if (isStraddle) countStraddle(e, cpu, record);
  const head = loadHead(e, record), count = countAt(e, record, e.add(executed as I32, position));
  goOn(e, cpu, record, count, head, e.select(slot, slot, slotOfHead(e, head)));
  return e;
}

/** Has TypeScript look at a region in which a run of accesses often lies in two pages. */
function countStraddle(e: Emitter, cpu: Operand<"i32">, record: I32): void {
  const start = new Operand("i32", 4) as I32, bytes = new Operand("i32", 5) as I32;
  e.beginIf(e.gtU(e.add(e.and(start, e.i32(0xfff)), bytes), e.i32(4096)));
  const counter = e.add(cpu as I32, e.and(e.shrU(record, e.i32(3)), e.i32(2 * HOT_COUNTERS - 2)));
  const count = e.add(e.loadMemory("i32", 2, counter, HOT) as I32, e.i32(1));
  e.storeMemory(2, counter, HOT, count);
  e.beginIf(e.eqz(e.and(count, e.i32(STRADDLES - 1))), 0);
  e.callFunction(IMPORT.hot, "i32", e.or(record, e.i32(HOT_STRADDLE)));
  e.endBlock();
  e.endBlock();
}

/** `endSlice(cpu, pc, executed)`: leaves with the budget spent. */
function emitEndSlice(cpu: Operand<"i32">): Emitter {
  const e = new Emitter(3);
  makeFlagsExact(e, cpu, EXACT_FLAGS);
  endSlice(e, cpu, new Operand("i64", 1), new Operand("i32", 2), "region");
  return e;
}

/**
 * `callFar(cpu, address, executed, branchType, site)`: runs what is at an address of any page until it returns, and gives
 * the address it returned to. A call nested too deeply leaves: a jump would keep the caller's frame. The call site knows
 * the target in this context from then on, unless branch targets may have to be checked.
 */
function emitCallFar(cpu: Operand<"i32">): Emitter {
  const e = new Emitter(5);
  const address = new Operand("i64", 1);
  const executed = new Operand("i32", 2), branchType = new Operand("i32", 3);
  const stackBytes = e.loadMemory("i32", 4, cpu, STATE.stackBytes.offset) as I32;
  e.beginIf(e.ltU(stackBytes, e.i32(STACK_BYTES)), 1);
  const record = emitFind(e, cpu, address, executed, branchType as I32, EXACT_FLAGS);
  const head = countArrival(e, cpu, record, EXACT_FLAGS);
  e.beginIf(e.eqz(e.loadMemory("i32", 4, cpu, STATE.guarded.offset) as I32), 1);
  const number = new Operand("i32", 4) as I32;
  const site = e.add(cpu as I32, e.shl(number, e.i32(Math.log2(CALL_SITE_BYTES))));
  e.storeMemory(8, site, CALL_SITES, address);
  e.storeMemory(4, site, CALL_SITES + 8, record);
  e.storeMemory(4, site, CALL_SITES + 12, e.loadMemory("i32", 4, cpu, STATE.recordBase.offset));
  e.storeMemory(8, site, CALL_SITES + 16, e.loadMemory("i64", 8, cpu, STATE.tlb.offset));
  const known = e.loadMemory("i32", 4, cpu, STATE.callSites.offset) as I32;
  e.storeMemory(4, cpu, STATE.callSites.offset, e.or(known, e.shl(e.i32(1), number)));
  e.endBlock();
  e.storeMemory(4, cpu, STATE.stackBytes.offset, e.add(stackBytes, e.frame()));
  pushHandler(e, cpu, record, countAt(e, record, executed), head);
  e.code.raw([0x11, TYPE.handler, 0x00]); // call_indirect
  const returned = e.take("i64");
  e.get(returned);
  e.return();
  e.endBlock();
  makeFlagsExact(e, cpu, EXACT_FLAGS);
  leaveForFetch(e, cpu, address, executed, branchType);
  return e;
}

/** Writes `name(cpu, a, b)` of a computation that Builder.outline names; without operands tier 1 writes what any code can use. */
function emitOutline(body: Computation, soleVcpu: number): Emitter {
  const e = new Tier1Emitter(0, MODULE_FUNCTIONS.dispatch, false, soleVcpu, [], 3);
  e.get(body(e, new Operand("i64", 1), new Operand("i64", 2)));
  return e;
}
