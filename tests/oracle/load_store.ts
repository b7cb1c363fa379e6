import $ from "dax";

/**
 * A foreign judge of loads and stores: an emulator in user mode (or an AArch64 host) runs `load_store.c`.
 * Needs `qemu-aarch64` and `aarch64-linux-gnu-gcc`.
 */

/** Where the memory of a case stands, and how many bytes it has. */
export const MEMORY_BASE = 0x2000_0000n;
export const MEMORY_BYTES = 4096;

const NOP = 0xd503201f;
const RECORD_BYTES = 8 + 29 * 8 + 32 * 16 + MEMORY_BYTES;

/** Registers X0 to X28 and V0 to V31 and memory, before or after. */
export interface LoadStoreState {
  readonly x: readonly bigint[];
  readonly v: readonly bigint[];
  readonly memory: Uint8Array;
}

/** One or two instructions and the state that they start from. */
export interface LoadStoreCase extends LoadStoreState {
  readonly insns: readonly number[];
}

/** What they did; `failed` when they faulted or are UNDEFINED. */
export interface LoadStoreResult extends LoadStoreState {
  readonly failed: boolean;
}

function encode(cases: readonly LoadStoreCase[]): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(cases.length * RECORD_BYTES), view = new DataView(bytes.buffer);
  cases.forEach((c, i) => {
    const at = i * RECORD_BYTES;
    view.setUint32(at, c.insns[0], true);
    view.setUint32(at + 4, c.insns[1] ?? NOP, true);
    for (let n = 0; n < 29; n++) view.setBigUint64(at + 8 + 8 * n, c.x[n], true);
    for (let n = 0; n < 32; n++) {
      view.setBigUint64(at + 240 + 16 * n, BigInt.asUintN(64, c.v[n]), true);
      view.setBigUint64(at + 248 + 16 * n, c.v[n] >> 64n, true);
    }
    bytes.set(c.memory, at + 752);
  });
  return bytes;
}

function decode(bytes: Uint8Array): LoadStoreResult[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength), results: LoadStoreResult[] = [];
  for (let at = 0; at < bytes.length; at += RECORD_BYTES) {
    const u64 = (offset: number): bigint => view.getBigUint64(at + offset, true);
    results.push({
      failed: view.getUint32(at, true) !== 0,
      x: Array.from({ length: 29 }, (_, n) => u64(8 + 8 * n)),
      v: Array.from({ length: 32 }, (_, n) => u64(248 + 16 * n) << 64n | u64(240 + 16 * n)),
      memory: bytes.slice(at + 752, at + RECORD_BYTES),
    });
  }
  return results;
}

/** Runs the cases in order. @returns null when there is no judge on this machine. */
export async function runLoadsStores(cases: readonly LoadStoreCase[]): Promise<LoadStoreResult[] | null> {
  const isNative = Deno.build.arch === "aarch64";
  const program = await Deno.makeTempFile({ prefix: "ariel-load-store-" });
  try {
    const source = new URL("./load_store.c", import.meta.url).pathname;
    const [compiler, ...emulator] = isNative ? ["gcc"] : ["aarch64-linux-gnu-gcc", "qemu-aarch64"];
    if (![compiler, ...emulator].every((name) => $.commandExistsSync(name))) return null;
    const command = isNative ? [program] : [...emulator, "-cpu", "max", program];
    await $`${compiler} -O1 -static -o ${program} ${source}`;
    return decode(await $`${command}`.stdin(encode(cases)).bytes());
  } finally {
    await Deno.remove(program);
  }
}
