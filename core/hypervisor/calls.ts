import { X } from "../cpu/layout.ts";
import { callName } from "../policy/call_names.ts";
import type { HypercallTrap, SmcTrap } from "../policy/trap.ts";
import { CALL_ERROR, type CallFunction, CallTable } from "./call_function.ts";
import { injectUndefined } from "./inject.ts";
import { HYPERCALLS } from "./hypercalls.ts";
import { SMCCC_FUNCTIONS } from "./smccc.ts";
import { ACTION } from "../policy/verdict.ts";
import { FRAME } from "./trap_frame.ts";
import type { VmVcpu } from "./vm.ts";

// What another module exports is looked up at every use
const DO = ACTION;
const X0 = X >>> 2;
/** Function identifiers of the SMC Calling Convention, fast calls. */
const SMCCC_FAST = 0x8000_0000;

const SMCCC = new CallTable(SMCCC_FUNCTIONS), OURS = new CallTable(HYPERCALLS);

/** An HVC: our hypercalls, or by its function identifier an SMCCC call. ELR_EL2 is behind the instruction already. */
export function handleHvc(c: VmVcpu, esr: number): void {
  const id = c.vcpu.xLo(0);
  const known = id >= SMCCC_FAST ? SMCCC.find(id) : c.vcpu.xHi(0) === 0 ? OURS.find(id) : undefined;
  const trap = c.vm.traps.hypercall, { common } = trap;
  c.vm.begin(c, common, esr);
  const pcLo = common.pcLo;
  common.pcLo = (pcLo - 4) >>> 0;
  if (pcLo < 4) common.pcHi = (common.pcHi - 1) >>> 0;
  call(c, trap, esr, known, id >= SMCCC_FAST || known === undefined ? CALL_ERROR.notSupported : CALL_ERROR.denied);
}

/** An SMC, which HCR_EL2.TSC traps: SMCCC calls. ELR_EL2 is at the instruction. */
export function handleSmc(c: VmVcpu, esr: number): void {
  const trap = c.vm.traps.smc;
  c.vm.begin(c, trap.common, esr);
  c.frame.advance();
  call(c, trap, esr, SMCCC.find(c.vcpu.xLo(0)), CALL_ERROR.notSupported);
}

/** @param denial the error of a denied call. */
function call(
  c: VmVcpu,
  trap: HypercallTrap | SmcTrap,
  esr: number,
  known: CallFunction | undefined,
  denial: number,
): void {
  const { vm, vcpu, frame } = c;
  trap.imm16 = esr & 0xffff;
  const id = trap.functionId = vcpu.xLo(0), nameKey = known === undefined ? -1 - id : id;
  if (nameKey !== trap.nameKey) {
    trap.nameKey = nameKey;
    trap.functionName = known === undefined ? callName(id) : known.name;
  }
  trap.follow(vcpu.w + X0);
  const verdict = vm.decide(trap);
  switch (verdict.actionIndex) {
    case DO.allow:
    case DO.mask:
    case DO.pause:
      if (known !== undefined && trap.imm16 === 0) {
        trap.capture();
        known.run(c);
      } else c.setResult(CALL_ERROR.notSupported);
      if (verdict.actionIndex === DO.mask) {
        const { clearLo, clearHi, valueLo, valueHi } = verdict;
        vcpu.setX(0, vcpu.xLo(0) & ~clearLo | valueLo, vcpu.xHi(0) & ~clearHi | valueHi);
      }
      break;
    case DO.value:
    case DO.ignore:
      vcpu.setX(0, verdict.valueLo, verdict.valueHi);
      break;
    case DO.deny:
      if (verdict.inject !== "undefined") {
        c.setResult(verdict.inject === "notSupported" ? CALL_ERROR.notSupported : denial);
      } else {
        frame.set(FRAME.elr_el2, trap.common.pcLo, trap.common.pcHi);
        injectUndefined(vcpu);
      }
  }
  trap.common.valueLo = vcpu.xLo(0);
  trap.common.valueHi = vcpu.xHi(0);
  vm.note(trap, verdict);
}
