import type { I32, I64, Value } from "./builder.ts";
import { EXIT_KINDS, HOT, HOT_COUNTERS, STATE } from "../cpu/layout.ts";
import { IMPORT, tlbOf } from "./guest_emitter.ts";
import { Emitter, Operand } from "./emitter.ts";
import { EXEC_TLB_OFFSET } from "./memory_request.ts";
import { makeFlagsExact } from "./lazy_flags.ts";

/*
 * How generated code goes on from record to record, in handlers and regions alike, and how it is left.
 */

/** Indices of the function types that every module of generated code has. */
export const TYPE = {
  handler: 0,
  import: 1,
  dispatch: 2,
  exit: 3,
  resume: 4,
  enterRegime: 5,
  enter: 6,
  access: 7,
} as const;
/** Parameters of a handler: `(cpu, record, count, head)`, see Tier1Emitter. */
export const HANDLER_PARAMS = 4;
/** The exit for TypeScript to translate the PC. */
const FETCH_EXIT = EXIT_KINDS.indexOf("fetch");
/** Arrivals after which TypeScript is told of a hot record: a power of two. */
const HOT_PERIOD = 4096;
/** Set in the record that TypeScript is told of: accesses of its region that were checked together lie in two pages. */
export const HOT_STRADDLE = 1;

/** How dispatch is told of the kind of an indirect branch: not 0 where BTYPE will be. */
export const BRANCH_TYPE = { ret: 0, br: 1, blr: 2 } as const;

/** Added to the BRANCH_TYPE that TypeScript is told of: the branch may have come from a region. */
export const FETCH_FROM_REGION = 4;

/** What generated code returns, with the state field `left` set, when TypeScript has to look; else it is an address. */
export const LEFT = 1;

/** The vCPU's state block in generated code: a constant where there is one vCPU, as V8 then checks no bounds. */
export function cpuOperand(soleVcpu: number): Operand<"i32"> {
  return soleVcpu ? new Operand("i32", -1, soleVcpu) : new Operand("i32", 0);
}

/** Returns to TypeScript, through all WebAssembly callers: none expects an odd address. */
export function leaveCode(e: Emitter, cpu: Operand<"i32">): void {
  e.storeMemory(4, cpu, STATE.left.offset, e.i32(1));
  e.code.raw([0x42, LEFT]);
  e.return();
}

/** Ends the slice: `pc` is the next instruction, and `executed` the number executed minus the budget. */
export function endSlice(
  e: Emitter,
  cpu: Operand<"i32">,
  pc: Value,
  executed: Value,
  kind: "slice" | "region" = "slice",
): void {
  e.storeMemory(8, cpu, STATE.pc.offset, pc);
  e.storeMemory(4, cpu, STATE.exitKind.offset, e.i32(EXIT_KINDS.indexOf(kind)));
  e.storeMemory(4, cpu, STATE.budget.offset, executed);
  leaveCode(e, cpu);
}

/** Table slots of the code in exception_code.ts. */
export const EXCEPTION_SLOTS = { svc: 4, hvc: 5, eret: 6 } as const;

/** Table slots below are handlers of instructions, the others regions of the JIT. */
export const FIRST_REGION_SLOT = 0x8000;

/** The first half of a record: the table slot of its handler in bits 15:0, then its operand slots. */
export function loadHead(e: Emitter, record: Value, offset = 0): Operand<"i64"> {
  return e.loadMemory("i64", 8, record, offset);
}

/** The table slot in the head of a record. */
export function slotOfHead(e: Emitter, head: Value): I32 {
  return e.and(e.wrap(head as I64), e.i32(0xffff));
}

/** The count of a handler's parameters at a record, from the number executed minus the budget. */
export function countAt(e: Emitter, record: I32, executed: Value): I32 {
  return e.sub(executed as I32, e.shrU(record, e.i32(4)));
}

/** Pushes the arguments and the callee of an indirect call of a record's handler, which has the type `handler`. */
export function pushHandler(
  e: Emitter,
  cpu: Operand<"i32">,
  record: Value,
  count: Value,
  head: Value = loadHead(e, record),
  slot: Value = slotOfHead(e, head),
): void {
  for (const value of [cpu, record, count, head, slot]) e.get(value);
}

/** Goes on with a record's handler, in a tail call. */
export function goOn(...call: Parameters<typeof pushHandler>): void {
  pushHandler(...call);
  const [e] = call;
  e.code.raw([0x13, TYPE.handler, 0x00]); // return_call_indirect
  e.endOfCode();
}

/**
 * Counts the arrivals at a record that is no region yet, and has TypeScript look at it every HOT_PERIOD times.
 * @param exactFlags function that tier 1 needs to be called first where regions may come by (lazy_flags.ts).
 * @returns the head of the record: of what runs there.
 */
