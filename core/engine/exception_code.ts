import { EC } from "../cpu/syndrome.ts";
import {
  CODE_EXCEPTIONS,
  EXCEPTION_BYTES,
  EXCEPTION_KINDS,
  EXCEPTIONS,
  EXIT_KINDS,
  type ExitKind,
  KNOWN_ABORT_BYTES,
  KNOWN_ABORT_COUNT,
  KNOWN_ABORTS,
  REGIME_BYTES,
  REGIMES,
  SCRATCH,
  SP_SLOT,
  STATE,
  type StateField,
  SYSREG,
  SYSREG_ACCESS,
  X,
} from "../cpu/layout.ts";
import { PSTATE, PSTATE_KEPT } from "../cpu/pstate.ts";
import { sysregIndex } from "../cpu/sysregs.ts";
import type { I32, I64, Value } from "./builder.ts";
import { Emitter, Operand } from "./emitter.ts";
import { IMPORT, tlbOf } from "./guest_emitter.ts";
import { countAt, cpuOperand, emitFind, goOn, HANDLER_PARAMS, leaveCode } from "./code_flow.ts";
import { HOST_PAGE_OFFSET } from "./record.ts";

const SP = X + 8 * SP_SLOT;
const SP_EL0 = SYSREG + 8 * sysregIndex("SP_EL0");
const SP_EL0_ACCESS = SYSREG_ACCESS + sysregIndex("SP_EL0");
/** ESR_ELx.IL. */
const IL = 1 << 25;
/** What is added to VBAR_EL1 by who takes the exception: EL0, and EL1 with its own stack pointer. */
const VECTOR_LOWER = 0x400, VECTOR_SPX = 0x200;

function slot(name: string, el: number): number {
  return SYSREG + 8 * sysregIndex(`${name}_EL${el}`);
}

/** Parameters of `memoryAccess`: `(cpu, request)`. */
export const ACCESS_PARAMS = 2;
/** In a packed MemoryRequest. */
const REQUEST_BYTES = 0xff;

/** Indices of functions of the module that the code is in. */
export interface ExceptionFunctions {
  readonly resume: number;
  readonly enterRegime: number;
}

/**
 * Writes what generated code does of exceptions by itself, so that a system call is not two visits to TypeScript: an SVC
 * to EL1 and the ERET from there, and an HVC or an access to a device that goes to a resident of EL2, and back. What is out
 * of the ordinary in any way is left to TypeScript (cpu/exceptions.ts), which does the same; see STATE.codeExceptions.
 * Each but the access is a handler of tier 1, called for the record of the instruction.
 */
export class ExceptionCode extends Emitter {
  readonly #cpu: Operand<"i32">;
  #record = new Operand("i32", 1);
  readonly #count = new Operand("i32", 2);
  /** Instructions executed with this one, minus the budget. */
  readonly #executed = this.newLocal("i32");

  constructor(readonly functions: ExceptionFunctions, soleVcpu: number, paramCount = HANDLER_PARAMS) {
    super(paramCount);
    this.#cpu = cpuOperand(soleVcpu);
  }

