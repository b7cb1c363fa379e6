import type { Machine } from "../machine/machine.ts";
import { engineReport, hottestRegions } from "../engine/jit/report.ts";

/** Hottest regions in the statistics, and instructions that are listed of each. */
const REGIONS = 10, LINES = 24;

/** What --stats tells of a machine: the names are those of the JSON. */
export interface MachineStatistics {
  readonly tlb: Readonly<Record<string, number>>;
  readonly engine: Readonly<Record<string, number>>;
  /** How often generated code was left, by reason. */
  readonly exits: Readonly<Record<string, number>>;
  /** Share of the instructions by tier, from samples. */
  readonly tiers: Readonly<Record<string, number>>;
  /** Null with --jit off. */
  readonly jit: JitStatistics | null;
}

export interface JitStatistics {
  readonly requested: number;
  readonly regions: number;
  readonly instructions: number;
  readonly modules: number;
  readonly wasm_bytes: number;
  /** On the thread that compiles. */
  readonly compile_ms: number;
  /** Regions that are no more, and hot code that did not become one, by why. */
  readonly dropped: Readonly<Record<string, number>>;
  readonly not_compiled: Readonly<Record<string, number>>;
  readonly hottest: readonly {
    readonly address: string;
    readonly instructions: number;
    readonly share: number;
    readonly listing: readonly string[];
  }[];
}

/** Sums up what a machine did since it was made. */
export function machineStatistics({ engine, mmu, vcpus }: Machine): MachineStatistics {
  const { shares, exits, slowAccesses, helperCalls, sideExits } = engineReport(engine, vcpus);
  const tlbs = vcpus.map((vcpu) => mmu.tlbOf(vcpu));
  return {
    tlb: {
      fills: tlbs.reduce((sum, tlb) => sum + tlb.fillCount, 0),
      flushes: tlbs.reduce((sum, tlb) => sum + tlb.flushCount, 0),
    },
    engine: {
      modules: engine.handlers.moduleCount,
      prebuilt: Number(engine.isPrebuilt),
      helper_calls: helperCalls,
      slow_accesses: slowAccesses,
      side_exits: sideExits,
    },
    exits,
    tiers: Object.fromEntries(Object.entries(shares).map(([tier, share]) => [tier, rounded(share)])),
    jit: engine.jit && jitStatistics(engine),
  };
}

function jitStatistics(engine: Machine["engine"]): JitStatistics {
  const { requested, regions, instructions, modules, wasmBytes, compileMs, dropped, ...others } = engine.jit!.counts;
  const { late, tooShort, tooMany, postponed } = others;
  return {
    requested,
    regions,
    instructions,
    modules,
    wasm_bytes: wasmBytes,
    compile_ms: rounded(compileMs),
    dropped,
    not_compiled: { too_short: tooShort, late, too_many: tooMany, postponed },
    hottest: hottestRegions(engine, REGIONS, LINES).map(({ address, share, ...rest }) => ({
      address: `0x${address.toString(16)}`,
      share: rounded(share),
      ...rest,
    })),
  };
}

function rounded(value: number): number {
  return Math.round(value * 1000) / 1000;
}