export function countArrival(
  e: Emitter,
  cpu: Operand<"i32">,
  record: I32,
  exactFlags: number | null = null,
): Operand<"i64"> {
  const head = loadHead(e, record);
  e.beginIf(e.ltU(slotOfHead(e, head), e.i32(FIRST_REGION_SLOT)));
  if (exactFlags !== null) makeFlagsExact(e, cpu, exactFlags);
  const counter = e.add(cpu as I32, e.and(e.shrU(record, e.i32(3)), e.i32(2 * HOT_COUNTERS - 2)));
  const count = e.add(e.loadMemory("i32", 2, counter, HOT) as I32, e.i32(1));
  e.storeMemory(2, counter, HOT, count);
  e.beginIf(e.eqz(e.and(count, e.i32(HOT_PERIOD - 1))), 0);
  e.callFunction(IMPORT.hot, "i32", record);
  e.endBlock();
  e.endBlock();
  return head;
}

/**
 * Writes the way to the record of an address: by way of the execute TLB, or of TypeScript, which translates it or takes an
 * exception; then the code is left. `pcPage` and `recordBase` are set. TypeScript is asked too where a branch of a
 * BRANCH_TYPE that is not 0 goes to a guarded page, to check its target (FEAT_BTI), and where the budget is spent: such a
 * branch has not looked at it, as the slice must not end between it and the check of its target.
 * @param executed a local, which is read again behind TypeScript.
 * @param exactFlags function to be called before TypeScript where regions may come by (lazy_flags.ts).
 */
export function emitFind(
  e: Emitter,
  cpu: Operand<"i32">,
  address: Operand<"i64">,
  executed: Operand<"i32">,
  branchType: I32 | null,
  exactFlags: number | null,
): I32 {
  const result = e.newLocal("i32");
  const index = e.and(e.shrU(e.wrap(address), e.i32(8)), e.i32(0xfff0));
  const entry = e.add(tlbOf(e, cpu, address as I64), index);
  const tag = e.loadMemory("i64", 8, entry, EXEC_TLB_OFFSET);
  const offset = e.sub(address as I64, tag as I64);
  // Neither beyond the page nor misaligned
  let hit: I32 = e.eqz(e.and(offset, e.i64(~0xffc)));
  if (branchType) {
    // The entry's flags are 3 for a guarded page.
    hit = e.and(hit, e.eqz(e.and(e.loadMemory("i32", 4, entry, EXEC_TLB_OFFSET + 12), branchType)));
    hit = e.and(hit, e.ltS(executed as I32, e.i32(0)));
  }
  e.beginIf(hit, 1);
  const recordBase = e.loadMemory("i32", 4, entry, EXEC_TLB_OFFSET + 8);
  e.storeMemory(8, cpu, STATE.pcPage.offset, tag);
  e.storeMemory(4, cpu, STATE.recordBase.offset, recordBase);
  e.get(e.add(recordBase as I32, e.shl(e.wrap(offset), e.i32(2))));
  e.set(result);
  e.beginElse();
  if (exactFlags !== null) makeFlagsExact(e, cpu, exactFlags);
  e.storeMemory(8, cpu, STATE.pc.offset, address);
  e.storeMemory(4, cpu, STATE.budget.offset, executed);
  const from = e.i32(exactFlags === null ? 0 : FETCH_FROM_REGION);
  e.get(e.callFunction(IMPORT.fetch, "i32", branchType ? e.or(branchType, from) : from));
  e.set(result);
  e.beginIf(e.eqz(result), 0);
  leaveCode(e, cpu);
  e.endBlock();
  e.get(e.loadMemory("i32", 4, cpu, STATE.budget.offset));
  e.set(executed);
  e.endBlock();
  return result;
}

/** Writes `dispatch(cpu, address, executed, branchType)`: goes on at an address of any page. */
export function emitDispatch(profile: boolean, soleVcpu: number, exactFlags: number | null = null): Emitter {
  const e = new Emitter(4);
  const cpu = cpuOperand(soleVcpu), address = new Operand("i64", 1);
  const executed = new Operand("i32", 2), branchType = new Operand("i32", 3);
  const record = emitFind(e, cpu, address, executed, branchType, exactFlags);
  const head = profile ? countArrival(e, cpu, record, exactFlags) : loadHead(e, record);
  goOn(e, cpu, record, countAt(e, record, executed), head);
  return e;
}

/** Writes `resume(cpu)`: goes on where TypeScript has said, or leaves. */
export function emitResume(soleVcpu: number): Emitter {
  const e = new Emitter(1);
  const cpu = cpuOperand(soleVcpu);
  const record = e.loadMemory("i32", 4, cpu, STATE.resume.offset);
  e.beginIf(e.eqz(record));
  leaveCode(e, cpu);
  e.endBlock();
  goOn(e, cpu, record, countAt(e, record as I32, e.loadMemory("i32", 4, cpu, STATE.budget.offset)));
  return e;
}

/** Leaves for TypeScript to translate an address, which a branch of that BRANCH_TYPE goes to. */
export function leaveForFetch(
  e: Emitter,
  cpu: Operand<"i32">,
  address: Operand<"i64">,
  executed: Operand<"i32">,
  branchType: Operand<"i32">,
): void {
  e.storeMemory(8, cpu, STATE.pc.offset, address);
  e.storeMemory(4, cpu, STATE.budget.offset, executed);
  e.storeMemory(4, cpu, STATE.exitKind.offset, e.i32(FETCH_EXIT));
  e.storeMemory(8, cpu, STATE.exitArgument.offset, e.zeroExtend(branchType));
  leaveCode(e, cpu);
}
