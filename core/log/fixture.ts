import { encodeSysreg } from "../cpu/sysregs.ts";
import {
  AbortTrap,
  ExceptionTrap,
  HypercallTrap,
  MmioTrap,
  SmcTrap,
  SysregTrap,
  type Trap,
  type TrapCommon,
  WfxTrap,
} from "../policy/trap.ts";
import { ALLOW, makeVerdict, UNCLAIMED, type Verdict } from "../policy/verdict.ts";

/** A trap and what was decided on it, for tests. */
export type Decision = readonly [Trap, Verdict];

function make<T extends Trap>(trap: T, seq: number, parts: Partial<T>, common: Partial<TrapCommon> = {}): T {
  const usual = { seq, el: 1, time: seq * 1000, pcLo: 0x4008_1230 + 4 * seq, esr: 0x5600_0000 };
  Object.assign(trap.common, usual, common);
  return Object.assign(trap, parts);
}

/** One trap of each kind and more, in the order of their numbers from 1 on. */
export function sampleDecisions(): Decision[] {
  const call = make(new SmcTrap(), 6, { functionId: 0xc400_0003, functionName: "PSCI_CPU_ON" }, { esr: 0x5e00_0000 });
  call.registers.set([0xc400_0003, 0, 1, 0, 0x4100_0000, 0, 0xdead_beef, 0xffff_8000]);
  const loud = makeVerdict("deny", { rule: 'strict: deny.sysreg("DBG*")', error: "boom\n\x1b[31m" });
  return [
    [make(new MmioTrap(), 1, { ipa: 0x900_0018, size: 4, device: "pl011", offset: 0x18 }, { valueLo: 0x90 }), ALLOW],
    [
      make(new MmioTrap(), 2, {
        ipa: 0xa00_0000,
        size: 8,
        isWrite: true,
      }, {
        valueLo: 0x89ab_cdef,
        valueHi: 0x123_4567,
        vcpu: 3,
        pcLo: 0x8001_0000,
        pcHi: 0xffff_ffc0,
        esr: 0x93c0_8046,
      }),
      UNCLAIMED,
    ],
    [make(new SysregTrap(), 3, { encoding: encodeSysreg(2, 0, 1, 0, 4), isWrite: true }, { valueLo: 1 }), loud],
    [make(new SysregTrap(), 4, { encoding: encodeSysreg(3, 5, 11, 3, 7) }), makeVerdict("value", { rule: "a" })],
    [make(new HypercallTrap(), 5, { functionName: "GET_STATUS", functionId: 2 }, { valueLo: 1 }), ALLOW],
    [call, ALLOW],
    [make(new SmcTrap(), 7, { functionId: 0x8765_4321, imm16: 7 }), makeVerdict("kill", { rule: "" })],
    [make(new WfxTrap(), 8, { instruction: 1 }), makeVerdict("ignore")],
    [
      make(new AbortTrap(), 9, {
        ipa: 0xff_8000_0000,
        access: "execute",
        fault: "permission",
        region: "ram",
        isTableWalk: true,
        intent: "map",
      }),
      makeVerdict("pause", { rule: "ünïcode" }),
    ],
    [
      make(new ExceptionTrap(), 10, {
        syndrome: 0x9600_0045,
        farLo: 0x10,
        farHi: 0xffff_0000,
        isReported: true,
      }, { valueLo: 0x9600_0045 }),
      ALLOW,
    ],
  ];
}
