import { cells64, encodeFdt, FdtNode } from "./fdt.ts";
import {
  GICD_BASE,
  GICR_BASE,
  GICR_STRIDE,
  GUEST_IPA,
  PL011_BASE,
  PL011_INTID,
  PL031_BASE,
  PL031_INTID,
  PMU_INTID,
  TIMER_INTID,
} from "./memory_map.ts";

/** What the guest is told of itself. */
export interface GuestDescription {
  readonly memoryBytes: number;
  readonly cpuCount: number;
  readonly bootargs: string;
  /** IPA range of the initial RAM disk, if there is one. */
  readonly initrd?: { readonly start: number; readonly end: number };
  /** Entropy for the guest's random number generator: without it Linux hashes its pool again for every system call. */
  readonly rngSeed: Uint8Array;
  /** How the guest calls PSCI. */
  readonly psciMethod: "hvc" | "smc";
}

/** A range of the guest's addresses: the first, and how many bytes. */
export type Range = readonly [start: number, bytes: number];

/** Where the guest's devices are. */
export function deviceRanges(cpuCount: number) {
  return {
    distributor: [GICD_BASE, 0x1_0000],
    redistributors: [GICR_BASE, GICR_STRIDE * cpuCount],
    pl011: [PL011_BASE, 0x1000],
    pl031: [PL031_BASE, 0x1000],
  } as const satisfies Record<string, Range>;
}

function reg(...ranges: readonly Range[]): number[] {
  return ranges.flatMap(([start, bytes]) => [...cells64(start), ...cells64(bytes)]);
}

const GIC_PHANDLE = 1, CLOCK_PHANDLE = 2;
const SPI = 0, PPI = 1, LEVEL_HIGH = 4;

/** The interrupt specifier of an INTID. Linux, Documentation/devicetree/bindings: arm,gic-v3. */
function interrupt(intid: number, trigger: number): number[] {
  return intid >= 32 ? [SPI, intid - 32, trigger] : [PPI, intid - 16, trigger];
}

/** The devicetree of a guest. */
export function guestDevicetree(guest: GuestDescription): Uint8Array {
  const root = new FdtNode("");
  root.set("compatible", "linux,dummy-virt").set("model", "ariel-virt");
  root.set("#address-cells", [2]).set("#size-cells", [2]).set("interrupt-parent", [GIC_PHANDLE]);
  chosen(root, guest);
  root.node(`memory@${GUEST_IPA.toString(16)}`).set("device_type", "memory")
    .set("reg", reg([GUEST_IPA, guest.memoryBytes]));
  cpus(root, guest);
  root.node("psci").set("compatible", ["arm,psci-1.0", "arm,psci-0.2", "arm,psci"]).set("method", guest.psciMethod);
  timer(root);
  root.node("pmu").set("compatible", "arm,armv8-pmuv3").set("interrupts", interrupt(PMU_INTID, LEVEL_HIGH));
  const ranges = deviceRanges(guest.cpuCount);
  gic(root, ranges);
  primeCellDevices(root, ranges);
  return encodeFdt({ root, reservations: [] });
}

function chosen(root: FdtNode, { bootargs, initrd, rngSeed }: GuestDescription): void {
  const node = root.node("chosen").set("stdout-path", `/pl011@${PL011_BASE.toString(16)}`).set("bootargs", bootargs)
    .set("rng-seed", rngSeed);
  if (initrd) {
    node.set("linux,initrd-start", cells64(initrd.start)).set("linux,initrd-end", cells64(initrd.end));
  }
}

function cpus(root: FdtNode, { cpuCount }: GuestDescription): void {
  const node = root.node("cpus").set("#address-cells", [1]).set("#size-cells", [0]);
  for (let n = 0; n < cpuCount; n++) {
    node.node(`cpu@${n.toString(16)}`).set("device_type", "cpu").set("compatible", "arm,armv8").set("reg", [n])
      .set("enable-method", "psci");
  }
}

function timer(root: FdtNode): void {
  const lines = [TIMER_INTID.secure, TIMER_INTID.physical, TIMER_INTID.virtual, TIMER_INTID.hypervisor];
  root.node("timer").set("compatible", "arm,armv8-timer").set("always-on", null)
    .set("interrupts", lines.flatMap((intid) => interrupt(intid, LEVEL_HIGH)));
}

function gic(root: FdtNode, { distributor, redistributors }: ReturnType<typeof deviceRanges>): void {
  root.node(`intc@${GICD_BASE.toString(16)}`).set("compatible", "arm,gic-v3").set("phandle", [GIC_PHANDLE])
    .set("#interrupt-cells", [3]).set("interrupt-controller", null)
    .set("#address-cells", [2]).set("#size-cells", [2]).set("ranges", null)
    .set("#redistributor-regions", [1])
    .set("reg", reg(distributor, redistributors));
}

function primeCellDevices(root: FdtNode, { pl011, pl031 }: ReturnType<typeof deviceRanges>): void {
  root.node("apb-pclk").set("compatible", "fixed-clock").set("#clock-cells", [0]).set("clock-frequency", [24_000_000])
    .set("clock-output-names", "clk24mhz").set("phandle", [CLOCK_PHANDLE]);
  root.node(`pl011@${PL011_BASE.toString(16)}`).set("compatible", ["arm,pl011", "arm,primecell"])
    .set("reg", reg(pl011)).set("interrupts", interrupt(PL011_INTID, LEVEL_HIGH))
    .set("clocks", [CLOCK_PHANDLE, CLOCK_PHANDLE]).set("clock-names", ["uartclk", "apb_pclk"]);
  root.node(`pl031@${PL031_BASE.toString(16)}`).set("compatible", ["arm,pl031", "arm,primecell"])
    .set("reg", reg(pl031)).set("interrupts", interrupt(PL031_INTID, LEVEL_HIGH))
    .set("clocks", [CLOCK_PHANDLE]).set("clock-names", "apb_pclk");
}
