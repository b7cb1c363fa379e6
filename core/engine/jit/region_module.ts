import { type Computation, OUTLINES } from "../../a64/pointer_authentication.ts";
import { STATE } from "../../cpu/layout.ts";
import type { I32, I64, Int } from "../builder.ts";
import { Emitter, Operand } from "../emitter.ts";
import { GuestEmitter, tlbOf } from "../guest_emitter.ts";
import { IMPORTS, SIGNATURES } from "../handlers.ts";
import { WRITE_TLB_OFFSET } from "../memory_request.ts";
import {
  countArrival,
  cpuOperand,
  emitDispatch,
  emitFind,
  endSlice,
  leaveForFetch,
  Tier1Emitter,
  TYPE,
} from "../tier1.ts";
import { encodeModule, type FunctionBody, type Signature } from "../wasm_module.ts";
import { FLAGS, type FlagState } from "./analysis.ts";
import { flagOperands } from "./flags.ts";
import { DEPTH_MAX } from "./region_compiler.ts";
import type { ModuleFunctions, RegionEmitter } from "./region_emitter.ts";

const TYPES: readonly Signature[] = [
  ...SIGNATURES,
  { params: ["i32", "i64", "i64"], results: ["i32"] },
  { params: ["i32", "i32", "i64", "i64", "i32", "i32"], results: ["i32"] },
  { params: ["i32", "i64", "i32"], results: ["i64"] },
  { params: ["i32", "i32", "i32", "i64"], results: ["i64"] },
  { params: ["i32", "i64", "i64"], results: ["i64"] },
];
const TLB_TYPE = SIGNATURES.length, FLAGS_TYPE = TLB_TYPE + 1, END_SLICE_TYPE = TLB_TYPE + 2;
const SIDE_EXIT_TYPE = TLB_TYPE + 3, OUTLINE_TYPE = TLB_TYPE + 4;

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
  { name: "dispatch", type: TYPE.dispatch, emit: (_, soleVcpu) => emitDispatch(true, soleVcpu) },
  { name: "endSlice", type: END_SLICE_TYPE, emit: emitEndSlice },
  { name: "callFar", type: TYPE.dispatch, emit: emitCallFar },
  { name: "sideExit", type: SIDE_EXIT_TYPE, emit: emitSideExit },
  ...Object.entries(OUTLINES).map(([name, body]) => ({
    name,
    type: OUTLINE_TYPE,
    emit: (_: Operand<"i32">, soleVcpu: number) => emitOutline(body, soleVcpu),
  })),
];
/** The functions that every module of regions has itself, so that V8 can inline them. */
const OWN: readonly NamedFunction[] = [
  { name: "read", type: TLB_TYPE, emit: (cpu) => emitTlb(cpu, 0) },
  { name: "write", type: TLB_TYPE, emit: (cpu) => emitTlb(cpu, WRITE_TLB_OFFSET) },
  { name: "flags", type: FLAGS_TYPE, emit: (cpu) => new FlagsEmitter(cpu).write() },
];

/** The index of a function in a module of regions; of a shared one, in the module that has it too. */
function indexOf(name: string): number {
  return IMPORTS.length + [...SHARED, ...OWN].findIndex((f) => f.name === name);
}
export const MODULE_FUNCTIONS: ModuleFunctions = {
  dispatch: indexOf("dispatch"),
  read: indexOf("read"),
  write: indexOf("write"),
  flags: indexOf("flags"),
  endSlice: indexOf("endSlice"),
  callFar: indexOf("callFar"),
  sideExit: indexOf("sideExit"),
  outlines: new Map(Object.keys(OUTLINES).map((name) => [name, indexOf(name)])),
};

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

/** Makes one module of the regions' functions, which fills the table slots `slots`. */
export function encodeRegions(
  regions: readonly RegionEmitter[],
  slots: readonly number[],
  memoryPages: number,
  soleVcpu: number,
): Uint8Array<ArrayBuffer> {
  return encodeModule({
    types: TYPES,
    imports: [...IMPORTS, ...SHARED],
    memoryPages,
    functions: [...bodies(OWN, soleVcpu), ...regions.map((r) => body(r, TYPE.handler))],
    exports: {},
    elements: slots.map((slot, i) => ({ slot, function: OWN.length + i })),
  });
}

function bodies(functions: readonly NamedFunction[], soleVcpu: number): FunctionBody[] {
  const cpu = cpuOperand(soleVcpu);
  return functions.map(({ type, emit }) => body(emit(cpu, soleVcpu), type));
}

function body(e: Emitter, type: number): FunctionBody {
  return { type, locals: e.locals, code: e.code, hints: e.hints };
}

/** `tlb(cpu, address, limit)`: the addend of the address's page where the TLB has it and the access fits, else 1. */
function emitTlb(cpu: Operand<"i32">, offset: number): Emitter {
  const e = new Emitter(3);
  const address = new Operand("i64", 1), limit = new Operand("i64", 2);
  const index = e.and(e.shrU(e.wrap(address), e.i32(8)), e.i32(0xfff0));
  const entry = e.add(tlbOf(e, cpu, address as I64), index);
  const tag = e.loadMemory("i64", 8, entry, offset);
  const addend = e.loadMemory("i32", 4, entry, offset + 8);
  e.get(e.select(e.ltU(e.sub(address as I64, tag as I64), limit), addend, e.i32(1)));
  return e;
}

