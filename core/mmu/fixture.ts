import { encodeSysreg, sysregIndex } from "../cpu/sysregs.ts";
import { CPU_MODELS } from "../cpu/features.ts";
import { VCPU_BYTES } from "../cpu/layout.ts";
import { Vcpu } from "../cpu/vcpu.ts";
import { Mmu } from "./mmu.ts";
import { PhysicalMemory } from "./physical.ts";
import { type MmuFeatures, mmuFeatures, resolveMmuRegisters } from "./regime.ts";
import { TLB_BYTES } from "./tlb.ts";

export const RAM_BASE = 0x40000000;
export const RAM_SIZE = 0x4000000;
const RAM_OFFSET = 0x2000000;

/** Descriptor bits, as bigint for tests. */
export const D = {
  table: 3n,
  page: 3n,
  block: 1n,
  af: 1n << 10n,
  user: 1n << 6n,
  readOnly: 1n << 7n,
  ng: 1n << 11n,
  gp: 1n << 50n,
  dbm: 1n << 51n,
  pxn: 1n << 53n,
  uxn: 1n << 54n,
  /** MAIR index 1 is Device-nGnRE, 2 Normal Non-cacheable in `Fixture`. */
  device: 1n << 2n,
  /** Stage 2: readable, writable, Normal Write-Back, Device-nGnRE. */
  s2Read: 1n << 6n,
  s2Write: 1n << 7n,
  s2Normal: 0xfn << 2n,
  s2Device: 1n << 2n,
} as const;

const MAIR = 0x44_04_ffn;

/** Features that the CPU model does not claim, for tests of them. */
export const ALL_FEATURES: MmuFeatures = {
  ...mmuFeatures(CPU_MODELS.max),
  smallTables: true,
  largeVa: true,
  paBits: 52,
  tcrHi: -1,
  tcrSingleLo: -1,
  vtcr: -1,
  sctlrHi: -1,
  hcrHi: -1,
};

/** A machine of vCPUs, an MMU and RAM, and a way to build translation tables in it. */
export class Fixture {
  readonly mmu: Mmu;
  readonly memory: PhysicalMemory;
  readonly vcpus: Vcpu[] = [];
  /** Next free physical page for tables. */
  #free = RAM_BASE + RAM_SIZE / 2;
  readonly #u64: BigUint64Array;

  constructor(options: { vcpus?: number; features?: MmuFeatures; secureRam?: boolean } = {}) {
    const buffer = new SharedArrayBuffer(RAM_OFFSET + RAM_SIZE + 0x10000);
    const main = { base: RAM_BASE, size: RAM_SIZE, offset: RAM_OFFSET };
    const secure = { base: 0x0e000000, size: 0x10000, offset: RAM_OFFSET + RAM_SIZE, secureOnly: true };
    this.memory = new PhysicalMemory(buffer, [main, secure]);
    const features = options.features ?? mmuFeatures(CPU_MODELS.max);
    this.mmu = new Mmu({ memory: this.memory, registers: resolveMmuRegisters(sysregIndex), features });
    this.#u64 = new BigUint64Array(buffer);
    for (let i = 0; i < (options.vcpus ?? 1); i++) {
      const vcpu = new Vcpu(buffer, i * VCPU_BYTES, i);
      this.vcpus.push(vcpu);
      this.sys("SCR_EL3", 1n | 1n << 10n, vcpu);
      for (const n of [1, 2, 3]) this.sys(`MAIR_EL${n}`, MAIR, vcpu);
      this.mmu.attach(vcpu, 0x100000 + i * TLB_BYTES);
    }
  }

  get vcpu(): Vcpu {
    return this.vcpus[0];
  }

  sys(name: string, value: bigint, vcpu = this.vcpu): void {
    vcpu.setSys(sysregIndex(name), Number(value & 0xffffffffn), Number(value >> 32n));
  }

  getSys(name: string, vcpu = this.vcpu): bigint {
    const index = sysregIndex(name);
    return BigInt(vcpu.sysHi(index)) << 32n | BigInt(vcpu.sysLo(index));
  }

  el(el: number, flags = 0, vcpu = this.vcpu): void {
    vcpu.set32("pstate", el << 2 | flags);
    this.mmu.contextChanged(vcpu);
  }

  /** A zeroed table of `bytes`, aligned to its size. */
  allocate(bytes = 0x1000): number {
    this.#free = Math.ceil(this.#free / bytes) * bytes;
    const pa = this.#free;
    this.#free += bytes;
    return pa;
  }

  read(pa: number): bigint {
    return this.#u64[this.memory.hostOffset(pa) / 8];
  }

  write(pa: number, value: bigint): void {
    this.#u64[this.memory.hostOffset(pa) / 8] = value;
  }

  /**
   * Writes a descriptor for `address` at `level`, with the tables above it. @returns the descriptor's PA.
   * @param root PA of the first table, at level `start`; its index takes all the bits that are left.
   */
  map(root: number, address: bigint, descriptor: bigint, options: {
    granule?: number;
    start?: number;
    level?: number;
    tableBits?: bigint;
    inputSize?: number;
  } = {}): number {
    const { granule = 12, start = 0, level = 3, tableBits = 0n, inputSize = 48 } = options;
    const stride = granule - 3;
    const input = address & (1n << BigInt(inputSize)) - 1n;
    let table = root;
    for (let at = start;; at++) {
      const shift = BigInt(granule + (3 - at) * stride);
      const index = at === start ? input >> shift : input >> shift & (1n << BigInt(stride)) - 1n;
      const slot = table + Number(index) * 8;
      if (at === level) {
        this.write(slot, descriptor);
        return slot;
      }
      let entry = this.read(slot);
      if ((entry & 1n) === 0n) {
        entry = BigInt(this.allocate(1 << granule)) | D.table | tableBits;
        this.write(slot, entry);
      }
      table = Number(entry & 0xffff_ffff_f000n & -(1n << BigInt(granule)));
    }
  }

