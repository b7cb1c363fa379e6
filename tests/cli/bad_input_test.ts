import { assertEquals, assertStringIncludes } from "@std/assert";
import { encodeCpio } from "../../core/machine/cpio.ts";
import { encodeFdt, FdtNode } from "../../core/machine/fdt.ts";
import { needs } from "../needs.ts";
import { ariel } from "./ariel.ts";
import { guestFile } from "./guests.ts";

const process = needs({ permissions: ["run", "read", "write"] });

/** Runs `run ARGS` in a folder with these files; it must end with code 2 and one sentence that holds all `words`. */
async function refused(files: Record<string, Uint8Array>, args: readonly string[], ...words: string[]): Promise<void> {
  const folder = Deno.makeTempDirSync();
  try {
    for (const [name, bytes] of Object.entries(files)) Deno.writeFileSync(`${folder}/${name}`, bytes);
    const { code, stdout, stderr } = await ariel(["run", ...args], { cwd: folder });
    const what = `ariel run ${args.join(" ")}: ${stderr}`;
    assertEquals([code, stdout], [2, ""], what);
    assertEquals(/^ariel: [A-Z-][^\n]*\n$/.test(stderr), true, what);
    for (const word of words) assertStringIncludes(stderr, word, what);
  } finally {
    Deno.removeSync(folder, { recursive: true });
  }
}

/** Bytes without meaning, the same in every run. */
function noise(length: number): Uint8Array {
  let state = 12345;
  return Uint8Array.from({ length }, () => (state = Math.imul(state, 1103515245) + 12345 >>> 0) >>> 24);
}

/** A Linux Image: the header of Linux, Documentation/arch/arm64/booting.rst, and a PE header that names its length. */
function linuxImage(options: { textOffset?: bigint; imageSize?: bigint; fileBytes?: number } = {}): Uint8Array {
  const { textOffset = 0n, imageSize = 0x10000n, fileBytes = 0x1000 } = options;
  const bytes = new Uint8Array(fileBytes), view = new DataView(bytes.buffer);
  view.setBigUint64(8, textOffset, true);
  view.setBigUint64(16, imageSize, true);
  view.setUint32(56, 0x644d5241, true);
  view.setUint32(60, 64, true);
  view.setUint32(64, 0x4550, true);
  view.setUint16(70, 1, true);
  view.setUint32(64 + 24 + 16, 0x1000, true);
  return bytes;
}

function elf(machine: number, entries: number): Uint8Array {
  const bytes = new Uint8Array(64), view = new DataView(bytes.buffer);
  bytes.set([0x7f, 0x45, 0x4c, 0x46, 2, 1, 1]);
  view.setUint16(16, 2, true);
  view.setUint16(18, machine, true);
  view.setBigUint64(32, 64n, true);
  view.setUint16(54, 56, true);
  view.setUint16(56, entries, true);
  return bytes;
}

const dtb = () => encodeFdt({ root: new FdtNode(""), reservations: [] });

