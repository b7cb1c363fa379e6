import { setPstate } from "../cpu/exceptions.ts";
import { PSTATE } from "../cpu/pstate.ts";
import { SP_SLOT } from "../cpu/layout.ts";
import { syncRegime } from "../cpu/regime.ts";
import { readSysreg, writeSysreg } from "../cpu/sysreg_access.ts";
import { findSysreg, parseSysreg, sysregIndex, SYSREGS } from "../cpu/sysregs.ts";
import type { Vcpu } from "../cpu/vcpu.ts";
import { DebugError, hex } from "./debug_error.ts";

/** A register under one name: how wide it is, and how to get at it. Values are unsigned. */
export interface Register {
  readonly name: string;
  readonly bits: number;
  read(vcpu: Vcpu): bigint;
  write(vcpu: Vcpu, value: bigint): void;
}

const MASK = (bits: number) => (1n << BigInt(bits)) - 1n;
const SP_EL0 = sysregIndex("SP_EL0");
/** Reading acknowledges an interrupt. */
const READ_HAS_EFFECT = /^ICC_IAR[01]_EL1$/;

function general(name: string, slot: number, bits: 32 | 64): Register {
  return {
    name,
    bits,
    read: (vcpu) => bits === 32 ? BigInt(vcpu.xLo(slot)) : BigInt(vcpu.xHi(slot)) << 32n | BigInt(vcpu.xLo(slot)),
    write: (vcpu, value) =>
      vcpu.setX(slot, Number(value & 0xffffffffn), bits === 32 ? 0 : Number(value >> 32n & 0xffffffffn)),
  };
}

/** Vn and its lower parts; a write to a part clears the rest, as a load to it does. */
function vector(name: string, n: number, bits: number): Register {
  return {
    name,
    bits,
    read: (vcpu) => (vcpu.u64[vcpu.v64(n) + 1] << 64n | vcpu.u64[vcpu.v64(n)]) & MASK(bits),
    write: (vcpu, value) => {
      vcpu.u64[vcpu.v64(n)] = value & MASK(64);
      vcpu.u64[vcpu.v64(n) + 1] = value >> 64n;
    },
  };
}

const PC: Register = {
  name: "pc",
  bits: 64,
  read: (vcpu) => vcpu.get64("pc"),
  write: (vcpu, value) => vcpu.set64("pc", value),
};

/** PSTATE with NZCV, as SPSR_ELx would hold it. */
const CPSR: Register = {
  name: "cpsr",
  bits: 32,
  read: (vcpu) => BigInt((vcpu.get32("nzcv") << 28 | vcpu.get32("pstate")) >>> 0),
  write: (vcpu, value) => {
    const word = Number(value) & 0x0fff_ffff, el = word >> 2 & 3;
    const isMissing = (el === 3 && !vcpu.hasEl3) || (el === 2 && !vcpu.hasEl2) || (el === 0 && (word & 1) !== 0);
    // What a resident handles is no place for guest code
    if ((word & 0x12) !== 0 || isMissing || vcpu.residents[el] !== null) {
      throw new DebugError(`Cannot set PSTATE to ${hex(value)} as there is no such Exception level or stack pointer`);
    }
    vcpu.set32("nzcv", Number(value >> 28n & 15n));
    setPstate(vcpu, word);
    syncRegime(vcpu);
    vcpu.interruptsChanged();
  },
};

function systemRegister(index: number): Register {
  const row = SYSREGS[index];
  if (row.alias) return { ...systemRegister(sysregIndex(row.alias)), name: row.name };
  const bank = index - SP_EL0;
  return {
    name: row.name,
    bits: 64,
    read: (vcpu) => {
      if (READ_HAS_EFFECT.test(row.name)) {
        throw new DebugError(`Cannot read ${row.name} as that would acknowledge an interrupt`);
      }
      if (bank >= 0 && bank < 4 && activeBank(vcpu) === bank) return general("sp", SP_SLOT, 64).read(vcpu);
      const lo = readSysreg(vcpu, index);
      return BigInt(vcpu.hi >>> 0) << 32n | BigInt(lo >>> 0);
    },
    write: (vcpu, value) => {
      if (/ RO$/.test(row.access)) throw new DebugError(`Cannot write ${row.name} as it is read-only`);
      if (bank >= 0 && bank < 4 && activeBank(vcpu) === bank) return general("sp", SP_SLOT, 64).write(vcpu, value);
      writeSysreg(vcpu, index, Number(value & 0xffffffffn), Number(value >> 32n & 0xffffffffn));
    },
  };
}

/** Whose SP_ELx stands in the SP register now. */
function activeBank(vcpu: Vcpu): number {
  const pstate = vcpu.get32("pstate");
  return (pstate & PSTATE.SP) !== 0 ? pstate >> 2 & 3 : 0;
}

const named = new Map<string, Register>();
const register = (r: Register) => named.set(r.name, r);
for (let n = 0; n <= 30; n++) {
  register(general(`x${n}`, n, 64));
  register(general(`w${n}`, n, 32));
}
for (let n = 0; n < 32; n++) {
  for (const [letter, bits] of [["v", 128], ["q", 128], ["d", 64], ["s", 32], ["h", 16], ["b", 8]] as const) {
    register(vector(`${letter}${n}`, n, bits));
  }
}
for (const r of [general("sp", SP_SLOT, 64), general("wsp", SP_SLOT, 32), PC, CPSR]) register(r);
named.set("lr", named.get("x30")!);
named.set("fp", named.get("x29")!);
named.set("pstate", CPSR);
for (const [index, row] of SYSREGS.entries()) named.set(row.name.toLowerCase(), systemRegister(index));

/** The register of a name in any case, with or without "$", or null. S<op0>_<op1>_C<n>_C<m>_<op2> is understood too. */
export function findRegister(name: string): Register | null {
  const key = name.replace(/^\$/, "").toLowerCase();
  const found = named.get(key);
  if (found) return found;
  const encoding = parseSysreg(key);
  const index = encoding < 0 ? -1 : findSysreg(encoding);
  return index < 0 ? null : systemRegister(index);
}

/** As findRegister, but throws DebugError. */
export function registerNamed(name: string): Register {
  const found = findRegister(name);
  if (!found) throw new DebugError(`Cannot find a register called ${name.replace(/^\$/, "")}`);
  return found;
}

/** Every name, for completion. */
export function registerNames(): readonly string[] {
  return [...named.keys()];
}

/** The system registers that this vCPU has and that can be read without an effect, by name and table index. */
export function readableSystemRegisters(vcpu: Vcpu): { readonly name: string; readonly index: number }[] {
  return SYSREGS.flatMap(({ name, access, alias }, index) => {
    const isReadable = !/ WO$/.test(access) && !READ_HAS_EFFECT.test(name) && alias === undefined;
    return isReadable && vcpu.sysregPresent[index] !== 0 && isAtLevel(vcpu, name) ? [{ name, index }] : [];
  });
}

/** A vCPU without EL2 has none of its registers. */
function isAtLevel(vcpu: Vcpu, name: string): boolean {
  return !(/_EL2$/.test(name) && !vcpu.hasEl2);
}
