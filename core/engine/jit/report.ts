import { disassemble } from "../../a64/disassembler.ts";
import { EXIT_KINDS } from "../../cpu/layout.ts";
import type { Vcpu } from "../../cpu/vcpu.ts";
import type { Engine } from "../engine.ts";
import type { JitCounts, RegionInfo } from "./jit.ts";
import type { Sample, Tier } from "./profile.ts";

/** What the engine did: plain data, for statistics. */
export interface EngineReport {
  /** Shares of the instructions, by samples: see Profile. */
  readonly shares: Readonly<Record<Tier, number>>;
  /** How often generated code came to TypeScript: exits by reason, accesses to memory, helpers. */
  readonly exits: Readonly<Record<string, number>>;
  readonly slowAccesses: number;
  readonly helperCalls: number;
  /** How often regions went on in tier 1. */
  readonly sideExits: number;
  /** Null where the JIT is off. */
  readonly jit: JitCounts | null;
}

/** A region that is in place, and what was seen of it. */
export interface HotRegion {
  readonly address: bigint;
  readonly instructions: number;
  /** Share of all instructions that ended slices in it. */
  readonly share: number;
  /** Its first instructions, from the root on, as text. */
  readonly listing: readonly string[];
}

/** Sums up what the engine did so far. */
export function engineReport(engine: Engine, vcpus: readonly Vcpu[]): EngineReport {
  const { instructions } = engine.profile, all = total(engine);
  const exits = EXIT_KINDS.map((kind, i) => [kind, engine.exits[i]] as const).filter(([, count]) => count > 0);
  return {
    shares: {
      interpreted: instructions.interpreted / all,
      translated: instructions.translated / all,
      other: instructions.other / all,
    },
    exits: Object.fromEntries(exits),
    slowAccesses: engine.slowAccesses,
    helperCalls: engine.helperCalls,
    sideExits: vcpus.reduce((sum, vcpu) => sum + Number(vcpu.get64("sideExits")), 0),
    jit: engine.jit?.counts ?? null,
  };
}

function total({ profile: { instructions } }: Engine): number {
  return Math.max(1, instructions.interpreted + instructions.translated + instructions.other);
}

/** The regions in which most slices ended, the hottest first, with so many instructions of each. */
export function hottestRegions(engine: Engine, count: number, lines: number): HotRegion[] {
  const regions = new Map<number, { region: RegionInfo; sample: Sample; weight: number }>();
  for (const sample of engine.profile.samples()) {
    if (sample.translated === 0) continue;
    const region = regionAt(engine, sample.record);
    if (!region) continue;
    const known = regions.get(region.record);
    if (known) known.weight += sample.translated;
    else regions.set(region.record, { region, sample, weight: sample.translated });
  }
  const sorted = [...regions.values()].sort((a, b) => b.weight - a.weight).slice(0, count);
  return sorted.map(({ region, sample, weight }) => {
    const distance = (sample.record - region.record) >> 2;
    const address = (BigInt(sample.pcHigh) << 32n | BigInt(sample.pcLow)) - BigInt(distance);
    return {
      address,
      instructions: region.instructions,
      share: weight / total(engine),
      listing: listing(engine, region, address, lines),
    };
  });
}

/** The region that most likely ran when a slice ended at a record: the last that begins before it, or the page's first. */
function regionAt(engine: Engine, record: number): RegionInfo | null {
  let best: RegionInfo | null = null;
  for (const region of engine.jit?.regionsOf(engine.code.slotOf(record)) ?? []) {
    const isBefore = region.record <= record;
    if (
      !best ||
      (best.record <= record ? isBefore && region.record > best.record : region.record < best.record || isBefore)
    ) {
      best = region;
    }
  }
  return best;
}

/** Instructions from the region's root on: its other blocks may stand before it. */
function listing(engine: Engine, region: RegionInfo, address: bigint, lines: number): string[] {
  const at = engine.code.instructionOf(region.record);
  if (at < 0) return [];
  const words = new Int32Array(engine.code.buffer), inPage = (4096 - (at & 0xfff)) >>> 2;
  return Array.from({ length: Math.min(lines, region.instructions, inPage) }, (_, i) => {
    const place = address + BigInt(4 * i);
    return `${place.toString(16)}  ${disassemble(words[(at >>> 2) + i] >>> 0, place)}`;
  });
}

const percent = (share: number): string => `${(100 * share).toFixed(1)} %`;

/** The report as text, for a person: counts, and the hottest regions with their first instructions. */
export function jitReport(engine: Engine, vcpus: readonly Vcpu[], regionCount = 5, lines = 12): string {
  const { shares, exits, slowAccesses, helperCalls, sideExits, jit } = engineReport(engine, vcpus);
  const names = Object.entries(exits).sort((a, b) => b[1] - a[1]).map(([name, count]) => `${name} ${count}`);
  const out = [
    `instructions: ${percent(shares.translated)} in regions, ${percent(shares.interpreted)} in handlers, ` +
    `${percent(shares.other)} in slices that an exception or a wait ended`,
    `left generated code: ${names.join(", ") || "never"}`,
    `accesses to memory by way of TypeScript: ${slowAccesses}; helpers: ${helperCalls}; side exits: ${sideExits}`,
  ];
  if (!jit) return [...out, "the JIT is off"].join("\n");
  const dropped = jit.dropped.written + jit.dropped.recycled;
  out.push(
    `regions: ${jit.regions} compiled, of ${jit.instructions} instructions, in ${jit.modules} modules of ` +
      `${Math.round(jit.wasmBytes / 1024)} KiB, in ${Math.round(jit.compileMs)} ms`,
    `dropped: ${dropped} (${jit.dropped.written} written to, ${jit.dropped.recycled} recycled); not compiled: ` +
      `${jit.tooShort} too short, ${jit.late} late, ${jit.tooMany} without room, ${jit.postponed} postponed`,
  );
  for (const region of hottestRegions(engine, regionCount, lines)) {
    out.push("", `${region.address.toString(16)}: ${region.instructions} instructions, ${percent(region.share)}`);
    out.push(...region.listing.map((line) => `  ${line}`));
  }
  return out.join("\n");
}