const CASES: readonly [string, () => Promise<void>][] = [
  ["a kernel that does not exist", () => refused({}, ["Image"], "the kernel Image", "no such file")],
  ["a kernel that is a folder", () => refused({}, ["--kernel", "."], "the kernel .", "directory")],
  ["an empty kernel", () => refused({ Image: new Uint8Array() }, ["Image"], "the kernel Image", "empty")],
  ["a random kernel", () => refused({ Image: noise(999) }, ["Image"], "the kernel Image", "neither")],
  [
    "a kernel of zeros",
    () => refused({ Image: new Uint8Array(4096) }, ["Image"], "the kernel Image", "no instruction"),
  ],
  [
    "a truncated Image",
    () => refused({ Image: linuxImage().subarray(0, 0x800) }, ["Image"], "the kernel Image", "cut off"),
  ],
  [
    "an Image with a damaged header",
    () => refused({ Image: linuxImage({ textOffset: 1n << 60n }) }, ["Image"], "the kernel Image", "damaged"),
  ],
  [
    "a gzip file that is damaged",
    () => refused({ "Image.gz": Uint8Array.of(0x1f, 0x8b, 8, ...noise(90)) }, ["Image.gz"], "Image.gz", "gzip"),
  ],
  ["an ELF file of another machine", () => refused({ a: elf(62, 0) }, ["a"], "the kernel a", "another machine")],
  ["a truncated ELF file", () => refused({ a: elf(183, 2) }, ["a"], "the kernel a", "cut off")],
  ["an initrd that does not exist", () => refused({}, ["--initrd", "rd"], "the initrd rd", "no such file")],
  ["an empty initrd", () => refused({ rd: new Uint8Array() }, ["--initrd", "rd"], "the initrd rd", "empty")],
  [
    "a truncated initrd",
    () =>
      refused(
        { k: linuxImage(), rd: archive(5000).subarray(0, 80) },
        ["k", "--initrd", "rd"],
        "the initrd rd",
        "cut off",
      ),
  ],
  [
    "a truncated initrd that is packed",
    () =>
      refused(
        { k: linuxImage(), rd: Uint8Array.of(0x1f, 0x8b, 8) },
        ["k", "--initrd", "rd"],
        "the initrd rd",
        "cut off",
      ),
  ],
  [
    "a random initrd",
    () => refused({ k: linuxImage(), rd: noise(1000) }, ["k", "--initrd", "rd"], "the initrd rd", "archive"),
  ],
  [
    "an initrd that is not to be opened",
    () => refused({}, ["--initrd", "/dev/stdin"], "the initrd /dev/stdin: Ariel is not permitted to open it"),
  ],
  ["an initrd without an end", () => refused({}, ["--initrd", "/dev/zero"], "the initrd /dev/zero: it is a device")],
  ["a devicetree that does not exist", () => refused({}, ["--dtb", "dt"], "the devicetree dt", "no such file")],
  ["an empty devicetree", () => refused({ dt: new Uint8Array() }, ["--dtb", "dt"], "the devicetree dt", "40 bytes")],
  ["a random devicetree", () => refused({ dt: noise(500) }, ["--dtb", "dt"], "the devicetree dt", "magic")],
  [
    "a truncated devicetree",
    () => refused({ dt: dtb().subarray(0, 60) }, ["--dtb", "dt"], "the devicetree dt", "cut off"),
  ],
  [
    "memory that does not hold the kernel",
    () =>
      refused(
        { Image: linuxImage({ imageSize: 0x1000_0000n }) },
        ["Image", "-m", "64M"],
        "Image",
        "64 MiB",
        "--memory",
      ),
  ],
  [
    "memory that does not hold the initrd",
    () => refused({ rd: archive(40 << 20) }, ["--initrd", "rd", "-m", "32M"], "the initrd rd", "32 MiB", "--memory"),
  ],
  ["memory that is no size", () => refused({}, ["-m", "lots"], '"lots"', "--memory")],
  ["memory that is too small", () => refused({}, ["-m", "64K"], "64 KiB", "--memory")],
  [
    "memory that no WebAssembly memory holds",
    () => refused({}, ["-m", "4000M"], "4000 MiB", "--memory", "WebAssembly memory"),
  ],
  ["an unknown option", () => refused({}, ["--memroy", "1G"], "--memroy", "did you mean --memory?")],
  ["an unknown CPU", () => refused({}, ["--cpu", "z80"], '"z80"', "--cpu", "max")],
  ["a number of vCPUs that cannot be", () => refused({}, ["--smp", "99"], '"99"', "--smp")],
  ["a limit that is no number", () => refused({}, ["--max-insns", "-5"], "--max-insns")],
  ["a guest that is named twice", () => refused({}, ["a", "--kernel", "b"], "GUEST", "--kernel")],
  ["a log that cannot be written", () => refused({}, ["--log", "/no/such/folder"], "/no/such/folder", "--log")],
  ["a log that is not to be opened", () => refused({}, ["--log", "/dev/full"], "/dev/full for --log", "not permitted")],
  ["statistics that cannot be written", () => refused({}, ["--stats", "."], ".", "--stats")],
];

/** An archive of nothing, with zeros behind it. */
function archive(bytes: number): Uint8Array {
  const file = new Uint8Array(bytes);
  file.set(encodeCpio([]));
  return file;
}

for (const [name, check] of CASES) Deno.test({ name: `ariel run refuses ${name}`, ...process, fn: check });

Deno.test({
  name: "ariel run: a flat binary that goes on at random does what it does, but never harms the host",
  ...process,
  async fn() {
    const folder = Deno.makeTempDirSync();
    const binary = noise(4096);
    // B .+4
    new DataView(binary.buffer).setUint32(0, 0x1400_0001, true);
    Deno.writeFileSync(`${folder}/a`, binary);
    const { code, stderr } = await ariel(["run", `${folder}/a`, "--timeout", "1", "--log-level", "none"]);
    Deno.removeSync(folder, { recursive: true });
    assertEquals([0, 3, 5].includes(code), true, `${code}: ${stderr}`);
    assertEquals(stderr.includes("internal error"), false, stderr);
  },
});

Deno.test({
  name: "ariel without a command tells two to try; an unknown command is refused",
  ...process,
  async fn() {
    const start = await ariel([]);
    assertEquals(start.code, 0);
    assertStringIncludes(start.stdout, "ariel run");
    const unknown = await ariel(["runn"]);
    assertEquals([unknown.code, unknown.stderr], [2, 'ariel: Unknown command "runn"; did you mean run?\n']);
    const inherited = await ariel(["constructor"]);
    assertEquals([inherited.code, inherited.stderr], [2, 'ariel: Unknown command "constructor"; see "ariel --help"\n']);
  },
});

Deno.test({
  name: "ariel run: a devicetree that is given is changed only where it must be, which is told",
  ...process,
  async fn() {
    const folder = Deno.makeTempDirSync();
    const generated = `${folder}/a.dtb`, patched = `${folder}/b.dtb`;
    const dump = await ariel(["run", "--append", "quiet", "-m", "128M", "--dump-dtb", generated]);
    assertEquals(dump, { code: 0, stdout: "", stderr: "" });
    const same = await ariel(["run", "-m", "128M", "--dtb", generated, "--dump-dtb", patched]);
    assertEquals(same, { code: 0, stdout: "", stderr: "" });
    assertEquals(Deno.readFileSync(patched), Deno.readFileSync(generated));
    const other = await ariel(["run", "--dtb", generated, "--append", "loud", "--dump-dtb", patched]);
    assertEquals(other.stderr.split("\n"), [
      `ariel: devicetree ${generated}: /memory@40000000/reg is now 0x40000000 with 0x30000000 bytes`,
      `ariel: devicetree ${generated}: /chosen/bootargs is now "loud"`,
      "",
    ]);
    const run = await ariel(["run", guestFile("cpuOff"), "--dtb", generated]);
    assertEquals(run.code, 3);
    Deno.removeSync(folder, { recursive: true });
  },
});
