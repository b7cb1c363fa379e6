import { TextLineStream } from "@std/streams";
import $ from "dax";
import { S_IFREG } from "../../core/machine/cpio.ts";
import { FROM_SOURCE } from "../cli/ariel.ts";
import { busyboxInitrd, kernelPath } from "../linux/guest.ts";
import { compileWorkloads } from "./workloads.ts";

/*
 * The same kernel, initial RAM disk and workloads under ariel and QEMU, which take turns.
 */

/** Seconds by emulator. */
export interface Pair {
  readonly ariel: number;
  readonly qemu: number;
}

/** Seconds from the start of the process to the shell, and of each workload. */
export type GuestFigures = Record<string, Pair>;

const QEMU = "qemu-system-aarch64";
const UP = "SHELL-UP";
const APPEND = "console=ttyAMA0 rdinit=/init quiet";
const INIT = `echo ${UP}
case "$(cat /proc/cmdline)" in *workloads*) /workloads ;; esac
poweroff -f
`;
const TIMEOUT_MS = 600_000;

/** Why the comparison cannot be made here, or null. */
export function missing(): string | null {
  if (Deno.env.get("ARIEL_REAL") === undefined) return "ARIEL_REAL does not name the folder with the real guests";
  for (const program of [QEMU, "aarch64-linux-gnu-gcc"]) {
    if (!$.commandExistsSync(program)) return `${program} is missing`;
  }
  return null;
}

function ariel(): readonly string[] {
  const binary = Deno.env.get("ARIEL_BINARY");
  return binary === undefined ? FROM_SOURCE : [binary];
}

/** The commands that boot the guest with a kernel command line. */
function commands(kernel: string, initrd: string, append: string): Record<keyof Pair, readonly string[]> {
  const guest = ["--kernel", kernel, "--initrd", initrd, "--append", append];
  const machine = ["-M", "virt,gic-version=3", "-cpu", "max,pauth-impdef=on", "-m", "1G"];
  const plain = ["-nographic", "-nic", "none", "-no-reboot"];
  return {
    qemu: [QEMU, ...machine, ...plain, ...guest.map((word) => word.replace(/^--/, "-"))],
    ariel: [...ariel(), "run", ...guest, "-m", "1G"],
  };
}

interface Run {
  /** Seconds from the start to the shell. */
  readonly bootSeconds: number;
  /** The guest's console. */
  readonly lines: readonly string[];
}

/** Runs a command to its end, and notes when the shell was up. */
async function run(command: readonly string[]): Promise<Run> {
  const start = performance.now();
  const process = new Deno.Command(command[0], {
    args: command.slice(1),
    stdin: "null",
    stdout: "piped",
    stderr: "null",
  }).spawn();
  const timer = setTimeout(() => process.kill("SIGKILL"), TIMEOUT_MS);
  const lines: string[] = [];
  let bootSeconds = NaN;
  const text = process.stdout.pipeThrough(new TextDecoderStream());
  for await (const line of text.pipeThrough<string>(new TextLineStream())) {
    lines.push(line);
    if (line.endsWith(UP)) bootSeconds = (performance.now() - start) / 1000;
  }
  await process.status;
  clearTimeout(timer);
  if (Number.isNaN(bootSeconds)) {
    throw new Error(`${command[0]} did not reach the shell:\n${lines.slice(-40).join("\n")}`);
  }
  return { bootSeconds, lines };
}

/** Makes the comparison: medians of so many rounds. */
export async function compareGuests(rounds: number, progress: (text: string) => void): Promise<GuestFigures> {
  const workloads = await compileWorkloads();
  const initrd = await Deno.makeTempFile({ suffix: ".cpio" });
  const samples = new Map<string, Record<keyof Pair, number[]>>();
  const note = (name: string, who: keyof Pair, seconds: number): void => {
    if (!samples.has(name)) samples.set(name, { ariel: [], qemu: [] });
    samples.get(name)![who].push(seconds);
  };
  try {
    await Deno.writeFile(initrd, busyboxInitrd(INIT, [{ path: "workloads", mode: S_IFREG | 0o755, bytes: workloads }]));
    const kernel = kernelPath("linux-6.12");
    for (let round = 1; round <= rounds; round++) {
      for (const who of ["qemu", "ariel"] as const) {
        progress(`round ${round} of ${rounds}: ${who}`);
        note("boot", who, (await run(commands(kernel, initrd, APPEND)[who])).bootSeconds);
        const { lines } = await run(commands(kernel, initrd, `${APPEND} workloads`)[who]);
        for (const line of lines) {
          const [, name, seconds] = /^WORK (\S+) (\S+)/.exec(line) ?? [];
          if (name) note(name, who, Number(seconds));
        }
      }
    }
  } finally {
    await Deno.remove(initrd);
  }
  return Object.fromEntries(
    [...samples].map(([name, { ariel, qemu }]) => [name, { ariel: median(ariel), qemu: median(qemu) }]),
  );
}

function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b), middle = sorted.length >> 1;
  if (sorted.length === 0) return NaN;
  return sorted.length % 2 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

/** Geometric mean of QEMU's time over ours, of all but the boot. */
export function meanSpeed(figures: GuestFigures): number {
  const speeds = Object.entries(figures).filter(([name]) => name !== "boot").map(([, f]) => f.qemu / f.ariel);
  return Math.exp(speeds.reduce((sum, speed) => sum + Math.log(speed), 0) / speeds.length);
}
