import { parseSysreg } from "../cpu/sysregs.ts";
import type { PolicyEnvironment } from "./environment.ts";
import { ABORT_ACCESS, ABORT_FAULT, ABORT_REGION } from "./targets.ts";
import {
  AbortTrap,
  ExceptionTrap,
  HypercallTrap,
  MmioTrap,
  SmcTrap,
  SysregTrap,
  type Trap,
  type TrapKind,
  WFX,
  WfxTrap,
} from "./trap.ts";

/** How users write a trap of each kind, for messages. */
export const TRAP_TEXT: Readonly<Record<TrapKind, string>> = {
  mmio: "PLACE[:r|w[SIZE]], such as pl011+0x18:r4 or 0x0a000000:w",
  sysreg: "REGISTER[:r|w], such as OSLAR_EL1:w",
  hypercall: "FUNCTION, such as GET_STATUS or 0x84000000",
  smc: "FUNCTION, such as PSCI_VERSION or 0x84000000",
  wfx: "WFI, WFE, WFIT or WFET",
  abort: "IPA:ACCESS:FAULT[:REGION], such as 0x40800000:write:permission:ram",
  exception: "CLASS, such as 0x3c",
};

/** A number in decimal or hexadecimal, or NaN. */
function number(text: string): number {
  return /^(0x[\da-f_]+|\d[\d_]*)$/i.test(text) ? Number(text.replaceAll("_", "")) : NaN;
}

/** The trap that a text means, as `what` in a record or `ariel policy explain` has it; null where it means none. */
export function parseTrap(kind: TrapKind, text: string, environment: PolicyEnvironment): Trap | null {
  switch (kind) {
    case "mmio":
      return parseMmio(text, environment);
    case "sysreg":
      return parseSysregTrap(text);
    case "hypercall":
    case "smc":
      return parseCall(kind, text, environment);
    case "wfx": {
      const trap = new WfxTrap();
      trap.instruction = WFX.indexOf(text.toUpperCase() as (typeof WFX)[number]);
      return trap.instruction < 0 ? null : trap;
    }
    case "exception": {
      const trap = new ExceptionTrap(), ec = number(text);
      trap.syndrome = ec * 2 ** 26;
      return ec >= 0 && ec < 64 ? trap : null;
    }
    case "abort":
      return parseAbort(text);
  }
}

function parseMmio(text: string, { devices }: PolicyEnvironment): MmioTrap | null {
  const m = /^([^:]+?)(?:\+(0x[\da-f]+|\d+))?(?::([rw])([1248])?)?$/i.exec(text);
  if (!m) return null;
  const trap = new MmioTrap(), offset = m[2] === undefined ? 0 : Number(m[2]);
  const named = devices.find(({ name }) => name === m[1]);
  trap.ipa = (named ? named.base : number(m[1])) + offset;
  if (!Number.isSafeInteger(trap.ipa) || trap.ipa >= 2 ** 52) return null;
  const device = named ?? devices.find(({ base, bytes }) => trap.ipa >= base && trap.ipa < base + bytes);
  trap.device = device?.name ?? "";
  trap.offset = device ? trap.ipa - device.base : 0;
  trap.isWrite = m[3]?.toLowerCase() === "w";
  trap.size = m[4] === undefined ? 4 : Number(m[4]);
  return trap;
}

function parseSysregTrap(text: string): SysregTrap | null {
  const m = /^(\w+)(?::([rw]))?$/i.exec(text);
  const encoding = m ? parseSysreg(m[1]) : -1;
  if (encoding < 0) return null;
  const trap = new SysregTrap();
  trap.encoding = encoding;
  trap.isWrite = m![2]?.toLowerCase() === "w";
  return trap;
}

function parseCall(kind: "hypercall" | "smc", text: string, { functions }: PolicyEnvironment) {
  const found = functions[kind].find(({ name }) => name === text.toUpperCase());
  const id = found ? found.id : number(text);
  if (!(id >= 0 && id < 2 ** 32)) return null;
  const trap = kind === "smc" ? new SmcTrap() : new HypercallTrap();
  trap.functionId = id;
  trap.functionName = functions[kind].find((f) => f.id === id)?.name ?? "";
  trap.registers[0] = id;
  return trap;
}

function parseAbort(text: string): AbortTrap | null {
  const [ipa, access = "", fault = "", region = "ram"] = text.split(":");
  const trap = new AbortTrap();
  const word = <T extends string>(words: readonly T[], given: string) =>
    words.find((w) => w === given || (given.length === 1 && w.startsWith(given.replace("x", "e"))));
  trap.ipa = number(ipa);
  const parts = [word(ABORT_ACCESS, access), word(ABORT_FAULT, fault), word(ABORT_REGION, region)] as const;
  if (!Number.isSafeInteger(trap.ipa) || parts.includes(undefined)) return null;
  [trap.access, trap.fault, trap.region] = parts as [typeof trap.access, typeof trap.fault, typeof trap.region];
  return trap;
}
