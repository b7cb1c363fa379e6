import { S_IFREG } from "../../core/machine/cpio.ts";
import { STATE } from "../../core/cpu/layout.ts";
import type { Shape } from "../../core/engine/handlers.ts";
import type { Machine } from "../../core/machine/machine.ts";
import { compileWorkloads } from "../bench/workloads.ts";
import { GuestRun } from "../jit/guest_run.ts";
import { busyboxInitrd, kernelPath } from "./guest.ts";

/*
 * Writes core/engine/common_shapes.ts anew from a boot of Linux 6.12 that runs the ten workloads, in tier 1:
 *   deno run --allow-all tests/linux/record_shapes.ts && deno fmt core/engine/common_shapes.ts
 * Some minutes; it needs the environment's ARIEL_REAL and aarch64-linux-gnu-gcc.
 */

/** Every so many instructions, so many are executed one by one, to see which shapes follow each other. */
const PERIOD = 500_000, STEPS = 500;
/** What follows a shape in less than this share of cases is not told. */
const SHARE_MIN = 0.03;
/** Shapes that are told to follow one. */
const SUCCESSORS_MAX = 4;
/** Samples from which on a shape's successors are worth telling. */
const SAMPLES_MIN = 10;

const INIT = "/workloads 12\npoweroff -f\n";
const PC = STATE.pc.offset >>> 2;

/** How often one shape followed another, by their places in Handlers.shapes. */
type Counts = Map<number, Map<number, number>>;

/** The place in Handlers.shapes of the shape at the PC; -1 where it was not decoded yet. */
function shapeAtPc({ vcpus: [vcpu], mmu, engine, buffer }: Machine): number {
  const { u32, w } = vcpu, host = mmu.fillExec(vcpu, u32[w + PC], u32[w + PC + 1]);
  if (host < 0 || !engine.code.holds(host >>> 12)) return -1;
  const record = engine.code.recordsOf(host >>> 12) + (host & 0xfff) * 4;
  return engine.handlers.placeOf(new Uint16Array(buffer, record, 1)[0]);
}

/** Executes some instructions one by one. */
function sample(machine: Machine, counts: Counts): void {
  const [vcpu] = machine.vcpus;
  let before = -1;
  for (let i = 0; i < STEPS && vcpu.isRunning; i++) {
    const here = shapeAtPc(machine);
    if (before >= 0 && here >= 0) {
      let next = counts.get(before);
      if (next === undefined) counts.set(before, next = new Map());
      next.set(here, (next.get(here) ?? 0) + 1);
    }
    before = here;
    machine.step(vcpu);
  }
}

/** The places of what most often follows each shape. */
function successors(counts: Counts, place: number): number[] {
  const next = [...counts.get(place) ?? []].sort(([, a], [, b]) => b - a);
  const all = next.reduce((sum, [, count]) => sum + count, 0);
  if (all < SAMPLES_MIN) return [];
  return next.filter(([, count]) => count >= SHARE_MIN * all).slice(0, SUCCESSORS_MAX).map(([to]) => to);
}

function render(shapes: readonly Shape[], counts: Counts): string {
  // By variant, and by word in each: the places change
  const order = shapes.map((_, i) => i).sort((a, b) =>
    shapes[a].variant - shapes[b].variant || (shapes[a].word >>> 0) - (shapes[b].word >>> 0)
  );
  const placeOf = new Map(order.map((old, place) => [old, place]));
  const rows = order.map((old) => {
    const { word, variant } = shapes[old];
    const next = successors(counts, old).map((to) => placeOf.get(to));
    return `  [0x${(word >>> 0).toString(16).padStart(8, "0")}, ${[variant, ...next].join(", ")}],`;
  });
  return rows.join("\n");
}

const program = await compileWorkloads();
const initrd = busyboxInitrd(INIT, [{ path: "workloads", mode: S_IFREG | 0o755, bytes: program }]);
const { machine } = new GuestRun({
  kernel: Deno.readFileSync(kernelPath("linux-6.12")),
  initrd,
  append: "console=ttyAMA0 rdinit=/init quiet",
  memoryBytes: 1 << 30,
  jit: false,
  maxInstructions: Infinity,
});
const counts: Counts = new Map();
let isIdle = false;
const host = { poll() {}, wait: () => machine.stop() };
while (!isIdle) {
  const instructions = machine.instructions + PERIOD;
  isIdle = machine.run(host, { instructions, milliseconds: Infinity }) !== "instructions";
  if (!isIdle) sample(machine, counts);
}
const path = new URL("../../core/engine/common_shapes.ts", import.meta.url);
const source = Deno.readTextFileSync(path), start = source.indexOf("[\n", source.indexOf("COMMON_SHAPES")) + 2;
Deno.writeTextFileSync(path, `${source.slice(0, start)}${render(machine.engine.handlers.shapes, counts)}\n];\n`);
