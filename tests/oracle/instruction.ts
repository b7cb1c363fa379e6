import $ from "dax";

/**
 * A foreign judge of single instructions: an emulator in user mode (or an AArch64 host) runs `instruction.c`.
 * Needs `qemu-aarch64` and `aarch64-linux-gnu-gcc`.
 */

/** One instruction with the state that it starts from. */
export interface InstructionCase {
  readonly insn: number;
  readonly fpcr?: number;
  readonly nzcv?: number;
  /** X0 to X3. */
  readonly x?: readonly bigint[];
  /** V0 to V3 as 128-bit numbers. */
  readonly v?: readonly bigint[];
}

/** What it did; `undefined` when the word is UNDEFINED, and then nothing else has changed. */
export interface InstructionResult {
  readonly undefined: boolean;
  readonly fpsr: number;
  readonly nzcv: number;
  readonly x0: bigint;
  readonly x1: bigint;
  readonly v0: bigint;
}

const IN_BYTES = 112, OUT_BYTES = 48, BATCH = 100_000;
const source = new URL("./instruction.c", import.meta.url);

/** The program that runs cases, compiled once; null when the tools are not there. */
let runner: Promise<readonly string[] | null> | undefined;

async function prepare(): Promise<readonly string[] | null> {
  const isNative = Deno.build.arch === "aarch64";
  const program = await Deno.makeTempFile({ prefix: "ariel-instruction-" });
  const compiler = isNative ? "gcc" : "aarch64-linux-gnu-gcc";
  const command = isNative ? [program] : ["qemu-aarch64", "-cpu", "max", program];
  const compiled = await $`${compiler} -O1 -static -o ${program} ${source.pathname} && ${command}`
    .stdin("null").quiet().noThrow();
  return compiled.code === 0 ? command : null;
}

function encode(cases: readonly InstructionCase[]): Uint8Array<ArrayBuffer> {
  const view = new DataView(new ArrayBuffer(cases.length * IN_BYTES));
  cases.forEach((c, i) => {
    const at = i * IN_BYTES;
    view.setUint32(at, c.insn, true);
    view.setUint32(at + 4, c.fpcr ?? 0, true);
    view.setUint32(at + 8, c.nzcv ?? 0, true);
    for (let n = 0; n < 4; n++) {
      view.setBigUint64(at + 16 + 8 * n, c.x?.[n] ?? 0n, true);
      const v = c.v?.[n] ?? 0n;
      view.setBigUint64(at + 48 + 16 * n, BigInt.asUintN(64, v), true);
      view.setBigUint64(at + 56 + 16 * n, v >> 64n, true);
    }
  });
  return new Uint8Array(view.buffer);
}

/** Runs the cases in order. @returns null when there is no judge on this machine. */
export async function runInstructions(cases: readonly InstructionCase[]): Promise<InstructionResult[] | null> {
  runner ??= prepare();
  const command = await runner;
  if (!command) return null;
  const results: InstructionResult[] = [];
  for (let i = 0; i < cases.length; i += BATCH) results.push(...await runBatch(command, cases.slice(i, i + BATCH)));
  return results;
}

async function runBatch(command: readonly string[], cases: readonly InstructionCase[]): Promise<InstructionResult[]> {
  const stdout = await $`${command}`.stdin(encode(cases)).bytes();
  const view = new DataView(stdout.buffer, stdout.byteOffset, stdout.byteLength);
  return cases.map((_, i) => {
    const at = i * OUT_BYTES;
    return {
      undefined: view.getUint32(at, true) !== 0,
      fpsr: view.getUint32(at + 4, true),
      nzcv: view.getUint32(at + 8, true),
      x0: view.getBigUint64(at + 16, true),
      x1: view.getBigUint64(at + 24, true),
      v0: view.getBigUint64(at + 32, true) | (view.getBigUint64(at + 40, true) << 64n),
    };
  });
}
