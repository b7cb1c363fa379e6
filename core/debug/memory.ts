import type { Vcpu } from "../cpu/vcpu.ts";
import type { Machine } from "../machine/machine.ts";
import { IpaInterval } from "../hypervisor/ipa_interval.ts";
import { DebugError, hex } from "./debug_error.ts";

/** What an address means: by the vCPU's current translation, or an address after stage 1, or after stage 2. */
export type Space = "virtual" | "ipa" | "physical";

const SPACE_NAMES: Readonly<Record<Space, string>> = { virtual: "virtual", ipa: "IPA", physical: "physical" };
const PAGE = 4096;
const VA_END = 1n << 64n;

/** The RAM that a vCPU's guest has, by IPA, or null where IPAs are physical addresses. */
export type GuestRam = (vcpu: Vcpu) => IpaInterval | null;

/**
 * Memory as a debugger reads and writes it: RAM only, so that no device sees an access. Every interval is checked as a
 * whole before its first byte is touched: half-open, without wrap-around, inside RAM.
 */
export class DebugMemory {
  readonly #machine: Machine;
  readonly #guestRam: GuestRam;

  constructor(machine: Machine, guestRam: GuestRam) {
    this.#machine = machine;
    this.#guestRam = guestRam;
  }

  /** The PA of an address, or -1 where nothing is mapped. Nothing is checked against RAM. */
  physicalOf(vcpu: Vcpu, space: Space, address: bigint): number {
    if (space === "virtual") {
      const lo = Number(address & 0xffffffffn), hi = Number(address >> 32n & 0xffffffffn);
      return this.#machine.mmu.translateForDebugger(vcpu, lo, hi);
    }
    if (address >= 1n << 52n) return -1;
    if (space === "physical") return Number(address);
    const ipa = Number(address), ram = this.#guestRam(vcpu);
    if (ram !== null && !ram.has(ipa)) return -1;
    return this.#machine.mmu.translateIpaForDebugger(vcpu, ipa);
  }

  /** The byte offset in the machine's memory at which an address stands, or -1 where no RAM does. */
  hostOf(vcpu: Vcpu, space: Space, address: bigint): number {
    const pa = this.physicalOf(vcpu, space, address);
    return pa < 0 ? -1 : this.#machine.ram.hostOffset(pa);
  }

  /** The bytes of [address, address + bytes). Throws DebugError, which names the first address that cannot be read. */
  read(vcpu: Vcpu, space: Space, address: bigint, bytes: number): Uint8Array {
    const result = new Uint8Array(bytes);
    this.#forEachPage(vcpu, space, address, bytes, "read", (host, done, count) => {
      result.set(this.#machine.ram.u8.subarray(host, host + count), done);
    });
    return result;
  }

  /** As many of the bytes as can be read from the start on. */
  readPrefix(vcpu: Vcpu, space: Space, address: bigint, bytes: number): Uint8Array {
    let count = 0;
    while (count < bytes && address + BigInt(count) < VA_END) {
      const at = address + BigInt(count);
      if (this.hostOf(vcpu, space, at) < 0) break;
      count += PAGE - Number(at % BigInt(PAGE));
    }
    return this.read(vcpu, space, address, Math.min(count, bytes));
  }

  /** Writes all of `bytes`, or nothing. Throws DebugError where it cannot. */
  write(vcpu: Vcpu, space: Space, address: bigint, bytes: Uint8Array): void {
    const { ram, engine } = this.#machine;
    this.#forEachPage(vcpu, space, address, bytes.length, "write", (host, done, count) => {
      ram.u8.set(bytes.subarray(done, done + count), host);
      engine.storedTo(host >>> 12);
    });
  }

  /** The unsigned little-endian number of 1 to 8 bytes at an address. */
  readNumber(vcpu: Vcpu, space: Space, address: bigint, bytes: number): bigint {
    return this.read(vcpu, space, address, bytes).reduceRight((value, byte) => value << 8n | BigInt(byte), 0n);
  }

  writeNumber(vcpu: Vcpu, space: Space, address: bigint, bytes: number, value: bigint): void {
    const data = Uint8Array.from({ length: bytes }, (_, i) => Number(value >> BigInt(8 * i) & 0xffn));
    this.write(vcpu, space, address, data);
  }

  /** Throws DebugError unless [address, address + bytes) is an interval of the space, inside RAM. */
  #check(vcpu: Vcpu, space: Space, address: bigint, bytes: number, verb: string): void {
    const end = address + BigInt(bytes);
    const shown = `[${hex(address)}, ${hex(end)})`;
    if (address < 0n || end > VA_END) throw new DebugError(`Cannot ${verb} ${shown} as it wraps around`);
    if (space === "virtual") return;
    const interval = IpaInterval.of(Number(address), bytes);
    if (interval === null) {
      throw new DebugError(`Cannot ${verb} ${shown} as ${SPACE_NAMES[space]} addresses end at 2^52`);
    }
    const guest = space === "ipa" ? this.#guestRam(vcpu) : null;
    const rams = guest ? [guest] : this.#machine.ram.regions.map((r) => IpaInterval.of(r.base, r.size)!);
    if (rams.some((ram) => ram.contains(interval))) return;
    const where = `${guest ? "guest RAM" : "RAM"} ${rams.join(", ")}`;
    throw new DebugError(`Cannot ${verb} ${SPACE_NAMES[space]} ${shown} as it is not inside ${where}`);
  }

  #forEachPage(
    vcpu: Vcpu,
    space: Space,
    address: bigint,
    bytes: number,
    verb: string,
    callback: (host: number, done: number, count: number) => void,
  ): void {
    this.#check(vcpu, space, address, bytes, verb);
    const parts: [host: number, done: number, count: number][] = [];
    for (let done = 0; done < bytes;) {
      const at = address + BigInt(done);
      const count = Math.min(bytes - done, PAGE - Number(at % BigInt(PAGE)));
      parts.push([this.#hostOrThrow(vcpu, space, at, verb), done, count]);
      done += count;
    }
    for (const part of parts) callback(...part);
  }

  #hostOrThrow(vcpu: Vcpu, space: Space, address: bigint, verb: string): number {
    const pa = this.physicalOf(vcpu, space, address);
    const what = `${SPACE_NAMES[space]} ${hex(address)}`;
    if (pa < 0) throw new DebugError(`Cannot ${verb} ${what} as nothing is mapped there`);
    const host = this.#machine.ram.hostOffset(pa);
    if (host < 0) throw new DebugError(`Cannot ${verb} ${what} as there is no RAM at physical ${hex(pa)}`);
    if (verb === "write" && this.#machine.ram.isReadOnly(host)) {
      throw new DebugError(`Cannot write ${what} as the memory at physical ${hex(pa)} is read-only`);
    }
    return host;
  }
}
