import { EC } from "../cpu/syndrome.ts";
import {
  CODE_EXCEPTIONS,
  EXCEPTION_BYTES,
  EXCEPTION_KINDS,
  EXCEPTIONS,
  EXIT_KINDS,
  type ExitKind,
  REGIME_BYTES,
  REGIMES,
  SITE_COUNT,
  SP_SLOT,
  SPAN_BYTES,
  SPANS,
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
import { IMPORT } from "./guest_emitter.ts";
import { countAt, cpuOperand, emitFind, goOn, HANDLER_PARAMS, leaveCode } from "./code_flow.ts";

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

/** Indices of functions of the module that the code is in. */
export interface ExceptionFunctions {
  readonly resume: number;
  readonly enterRegime: number;
}

/**
 * Writes what generated code does of exceptions by itself, so that a system call is not two visits to TypeScript: an SVC
 * to EL1 and the ERET from there, and an HVC to a resident of EL2 and back. What is out of the ordinary in any way is left
 * to TypeScript (cpu/exceptions.ts), which does the same; see STATE.codeExceptions.
 * Each is a handler of tier 1, called for the record of the instruction.
 */
export class ExceptionCode extends Emitter {
  readonly #cpu: Operand<"i32">;
  readonly #record = new Operand("i32", 1);
  readonly #count = new Operand("i32", 2);
  /** Instructions executed with this one, minus the budget. */
  readonly #executed = this.newLocal("i32");

  constructor(readonly functions: ExceptionFunctions, soleVcpu: number) {
    super(HANDLER_PARAMS);
    this.#cpu = cpuOperand(soleVcpu);
  }

  /** SVC: Arm DDI 0487, AArch64.CallSupervisor() and AArch64.TakeException(). */
  supervisorCall(): this {
    const pstate = this.#get32("pstate");
    const handler = this.or(this.and(pstate, this.i32(PSTATE_KEPT)), this.#get32("pstateEl1"));
    const regime = this.#regimeOf(handler), vbar = this.#load64(slot("VBAR", 1));
    this.#leaveToTypeScript("svc", [
      ...this.#unusual(CODE_EXCEPTIONS.svc),
      this.and(pstate, this.i32(2 << 2)), // EL2 or EL3
      this.#mayHaveTag(vbar),
      this.#isUnknown(regime),
    ]);
    this.#saveState(1, EC.svc, pstate);
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
    this.#leaveToTypeScript("hvc", [
      ...this.#unusual(CODE_EXCEPTIONS.hvc),
      this.xor(this.and(old, this.i32(PSTATE.EL)), this.i32(1 << 2)),
    ]);
    this.#saveState(2, EC.hvc, old);
    this.beginIf(this.and(old, this.i32(PSTATE.SP)), 1);
    this.#swapSp(1, 2);
    this.beginElse();
    this.#swapSp(0, 2);
    this.endBlock();
    this.#set32("pstate", this.or(this.and(old, this.i32(PSTATE_KEPT)), this.#get32("pstateEl2")));
    this.#set32("record", this.#record as I32);
    this.#set32("budget", this.#executed as I32);
    this.beginIf(this.callFunction(IMPORT.resident, "i32", this.i32(0)), 0);
    this.#returnCall(this.functions.resume);
    this.endBlock();
    const spsr = this.wrap(this.#load64(slot("SPSR", 2))), pstate = this.and(spsr, this.#get32("returnedBits"));
    this.#returnState(spsr, pstate);
    this.beginIf(this.and(pstate, this.i32(PSTATE.SP)), 1);
    this.#swapSp(2, 1);
    this.beginElse();
    this.#swapSp(2, 0);
    this.endBlock();
    this.get(this.#get32("budget"));
    this.set(this.#executed);
    this.#goTo(this.#load64(slot("ELR", 2)), this.i32(0));
    return this;
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

  /** Values that are all 0 while this kind of exception may be taken here; counts the instruction. */
  #unusual(bit: number): I32[] {
    this.get(this.add(this.add(this.#count as I32, this.shrU(this.#record as I32, this.i32(4))), this.i32(1)));
    this.set(this.#executed);
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

  /** Sets ESR_ELx, ELR_ELx and SPSR_ELx, and counts the exception, whose ISS is the exit's argument. */
  #saveState(el: 1 | 2, ec: number, pstate: I32): void {
    const offset = this.shrU(this.sub(this.#record as I32, this.#get32("recordBase")), this.i32(2));
    const pc = this.add(this.#load64(STATE.pcPage.offset), this.zeroExtend(offset));
    const esr = this.or(this.zeroExtend(this.i32(ec << 26 | IL)), this.#load64(STATE.exitArgument.offset));
    this.#store64(STATE.pc.offset, pc);
    this.#store64(slot("ESR", el), esr);
    this.#store64(slot("ELR", el), this.add(pc, this.i64(4)));
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

/** Writes `enterRegime(cpu, regime)`: what cpu/regime.ts and mmu/tlb.ts do for a regime that is known. */
export function emitEnterRegime(soleVcpu: number): Emitter {
  const e = new Emitter(2);
  const cpu = cpuOperand(soleVcpu), regime = new Operand("i32", 1);
  const place = (number: I32): I32 => e.add(cpu as I32, e.mul(number, e.i32(REGIME_BYTES)));
  const at = place(regime as I32);
  const copy = (bytes: 4 | 8, from: number, to: number): void => {
    e.storeMemory(bytes, cpu, to, e.loadMemory(bytes === 4 ? "i32" : "i64", bytes, at, REGIMES + from));
  };
  const get = (field: StateField): I32 => e.loadMemory("i32", 4, cpu, STATE[field].offset);
  const isSame = (field: StateField, from: number): I32 =>
    e.eq(get(field), e.loadMemory("i32", 4, at, REGIMES + from) as I32);
  e.beginIf(e.eqz(e.and(isSame("tlb", 8), isSame("tlbUpper", 12))));
  forgetPages(e, cpu);
  e.endBlock();
  copy(4, 8, STATE.tlb.offset);
  copy(4, 12, STATE.tlbUpper.offset);
  copy(4, 16, STATE.tlbUnprivileged.offset);
  copy(4, 20, STATE.guarded.offset);
  const sameWords = (number: I32): I32 => e.loadMemory("i32", 4, place(number), REGIMES + 4);
  e.beginIf(e.ne(sameWords(regime as I32), sameWords(get("regime"))));
  copy(4, 24, STATE.fpTrap.offset);
  copy(4, 28, STATE.zvaTrap.offset);
  copy(4, 32, STATE.pauth.offset);
  [STATE.pacMaskLow, STATE.pacMaskHigh, STATE.pacMaskDataLow, STATE.pacMaskDataHigh].forEach(({ offset }, i) =>
    copy(8, 40 + 8 * i, offset)
  );
  const dzp = e.shl(get("zvaTrap"), e.i32(4));
  e.storeMemory(8, cpu, SYSREG + 8 * sysregIndex("DCZID_EL0"), e.zeroExtend(e.or(dzp, e.i32(4))));
  e.endBlock();
  e.storeMemory(4, cpu, STATE.regime.offset, regime);
  return e;
}

/** Forgets the pages of one context, as cpu/sites.ts does. */
function forgetPages(e: Emitter, cpu: Operand<"i32">): void {
  const zero = e.v128(0n, 0n);
  for (let at = 0; at < SITE_COUNT * SPAN_BYTES; at += 16) e.storeMemory(16, cpu, SPANS + at, zero);
}
