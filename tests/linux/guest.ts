import { createHash } from "node:crypto";
import { gzipSync } from "node:zlib";
import { type CpioEntry, encodeCpio, S_IFCHR, S_IFDIR, S_IFREG } from "../../core/machine/cpio.ts";
import { realGuests } from "../needs.ts";

/** Kernels that the tests boot: Debian 12's and 13's. */
export const KERNELS = ["linux-6.1", "linux-6.12"] as const;
export type Kernel = (typeof KERNELS)[number];

export function kernelPath(kernel: Kernel): string {
  return `${realGuests()}/${kernel}/Image`;
}

const text = (s: string) => new TextEncoder().encode(s);

/** An initial RAM disk of BusyBox with this /init, and more files. */
export function busyboxInitrd(init: string, files: readonly CpioEntry[] = []): Uint8Array {
  const folders = ["bin", "dev", "proc", "sys", "tmp"].map((path) => ({ path, mode: S_IFDIR | 0o755 }));
  return encodeCpio([
    ...folders,
    { path: "dev/console", mode: S_IFCHR | 0o600, device: [5, 1] },
    { path: "bin/busybox", mode: S_IFREG | 0o755, bytes: Deno.readFileSync(`${realGuests()}/busybox`) },
    { path: "init", mode: S_IFREG | 0o755, bytes: text(`#!/bin/busybox sh\n${PREPARE}${init}`) },
    ...files,
  ]);
}

const PREPARE = `/bin/busybox --install -s /bin
mount -t proc proc /proc
mount -t sysfs sys /sys
mount -t devtmpfs dev /dev
`;

/** The C compiler whose programs run in the guest. */
export const GCC = Deno.build.arch === "aarch64" ? "gcc" : "aarch64-linux-gnu-gcc";

/** A C program for the guest, as a file that needs no library. */
export async function compileForGuest(source: URL): Promise<Uint8Array> {
  const path = await Deno.makeTempFile();
  try {
    const args = ["-O1", "-static", "-o", path, source.pathname];
    const { success, stderr } = await new Deno.Command(GCC, { args }).output();
    if (!success) throw new Error(new TextDecoder().decode(stderr));
    return await Deno.readFile(path);
  } finally {
    await Deno.remove(path);
  }
}

/**
 * A kernel's Image as "vmlinux", which the kernel's build makes it of: an ELF file with two segments, linked at virtual
 * addresses.
 */
export function vmlinuxOf(image: Uint8Array): Uint8Array<ArrayBuffer> {
  const VIRTUAL = 0xffff_8000_8000_0000n, HEADERS = 0x1000, PT_LOAD = 1;
  const file = new Uint8Array(HEADERS + image.length), view = new DataView(file.buffer);
  file.set([0x7f, 0x45, 0x4c, 0x46, 2, 1, 1]);
  view.setUint16(16, 3, true); // ET_DYN, as it relocates itself
  view.setUint16(18, 183, true); // EM_AARCH64
  view.setBigUint64(24, VIRTUAL, true);
  view.setBigUint64(32, 64n, true);
  view.setUint16(54, 56, true);
  view.setUint16(56, 2, true);
  const half = image.length >> 1 & ~0xfff;
  [[half, image.length], [0, half]].forEach(([start, end], i) => {
    const at = 64 + 56 * i, address = VIRTUAL + BigInt(start), size = BigInt(end - start);
    view.setUint32(at, PT_LOAD, true);
    [BigInt(HEADERS + start), address, address, size, size].forEach((value, field) =>
      view.setBigUint64(at + 8 + 8 * field, value, true)
    );
  });
  file.set(image, HEADERS);
  return file;
}

/** Work for the guest, with the answers that this host finds. */
export interface Work {
  readonly files: readonly CpioEntry[];
  readonly md5: string;
  readonly sortedMd5: string;
  readonly sum: number;
}

/** Some megabytes of text, plain and packed: numbers and words without order, the same in every run. */
export function makeWork(lineCount = 120_000): Work {
  let state = 1;
  const next = () => state = Math.imul(state, 1664525) + 1013904223 >>> 0;
  const lines = Array.from(
    { length: lineCount },
    () => `${next() >>> 8} ${next().toString(36)} ${next().toString(16)}\n`,
  );
  const data = text(lines.join(""));
  const md5 = (bytes: Uint8Array) => createHash("md5").update(bytes).digest("hex");
  return {
    files: [
      { path: "data", mode: S_IFREG | 0o644, bytes: data },
      { path: "data.gz", mode: S_IFREG | 0o644, bytes: gzipSync(data, { level: 6 }) },
    ],
    md5: md5(data),
    sortedMd5: md5(text(lines.sort().join(""))),
    sum: lines.reduce((sum, line) => sum + Number(line.split(" ")[0]), 0),
  };
}

/** Puts bytes in a file for as long as `use` runs. */
export async function withFile(bytes: Uint8Array, use: (path: string) => Promise<void>): Promise<void> {
  const path = Deno.makeTempFileSync();
  try {
    Deno.writeFileSync(path, bytes);
    await use(path);
  } finally {
    Deno.removeSync(path);
  }
}