/**
 * `sideExit(cpu, recordBase, executed, where)`: goes on in tier 1 at the instruction that `where` tells: its index in the
 * page in bits 9:0, in its block in bits 19:10, and, where a region stands in its record, the slot of its handler above.
 */
function emitSideExit(): Emitter {
  const e = new Emitter(4);
  const cpu = new Operand("i32", 0), recordBase = new Operand("i32", 1);
  const executed = new Operand("i32", 2), where = new Operand("i64", 3);
  const sideExits = e.add(e.loadMemory("i64", 8, cpu, STATE.sideExits.offset) as I64, e.i64(1));
  e.storeMemory(8, cpu, STATE.sideExits.offset, sideExits);
  const low = e.wrap(where), slot = e.wrap(e.shrU(where as I64, e.i32(20)));
  const record = e.add(recordBase as I32, e.shl(e.and(low, e.i32(1023)), e.i32(4)));
  const position = e.and(e.shrU(low, e.i32(10)), e.i32(1023));
  e.get(cpu);
  e.get(record);
  e.get(e.sub(e.add(executed as I32, position), e.shrU(record, e.i32(4))));
  e.get(e.select(slot, slot, e.loadMemory("i32", 2, record, 0)));
  e.code.raw([0x13, TYPE.handler, 0x00]); // return_call_indirect
  e.endOfCode();
  return e;
}

/** `endSlice(cpu, pc, executed)`: leaves with the budget spent. */
function emitEndSlice(cpu: Operand<"i32">): Emitter {
  const e = new Emitter(3);
  endSlice(e, cpu, new Operand("i64", 1), new Operand("i32", 2), "region");
  return e;
}

/**
 * `callFar(cpu, address, executed, branchType)`: runs what is at an address of any page until it returns, and gives the
 * address it returned to. A call nested too deeply leaves: a jump would keep the caller's frame.
 */
function emitCallFar(cpu: Operand<"i32">): Emitter {
  const e = new Emitter(4);
  const address = new Operand("i64", 1);
  const executed = new Operand("i32", 2), branchType = new Operand("i32", 3);
  const depth = e.loadMemory("i32", 4, cpu, STATE.depth.offset);
  e.beginIf(e.ltU(depth as I32, e.i32(DEPTH_MAX)), 1);
  const record = emitFind(e, cpu, address, executed, branchType as I32);
  const slot = countArrival(e, cpu, record);
  e.storeMemory(4, cpu, STATE.depth.offset, e.add(depth as I32, e.i32(1)));
  e.get(cpu);
  e.get(record);
  e.get(e.sub(executed as I32, e.shrU(record, e.i32(4))));
  e.get(slot);
  e.code.raw([0x11, TYPE.handler, 0x00]); // call_indirect
  const returned = e.take("i64");
  e.storeMemory(4, cpu, STATE.depth.offset, depth);
  e.get(returned);
  e.return();
  e.endBlock();
  leaveForFetch(e, cpu, address, executed, branchType);
  return e;
}

/** Writes `flags(cpu, state, a64, b64, a32, b32)`: NZCV from what a region keeps of the flags. */
class FlagsEmitter extends GuestEmitter {
  constructor(readonly cpu: Operand<"i32">) {
    super(6);
  }

  write(): this {
    const state = new Operand("i32", 1);
    const locals = {
      state,
      a64: new Operand("i64", 2),
      b64: new Operand("i64", 3),
      a32: new Operand("i32", 4),
      b32: new Operand("i32", 5),
    };
    for (const kind of [FLAGS.sub64, FLAGS.sub32, FLAGS.logic64, FLAGS.logic32, FLAGS.add64, FLAGS.add32] as const) {
      const [a, b] = flagOperands(kind, locals);
      this.beginIf(this.eq(state as I32, this.i32(kind)));
      this.get(this.#nzcv(kind, a, b));
      this.return();
      this.endBlock();
    }
    this.get(this.select(this.eqz(state), this.nzcv(), locals.a32));
    return this;
  }

  #nzcv(kind: FlagState, a: Int, b: Int): I32 {
    if (kind === FLAGS.add64 || kind === FLAGS.add32) return this.nzcvOfAdd(a, b, this.add(a, b));
    if (kind === FLAGS.sub64 || kind === FLAGS.sub32) return this.nzcvOfSub(a, b, this.sub(a, b));
    return this.nzcvOf(a, null, null);
  }

  protected spill(): void {}
  protected reload(): void {}
  protected leave(): void {}
  checkInterrupts(): void {}
}

/** Writes `name(cpu, a, b)` of a computation that Builder.outline names. */
function emitOutline(body: Computation, soleVcpu: number): Emitter {
  // Without operands tier 1 writes what any code can use: its parameters are as many, the first the state block.
  const e = new Tier1Emitter(0, MODULE_FUNCTIONS.dispatch, false, soleVcpu);
  e.get(body(e, new Operand("i64", 1), new Operand("i64", 2)));
  return e;
}