  /** Fills by a 64-bit address. */
  fill(va: bigint, access: number, vcpu = this.vcpu): number {
    return this.mmu.fill(vcpu, Number(va & 0xffffffffn), Number(va >> 32n & 0xffffffffn), access);
  }

  /** The PA that an access reaches, or the fault as text: "permission 3", "s2 translation 1 ptw". */
  access(va: bigint, access: number, vcpu = this.vcpu): number | string {
    const host = this.fill(va, access, vcpu);
    return host === -1 ? this.faultText() : this.mmu.pa;
  }

  fetch(va: bigint, vcpu = this.vcpu): number | string {
    const host = this.mmu.fillExec(vcpu, Number(va & 0xffffffffn), Number(va >> 32n & 0xffffffffn));
    return host === -1 ? this.faultText() : this.mmu.pa;
  }

  faultText(): string {
    const { fault } = this.mmu;
    const what = fault.fsc === 0x21
      ? "alignment"
      : fault.fsc >= 0x14 && fault.fsc < 0x18
      ? `external ${fault.fsc & 3}`
      : `${["size", "translation", "flag", "permission"][fault.fsc >> 2]} ${fault.fsc & 3}`;
    return (fault.secondStage ? "s2 " : "") + what + (fault.s2fs1walk ? " ptw" : "");
  }

  /** Whether generated code would find a VA in the current READ or WRITE array. */
  hits(va: bigint, array: "read" | "write" | "unprivileged" = "read", vcpu = this.vcpu): boolean {
    const isUpper = (va >> 55n & 1n) !== 0n;
    const base = vcpu.get32(array === "unprivileged" ? "tlbUnprivileged" : isUpper ? "tlbUpper" : "tlb");
    const entry = base + (array === "write" ? 0x10000 : 0) + Number(va >> 12n & 0xfffn) * 16;
    const tag = this.#u64[entry / 8];
    return BigInt.asUintN(64, va - tag) < 4089n;
  }

  tlbi(crn: readonly [op1: number, CRm: number, op2: number], value = 0n, vcpu = this.vcpu): void {
    const [op1, CRm, op2] = crn;
    this.mmu.tlbi(vcpu, encodeSysreg(1, op1, 8, CRm, op2), Number(value & 0xffffffffn), Number(value >> 32n));
  }

  at(op: readonly [op1: number, CRm: number, op2: number], va: bigint): bigint | string {
    const [op1, CRm, op2] = op;
    const ok = this.mmu.at(
      this.vcpu,
      encodeSysreg(1, op1, 7, CRm, op2),
      Number(va & 0xffffffffn),
      Number(va >> 32n & 0xffffffffn),
    );
    return ok ? this.getSys("PAR_EL1") : this.faultText();
  }
}

/** A page, and where it may stand. */
export const PAGE = D.page | D.af;
export const PA = BigInt(RAM_BASE) + 0x123000n;
/** TCR_EL1 by granule: 4 KiB (TG0 0, TG1 2), 16 KiB (2, 1), 64 KiB (1, 3); both ranges of `bits`, 48-bit output. */
export function tcr(granule: number, bits = 48): bigint {
  const [tg0, tg1] = granule === 12 ? [0n, 2n] : granule === 14 ? [2n, 1n] : [1n, 3n];
  const txsz = BigInt(64 - bits);
  return txsz | txsz << 16n | tg0 << 14n | tg1 << 30n | 5n << 32n;
}

/** Tables of stage 1 for both ranges, in use at EL1. */
export function stage1(
  options: { granule?: number; bits?: number; start?: number; tcr?: bigint; fixture?: Fixture } = {},
) {
  const { granule = 12, bits = 48, fixture: f = new Fixture() } = options;
  const start = options.start ?? 3 - Math.trunc((bits - 1 - granule) / (granule - 3));
  const low = f.allocate(1 << granule), high = f.allocate(1 << granule);
  f.sys("TCR_EL1", tcr(granule, bits) | (options.tcr ?? 0n));
  f.sys("TTBR0_EL1", BigInt(low));
  f.sys("TTBR1_EL1", BigInt(high));
  f.sys("SCTLR_EL1", 1n);
  f.el(1);
  return { f, low, high, walk: { granule, start, inputSize: bits } };
}

/** Stage 2 with 40-bit IPAs from level 1 (two tables concatenated) and IPA = PA for all of RAM in 2 MiB blocks. */
export function stage2(f: Fixture) {
  const root = f.allocate(0x2000);
  f.sys("VTCR_EL2", 24n | 1n << 6n | 5n << 16n);
  f.sys("VTTBR_EL2", BigInt(root) | 7n << 48n);
  f.sys("HCR_EL2", 1n | 1n << 31n);
  const walk = { start: 1, inputSize: 40 };
  for (let at = 0; at < 32; at++) {
    const ipa = BigInt(RAM_BASE) + BigInt(at) * 0x200000n;
    f.map(root, ipa, ipa | D.block | D.af | D.s2Read | D.s2Write | D.s2Normal, { ...walk, level: 2 });
  }
  f.el(1);
  return { root, walk };
}
