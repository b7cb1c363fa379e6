import { CALL_ERROR, type CallFunction } from "./call_function.ts";
import { IpaInterval } from "./ipa_interval.ts";
import { PERMISSION } from "./stage2.ts";
import type { VmVcpu } from "./vm.ts";

/*
 * The hypercall ABI: HVC #0 with the operation in X0 and arguments in X1 to X3; the result in X0, all other registers
 * stay. A result with bit 63 set is an error: -1 NOT_SUPPORTED, -2 INVALID_PARAMETERS, -3 DENIED.
 *
 *   0 GET_HV_ID            the bytes "ARIEL\0\0\1" as a little-endian number, the last being the ABI's version
 *   1 DUMP_LOG             writes the latest trap records, at most 8, to the console; 0
 *   2 GET_STATUS           bits 7:0 vCPUs that are on, 15:8 vCPUs, 31:16 exceptions reported (at most 65535),
 *                          62:32 traps since the start, modulo 2^31
 *   3 PAUSE                stops the machine for the monitor, if there is one; 0 when it goes on
 *   4 GUEST_CONSOLE_WRITE  X1 IPA and X2 length (at most 4096) of text in guest RAM, written to the console; 0
 *   5 REPORT_EXCEPTION     X1 ESR_EL1, X2 ELR_EL1, X3 FAR_EL1 of an exception that the guest took: 0 once it is recorded
 */

/** Operations by name. */
export const HYPERCALL = {
  GET_HV_ID: 0,
  DUMP_LOG: 1,
  GET_STATUS: 2,
  PAUSE: 3,
  GUEST_CONSOLE_WRITE: 4,
  REPORT_EXCEPTION: 5,
} as const;

/** What GET_HV_ID returns: "ARIE" and "L", 0, 0, 1. */
const HV_ID_LO = 0x4549_5241, HV_ID_HI = 0x0100_004c;
/** The most bytes that one GUEST_CONSOLE_WRITE takes. */
export const CONSOLE_WRITE_MAX = 4096;
/** The most records that DUMP_LOG writes. */
const DUMP_RECORDS = 8;
const PAGE = 4096;

/** The hypercalls by operation. */
export const HYPERCALLS: ReadonlyMap<number, CallFunction> = new Map(
  Object.entries({
    GET_HV_ID: (c: VmVcpu) => c.vcpu.setX(0, HV_ID_LO, HV_ID_HI),
    DUMP_LOG: dumpLog,
    GET_STATUS: getStatus,
    PAUSE: (c: VmVcpu) => {
      c.setResult(0);
      c.vm.pause();
    },
    GUEST_CONSOLE_WRITE: (c: VmVcpu) => c.setResult(guestConsoleWrite(c)),
    REPORT_EXCEPTION: reportException,
  }).map(([name, run]) => [HYPERCALL[name as keyof typeof HYPERCALL], { name, run }]),
);

function dumpLog(c: VmVcpu): void {
  const { host, log } = c.vm;
  for (const line of log.lines(DUMP_RECORDS)) {
    for (const byte of new TextEncoder().encode(line + "\n")) host.transmit(byte);
  }
  c.setResult(0);
}

function getStatus(c: VmVcpu): void {
  const { vm } = c;
  let online = 0;
  for (const { isOn } of vm.vcpus) if (isOn) online++;
  const exceptions = Math.min(vm.exceptionsReported, 0xffff);
  c.vcpu.setX(0, online | vm.vcpus.length << 8 | exceptions << 16, vm.trapCount % 2 ** 31);
}

/** Checks the whole interval before the first byte is written. */
function guestConsoleWrite(c: VmVcpu): number {
  const { vcpu, vm } = c;
  const text = IpaInterval.ofHalves(vcpu.xLo(1), vcpu.xHi(1), vcpu.xLo(2), vcpu.xHi(2));
  if (text === null || text.bytes > CONSOLE_WRITE_MAX || !vm.ram.contains(text)) return CALL_ERROR.invalidParameters;
  for (let page = text.start - text.start % PAGE; page < text.end; page += PAGE) {
    const mapping = vm.stage2.find(page);
    if (mapping === null || (mapping.permission & PERMISSION.read) === 0) return CALL_ERROR.invalidParameters;
  }
  for (let ipa = text.start; ipa < text.end; ipa++) {
    vm.host.transmit(vm.memory.u8[vm.memory.hostOffset(vm.stage2.translate(ipa))]);
  }
  return 0;
}

function reportException(c: VmVcpu): void {
  const { vcpu, vm } = c, trap = vm.traps.exception;
  vm.exceptionsReported++;
  vm.begin(c, trap.common, vm.traps.hypercall.esr);
  trap.syndrome = vcpu.xLo(1);
  trap.common.pcLo = vcpu.xLo(2);
  trap.common.pcHi = vcpu.xHi(2);
  trap.farLo = vcpu.xLo(3);
  trap.farHi = vcpu.xHi(3);
  trap.common.valueLo = trap.syndrome;
  trap.isReported = trap.isTaken = true;
  const verdict = vm.decide(trap);
  vm.note(trap, verdict);
  c.setResult(verdict.action === "deny" ? CALL_ERROR.denied : 0);
}
