import { EC, EC_NAMES } from "../cpu/syndrome.ts";
import { sysregName } from "../cpu/sysregs.ts";
import { parseDataAbortIss } from "../cpu/syndrome.ts";
import { hex } from "./debug_error.ts";

/** Fault status codes of aborts by DFSC and IFSC, but for the level in bits 1:0. Arm DDI 0487, ESR_EL1. */
const STATUS_WITH_LEVEL: Readonly<Record<number, string>> = {
  0x00: "Address size fault",
  0x04: "Translation fault",
  0x08: "Access flag fault",
  0x0c: "Permission fault",
  0x14: "External abort on a table walk",
};
const STATUS: Readonly<Record<number, string>> = {
  0x10: "External abort",
  0x11: "Tag check fault",
  0x21: "Alignment fault",
  0x22: "Debug exception",
  0x30: "TLB conflict",
  0x34: "IMPLEMENTATION DEFINED fault (Lockdown)",
  0x35: "IMPLEMENTATION DEFINED fault (Exclusive)",
};

function status(code: number): string {
  const name = STATUS[code];
  if (name) return name;
  const leveled = STATUS_WITH_LEVEL[code & 0x3c];
  return leveled ? `${leveled}, level ${code & 3}` : `fault status ${hex(code)}`;
}

/** ESR_ELx in words: the class, and what its ISS says. */
export function describeSyndrome(esr: number): string {
  const ec = esr >>> 26, iss = esr & 0x1ffffff;
  const name = EC_NAMES[ec] ?? `EC ${hex(ec)}`;
  switch (ec) {
    case EC.svc:
    case EC.hvc:
    case EC.smc:
    case EC.brk:
      return `${name} #${hex(iss & 0xffff)}`;
    case EC.sysreg: {
      const encoding = (iss >> 20 & 3) << 14 | (iss >> 14 & 7) << 11 | (iss >> 10 & 15) << 7 | (iss >> 1 & 15) << 3 |
        iss >> 17 & 7;
      const Rt = iss >> 5 & 31;
      return `${name}: ${iss & 1 ? "read" : "write"} of ${sysregName(encoding)}, X${Rt}`;
    }
    case EC.dataAbortLower:
    case EC.dataAbortSame: {
      const d = parseDataAbortIss(iss);
      const access = d.isv ? `, ${d.sizeBytes} bytes ${d.isWrite ? "from" : "to"} X${d.Rt}` : "";
      const walk = d.s1ptw ? ", on a stage 1 table walk" : "";
      return `${name}: ${status(d.dfsc)} on a ${d.isWrite ? "write" : "read"}${access}${walk}`;
    }
    case EC.instructionAbortLower:
    case EC.instructionAbortSame:
      return `${name}: ${status(iss & 63)}`;
    default:
      return name;
  }
}