  /** SVC: Arm DDI 0487, AArch64.CallSupervisor() and AArch64.TakeException(). */
  supervisorCall(): this {
    const pstate = this.#get32("pstate");
    const handler = this.or(this.and(pstate, this.i32(PSTATE_KEPT)), this.#get32("pstateEl1"));
    const regime = this.#regimeOf(handler), vbar = this.#load64(slot("VBAR", 1));
    this.#countInstruction();
    this.#leaveToTypeScript("svc", [
      ...this.#unusual(CODE_EXCEPTIONS.svc),
      this.and(pstate, this.i32(2 << 2)), // EL2 or EL3
      this.#mayHaveTag(vbar),
      this.#isUnknown(regime),
    ]);
    this.#takeCall(1, EC.svc, pstate);
    this.beginIf(this.eqz(this.and(pstate, this.i32(PSTATE.SP))), 1);
    this.#swapSp(0, 1);
    this.endBlock();
    this.#set32("pstate", handler);
    const isFromEl0 = this.eqz(this.and(pstate, this.i32(PSTATE.EL)));
    const spx = this.shl(this.and(pstate, this.i32(PSTATE.SP)), this.i32(9));
    const vector = this.select(isFromEl0, this.i32(VECTOR_LOWER), spx) as I32;
    this.#goTo(this.add(vbar, this.zeroExtend(vector)), this.#enter(regime));
    return this;
  }

  /** ERET at EL1: Arm DDI 0487, AArch64.ExceptionReturn(). */
  exceptionReturn(): this {
    const old = this.#get32("pstate"), spsr = this.wrap(this.#load64(slot("SPSR", 1)));
    const pstate = this.and(spsr, this.#get32("returnedBits")), regime = this.#regimeOf(pstate);
    const mode = this.and(spsr, this.i32(0x1f)), address = this.#load64(slot("ELR", 1));
    this.#countInstruction();
    this.#leaveToTypeScript("eret", [
      ...this.#unusual(CODE_EXCEPTIONS.eret),
      this.xor(this.and(old, this.i32(PSTATE.EL)), this.i32(1 << 2)),
      // To EL0t, EL1t or EL1h
      this.and(mode, this.i32(0x1a)),
      this.eq(mode, this.i32(1)),
      this.and(spsr, this.i32(PSTATE.IL | PSTATE.BTYPE)),
      this.#mayHaveTag(address),
      this.#isUnknown(regime),
    ]);
    this.#returnState(spsr, pstate);
    this.beginIf(this.and(this.xor(old, pstate), this.i32(PSTATE.SP)), 1);
    this.beginIf(this.and(pstate, this.i32(PSTATE.SP)));
    this.#swapSp(0, 1);
    this.beginElse();
    this.#swapSp(1, 0);
    this.endBlock();
    this.endBlock();
    this.#goTo(address, this.#enter(regime));
    return this;
  }

  /** HVC at EL1: the exception, what the resident makes of it, and its ERET unless that leads elsewhere. */
  hypervisorCall(): this {
    const old = this.#get32("pstate");
    this.#countInstruction();
    this.#leaveToTypeScript("hvc", [
      ...this.#unusual(CODE_EXCEPTIONS.hvc),
      this.xor(this.and(old, this.i32(PSTATE.EL)), this.i32(1 << 2)),
    ]);
    this.#takeCall(2, EC.hvc, old);
    this.#set32("record", this.#record as I32);
    this.#callResident("hvc", old, () => this.#returnCall(this.functions.resume));
    this.get(this.#get32("budget"));
    this.set(this.#executed);
    const elr = this.#load64(slot("ELR", 2)), offset = this.sub(elr, this.#load64(STATE.pcPage.offset));
    this.beginIf(this.#isInPage(offset), 1);
    const record = this.#recordAt(this.#get32("recordBase"), offset);
    goOn(this, this.#cpu, record, countAt(this, record, this.#executed));
    this.endBlock();
    this.#goTo(elr, this.i32(0));
    return this;
  }

  /**
   * `memoryAccess(cpu, request)`: what the TLB does not answer. A Data Abort that is in KNOWN_ABORTS is taken to the
   * resident of EL2, with what that makes of it; TypeScript does all other accesses.
   */
  memoryAccess(): this {
    const request = new Operand("i32", 1);
    this.#record = this.#get32("record") as Operand<"i32">;
    this.get(this.add(this.#get32("budget"), this.i32(1)));
    this.set(this.#executed);
    const address = this.#load64(SCRATCH + 16) as Operand<"i64">, low = this.wrap(address);
    const word = this.#instruction(), known = this.#knownAbort(low, word), pstate = this.#get32("pstate");
    const unusual = [
      ...this.#unusual(CODE_EXCEPTIONS.hvc),
      // Misaligned: that may be another fault
      this.and(low, this.sub(this.and(request as I32, this.i32(REQUEST_BYTES)), this.i32(1))),
      this.ne(this.loadMemory("i64", 8, known, KNOWN_ABORTS) as I64, this.and(address, this.i64(~0xfff))),
      this.ne(this.loadMemory("i32", 4, known, KNOWN_ABORTS + 8) as I32, tlbOf(this, this.#cpu, address)),
      this.ne(this.loadMemory("i32", 4, known, KNOWN_ABORTS + 12) as I32, word),
    ];
    this.beginIf(unusual.reduce((a, b) => this.or(a, b)), 1);
    this.get(this.callFunction(IMPORT.memory, "i32", this.#cpu, request));
    this.return();
    this.endBlock();
    const pc = this.#pc();
    this.#store64(slot("FAR", 2), address);
    this.#store64(slot("HPFAR", 2), this.loadMemory("i64", 8, known, KNOWN_ABORTS + 24));
    this.#saveState(2, EC.dataAbortLower, pstate, pc, pc, this.loadMemory("i64", 8, known, KNOWN_ABORTS + 16));
    this.#callResident("redirect", pstate, () => {
      this.get(this.i32(1));
      this.return();
    });
    const elr = this.#load64(slot("ELR", 2)), offset = this.sub(elr, this.#load64(STATE.pcPage.offset));
    this.#set32("resume", this.#recordAt(this.#get32("recordBase"), offset));
    this.beginIf(this.eqz(this.#isInPage(offset)), 0);
    // TypeScript translates the address
    this.#store64(STATE.pc.offset, elr);
    this.#set32("exitKind", this.i32(EXIT_KINDS.indexOf("redirect")));
    this.#set32("resume", this.i32(0));
    this.endBlock();
    this.get(this.i32(1));
    return this;
  }

  /** The instruction word of the record. */
  #instruction(): I32 {
    const base = this.#get32("recordBase"), page = this.loadMemory("i32", 4, base, HOST_PAGE_OFFSET) as I32;
    const at = this.add(this.shl(page, this.i32(12)), this.#pageOffset());
    return this.loadMemory("i32", 4, at, 0) as I32;
  }

  /** Where the entry of KNOWN_ABORTS stands in the state block, as cpu/known_aborts.ts has it. */
  #knownAbort(low: I32, word: I32): I32 {
    const hash = this.xor(this.xor(this.shrU(low, this.i32(12)), word), this.shrU(word, this.i32(10)));
    const index = this.and(hash, this.i32(KNOWN_ABORT_COUNT - 1));
    return this.add(this.#cpu as I32, this.mul(index, this.i32(KNOWN_ABORT_BYTES)));
  }

  /** What an exception to EL2 has left to do, its resident, and the ERET, unless that leads elsewhere: then `otherwise`. */
  #callResident(kind: ExitKind, old: I32, otherwise: () => void): void {
    this.beginIf(this.and(old, this.i32(PSTATE.SP)), 1);
    this.#swapSp(1, 2);
    this.beginElse();
    this.#swapSp(0, 2);
    this.endBlock();
    this.#set32("pstate", this.or(this.and(old, this.i32(PSTATE_KEPT)), this.#get32("pstateEl2")));
    this.#set32("budget", this.#executed as I32);
    this.beginIf(this.callFunction(IMPORT.resident, "i32", this.i32(EXIT_KINDS.indexOf(kind))), 0);
    otherwise();
    this.endBlock();
    const spsr = this.wrap(this.#load64(slot("SPSR", 2))), pstate = this.and(spsr, this.#get32("returnedBits"));
    this.#returnState(spsr, pstate);
    this.beginIf(this.and(pstate, this.i32(PSTATE.SP)), 1);
    this.#swapSp(2, 1);
    this.beginElse();
    this.#swapSp(2, 0);
    this.endBlock();
  }

  // State
  #get32(field: StateField): I32 {
    return this.loadMemory("i32", 4, this.#cpu, STATE[field].offset);
  }
  #set32(field: StateField, value: I32): void {
    this.storeMemory(4, this.#cpu, STATE[field].offset, value);
  }
  #load64(offset: number): I64 {
    return this.loadMemory("i64", 8, this.#cpu, offset);
  }
  #store64(offset: number, value: Value): void {
    this.storeMemory(8, this.#cpu, offset, value);
  }
  #returnCall(index: number): void {
    this.get(this.#cpu);
    this.code.u8(0x12); // return_call
    this.code.u32(index);
    this.endOfCode();
  }

  /** The number of the regime of a PSTATE; see REGIMES. */
  #regimeOf(pstate: I32): I32 {
    const el = this.and(this.shrU(pstate, this.i32(2)), this.i32(3));
    const pan = this.and(this.shrU(pstate, this.i32(20)), this.i32(12));
    return this.add(this.or(el, pan), this.#get32("regimeSecure"));
  }
  #placeOf(regime: I32): I32 {
    return this.add(this.#cpu as I32, this.mul(regime, this.i32(REGIME_BYTES)));
  }
  /** Not 0 for a regime that is neither in effect nor known. */
  #isUnknown(regime: I32): I32 {
    const epoch = this.loadMemory("i32", 4, this.#placeOf(regime), REGIMES);
    const isOld = this.ne(epoch as I32, this.#get32("regimeEpoch"));
    return this.and(isOld, this.ne(regime, this.#get32("regime")));
  }

  #countInstruction(): void {
    this.get(this.add(this.add(this.#count as I32, this.shrU(this.#record as I32, this.i32(4))), this.i32(1)));
    this.set(this.#executed);
  }

  /** Values that are all 0 while this kind of exception may be taken here. */
  #unusual(bit: number): I32[] {
    return [
      this.eqz(this.and(this.#get32("codeExceptions"), this.i32(bit))),
      this.#get32("attention"),
      this.geS(this.#executed as I32, this.i32(0)),
    ];
  }

  /** Has TypeScript do it all where one of the values is not 0. */
  #leaveToTypeScript(kind: ExitKind, unusual: readonly I32[]): void {
    this.beginIf(unusual.reduce((a, b) => this.or(a, b)), 0);
    this.#set32("record", this.#record as I32);
    this.#set32("budget", this.sub(this.#executed as I32, this.i32(1)));
    this.callProcedure(IMPORT.exit, this.i32(EXIT_KINDS.indexOf(kind)));
    this.#returnCall(this.functions.resume);
    this.endBlock();
  }

  /** Whether a distance from a page's start is that of an instruction in the page; and that instruction's record. */
  #isInPage(offset: I64): I32 {
    return this.eqz(this.and(offset, this.i64(~0xffc)));
  }
  #recordAt(recordBase: I32, offset: I64): I32 {
    return this.add(recordBase, this.shl(this.wrap(offset), this.i32(2)));
  }
  #pageOffset(): I32 {
    return this.shrU(this.sub(this.#record as I32, this.#get32("recordBase")), this.i32(2));
  }
  #pc(): I64 {
    return this.add(this.#load64(STATE.pcPage.offset), this.zeroExtend(this.#pageOffset()));
  }

  /** Saves the state for an SVC or HVC, whose immediate is the exit's argument. */
  #takeCall(el: 1 | 2, ec: number, pstate: I32): void {
    const pc = this.#pc();
    const esr = this.or(this.zeroExtend(this.i32(ec << 26 | IL)), this.#load64(STATE.exitArgument.offset));
    this.#saveState(el, ec, pstate, pc, this.add(pc, this.i64(4)), esr);
  }

  /** Sets ESR_ELx, ELR_ELx and SPSR_ELx, and counts the exception. */
  #saveState(el: 1 | 2, ec: number, pstate: I32, pc: I64, returnAddress: I64, esr: Value): void {
    this.#store64(STATE.pc.offset, pc);
    this.#store64(slot("ESR", el), esr);
    this.#store64(slot("ELR", el), returnAddress);
    const psr = this.or(this.shl(this.#get32("nzcv"), this.i32(28)), pstate);
    this.#store64(slot("SPSR", el), this.zeroExtend(psr));
    const entry = EXCEPTIONS + EXCEPTION_BYTES * (EXCEPTION_KINDS * el + ec);
    const count = this.loadMemory("f64", 8, this.#cpu, entry);
    this.#store64(entry, this.op("f64.add", count, this.f64(1)));
    this.#store64(entry + 8, esr);
    this.#store64(entry + 16, this.#load64(slot("FAR", el)));
    this.#store64(entry + 24, this.#load64(slot("HPFAR", 2)));
    this.#store64(entry + 32, pc);
  }

  /** What an ERET does beside the stack pointer, the regime and the PC. */
  #returnState(spsr: I32, pstate: I32): void {
    this.#set32("nzcv", this.shrU(spsr, this.i32(28)));
    this.#set32("exclusiveBytes", this.i32(0));
    this.#set32("pstate", pstate);
  }

  /** Puts SP in the register of one level, and that of another in SP; which SP_EL0 is then a register, or none. */
  #swapSp(from: number, to: number): void {
    this.#store64(SP_EL0 + 8 * from, this.#load64(SP));
    this.#store64(SP, this.#load64(SP_EL0 + 8 * to));
    if (from !== 0 && to !== 0) return;
    this.storeMemory(1, this.#cpu, SP_EL0_ACCESS, to === 0 ? this.i32(0) : this.#get32("spEl0Access"));
  }

  /** True for an address that has a tag in some regime: whose bits 63:55 are not all the same. */
  #mayHaveTag(address: I64): I32 {
    const top = this.wrap(this.shrS(address, this.i32(55)));
    return this.gtU(this.add(top, this.i32(1)), this.i32(1));
  }

  /** Enters a regime that is known. @returns not 0 if another was in effect. */
  #enter(regime: I32): I32 {
    const isOther = this.ne(regime, this.#get32("regime"));
    this.beginIf(isOther, 1);
    this.get(this.#cpu);
    this.get(regime);
    this.code.u8(0x10); // call
    this.code.u32(this.functions.enterRegime);
    this.endBlock();
    return isOther;
  }

  /** Goes on at an address: when all WebAssembly callers have returned where they were in another regime. */
  #goTo(address: I64, isOther: I32): void {
    const to = this.newLocal("i64");
    this.get(address);
    this.set(to);
    const record = emitFind(this, this.#cpu, to, this.#executed, null, null);
    this.beginIf(isOther);
    this.#set32("budget", this.#executed as I32);
    this.#set32("restart", record);
    leaveCode(this, this.#cpu);
    this.endBlock();
    goOn(this, this.#cpu, record, countAt(this, record, this.#executed));
  }
}
