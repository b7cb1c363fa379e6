import { cells64, decodeFdt, encodeFdt, type Fdt, FdtNode } from "./fdt.ts";
import {
  GICD_BASE,
  GICR_BASE,
  GICR_STRIDE,
  GUEST_IPA,
  PL011_BASE,
  PL011_INTID,
  PL031_BASE,
  PL031_INTID,
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
    .set("reg", [...cells64(GUEST_IPA), ...cells64(guest.memoryBytes)]);
  cpus(root, guest);
  root.node("psci").set("compatible", ["arm,psci-1.0", "arm,psci-0.2", "arm,psci"]).set("method", guest.psciMethod);
  timer(root);
  gic(root, guest.cpuCount);
  primeCellDevices(root);
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

function gic(root: FdtNode, cpuCount: number): void {
  root.node(`intc@${GICD_BASE.toString(16)}`).set("compatible", "arm,gic-v3").set("phandle", [GIC_PHANDLE])
    .set("#interrupt-cells", [3]).set("interrupt-controller", null)
    .set("#address-cells", [2]).set("#size-cells", [2]).set("ranges", null)
    .set("#redistributor-regions", [1])
    .set("reg", [
      ...cells64(GICD_BASE),
      ...cells64(0x1_0000),
      ...cells64(GICR_BASE),
      ...cells64(GICR_STRIDE * cpuCount),
    ]);
}

function primeCellDevices(root: FdtNode): void {
  root.node("apb-pclk").set("compatible", "fixed-clock").set("#clock-cells", [0]).set("clock-frequency", [24_000_000])
    .set("clock-output-names", "clk24mhz").set("phandle", [CLOCK_PHANDLE]);
  root.node(`pl011@${PL011_BASE.toString(16)}`).set("compatible", ["arm,pl011", "arm,primecell"])
    .set("reg", [...cells64(PL011_BASE), ...cells64(0x1000)]).set("interrupts", interrupt(PL011_INTID, LEVEL_HIGH))
    .set("clocks", [CLOCK_PHANDLE, CLOCK_PHANDLE]).set("clock-names", ["uartclk", "apb_pclk"]);
  root.node(`pl031@${PL031_BASE.toString(16)}`).set("compatible", ["arm,pl031", "arm,primecell"])
    .set("reg", [...cells64(PL031_BASE), ...cells64(0x1000)]).set("interrupts", interrupt(PL031_INTID, LEVEL_HIGH))
    .set("clocks", [CLOCK_PHANDLE]).set("clock-names", "apb_pclk");
}

/**
 * Changes a user's devicetree only where the guest could not boot otherwise: the memory node, the command line (when
 * one is given), the initial RAM disk. Throws SyntaxError when `dtb` is damaged.
 * @returns the new tree, and one sentence for each change.
 */
export function patchDevicetree(dtb: Uint8Array, guest: GuestDescription): { dtb: Uint8Array; changes: string[] } {
  const { root, reservations }: Fdt = decodeFdt(dtb);
  const changes: string[] = [];
  patchMemory(root, guest.memoryBytes, changes);
  const node = root.child("chosen") ?? root.node("chosen");
  if (guest.bootargs !== "" && node.text("bootargs") !== guest.bootargs) {
    changes.push(`/chosen/bootargs is now "${guest.bootargs}"`);
    node.set("bootargs", guest.bootargs);
  }
  if (guest.initrd) {
    const { start, end } = guest.initrd;
    changes.push(`/chosen/linux,initrd-start and -end are now 0x${start.toString(16)} and 0x${end.toString(16)}`);
    node.set("linux,initrd-start", cells64(start)).set("linux,initrd-end", cells64(end));
  }
  return { dtb: encodeFdt({ root, reservations }), changes };
}

function patchMemory(root: FdtNode, memoryBytes: number, changes: string[]): void {
  const addressCells = root.cells("#address-cells")[0] ?? 2, sizeCells = root.cells("#size-cells")[0] ?? 1;
  const encode = (value: number, count: number) => count === 1 ? [value >>> 0] : cells64(value);
  const wanted = [...encode(GUEST_IPA, addressCells), ...encode(memoryBytes, sizeCells)];
  const node = root.children.find((c) => c.text("device_type") === "memory") ?? root.child("memory") ??
    root.node(`memory@${GUEST_IPA.toString(16)}`).set("device_type", "memory");
  if (node.cells("reg").join() === wanted.join()) return;
  changes.push(`/${node.name}/reg is now 0x${GUEST_IPA.toString(16)} with 0x${memoryBytes.toString(16)} bytes`);
  node.set("reg", wanted);
}
