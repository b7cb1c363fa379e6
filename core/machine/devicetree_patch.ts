import { deviceRanges, type GuestDescription, type Range } from "./devicetree.ts";
import { cells64, decodeFdt, encodeFdt, type Fdt, type FdtNode } from "./fdt.ts";
import { GUEST_IPA } from "./memory_map.ts";

/** A user's devicetree as the guest gets it, and one sentence for each change. */
export interface PatchedDevicetree {
  readonly dtb: Uint8Array;
  readonly changes: readonly string[];
}

/**
 * Changes a user's devicetree only where the guest could not boot otherwise: the memory, the command line (when one is
 * given), the initial RAM disk, and devices that the guest has not. Throws SyntaxError when `dtb` is damaged or cannot
 * describe the guest.
 * @param hasOtherDevices a policy may answer for devices that we have not, so that all of them stay.
 */
export function patchDevicetree(dtb: Uint8Array, guest: GuestDescription, hasOtherDevices = false): PatchedDevicetree {
  const { root, reservations }: Fdt = decodeFdt(dtb);
  const changes: string[] = [];
  const cells = cellCounts(root);
  if (cells === null) throw new SyntaxError("its root's #address-cells and #size-cells must be 1 or 2");
  patchMemory(root, cells, guest.memoryBytes, changes);
  patchChosen(root, guest, changes);
  if (!hasOtherDevices) {
    const ranges: Range[] = [[GUEST_IPA, guest.memoryBytes], ...Object.values(deviceRanges(guest.cpuCount))];
    disableAbsent(root, ranges, changes);
  }
  return { dtb: encodeFdt({ root, reservations }), changes };
}

function patchChosen(root: FdtNode, { bootargs, initrd }: GuestDescription, changes: string[]): void {
  const node = root.child("chosen") ?? root.node("chosen");
  if (bootargs !== "" && node.text("bootargs") !== bootargs) {
    changes.push(`/chosen/bootargs is now "${bootargs}"`);
    node.set("bootargs", bootargs);
  }
  const [startName, endName] = ["linux,initrd-start", "linux,initrd-end"];
  if (initrd) {
    const { start, end } = initrd;
    changes.push(`/chosen/${startName} and -end are now 0x${start.toString(16)} and 0x${end.toString(16)}`);
    node.set(startName, cells64(start)).set(endName, cells64(end));
  } else if ([startName, endName].map((name) => node.properties.delete(name)).includes(true)) {
    changes.push(`/chosen/${startName} and -end are gone as there is no initrd`);
  }
}

/** Describes the memory that the guest has in the first of the memory nodes, and takes away the others. */
function patchMemory(root: FdtNode, cells: CellCounts, memoryBytes: number, changes: string[]): void {
  const encode = (value: number, count: number) => {
    if (count === 1 && value >= 2 ** 32) {
      throw new SyntaxError(
        `its root has one cell for addresses or sizes, which does not hold 0x${value.toString(16)}`,
      );
    }
    return count === 1 ? [value] : cells64(value);
  };
  const wanted = [...encode(GUEST_IPA, cells.address), ...encode(memoryBytes, cells.size)];
  const [first, ...others] = root.children.filter((c) => c.text("device_type") === "memory");
  for (const other of others) {
    changes.push(`/${other.name} is gone as the guest's memory is in one piece`);
    root.children.splice(root.children.indexOf(other), 1);
  }
  const node = first ?? root.child("memory") ??
    root.node(`memory@${GUEST_IPA.toString(16)}`).set("device_type", "memory");
  if (node.cells("reg").join() === wanted.join()) return;
  changes.push(`/${node.name}/reg is now 0x${GUEST_IPA.toString(16)} with 0x${memoryBytes.toString(16)} bytes`);
  node.set("reg", wanted);
}

/** Disables the devices at addresses where the guest has nothing: drivers would only find an External abort there. */
function disableAbsent(root: FdtNode, present: readonly Range[], changes: string[]): void {
  /** Paths by what they have in common before the unit address: there may be dozens of a kind. */
  const disabled = new Map<string, string[]>();
  for (const { node, path } of absentDevices(root, "", (address) => address, present)) {
    node.set("status", "disabled");
    const kind = path.replace(/@[^/]*$/, "");
    disabled.set(kind, [...disabled.get(kind) ?? [], path]);
  }
  for (const [path, ...more] of disabled.values()) {
    changes.push(
      more.length
        ? `${path} and ${more.length} more of its kind are disabled, as nothing is there`
        : `${path} is disabled, as nothing is there`,
    );
  }
}

/** What an address of a bus is to the CPU, or null where it has no way to it. */
type ToCpu = (address: number) => number | null;

function* absentDevices(
  bus: FdtNode,
  path: string,
  toCpu: ToCpu,
  present: readonly Range[],
): Generator<{ readonly node: FdtNode; readonly path: string }> {
  const cells = cellCounts(bus);
  if (cells === null) return;
  const isPresent = (address: number | null) =>
    address !== null && present.some(([start, bytes]) => address >= start && address < start + bytes);
  for (const node of bus.children) {
    const inside = `${path}/${node.name}`, status = node.text("status") ?? "okay";
    if (status !== "okay" && status !== "ok") continue;
    const addresses = registerAddresses(node, cells);
    if (!addresses.every((address) => isPresent(toCpu(address)))) yield { node, path: inside };
    else if (node.properties.has("ranges")) {
      yield* absentDevices(node, inside, (address) => throughRanges(node, cells.address, address, toCpu), present);
    }
  }
}

interface CellCounts {
  readonly address: number;
  readonly size: number;
}

/** How a bus writes addresses and sizes, with the specification's defaults; null where that is not as memory has them. */
function cellCounts(bus: FdtNode): CellCounts | null {
  const address = bus.cells("#address-cells")[0] ?? 2, size = bus.cells("#size-cells")[0] ?? 1;
  return [address, size].every((count) => count === 1 || count === 2) ? { address, size } : null;
}

/** The beginnings of a device's registers in the addresses of its bus. */
function registerAddresses(node: FdtNode, { address, size }: CellCounts): number[] {
  const reg = node.cells("reg"), count = Math.floor(reg.length / (address + size));
  return Array.from({ length: count }, (_, i) => numberAt(reg, i * (address + size), address));
}

/** Translates an address by the "ranges" of its bus. @param parentCells of an address on the bus above, `toCpu`'s. */
function throughRanges(bus: FdtNode, parentCells: number, address: number, toCpu: ToCpu): number | null {
  const ranges = bus.cells("ranges"), own = cellCounts(bus);
  if (ranges.length === 0 || own === null) return toCpu(address);
  const entry = own.address + parentCells + own.size;
  for (let at = 0; at + entry <= ranges.length; at += entry) {
    const offset = address - numberAt(ranges, at, own.address);
    if (offset < 0 || offset >= numberAt(ranges, at + own.address + parentCells, own.size)) continue;
    return toCpu(numberAt(ranges, at + own.address, parentCells) + offset);
  }
  return null;
}

function numberAt(cells: readonly number[], at: number, count: number): number {
  return cells.slice(at, at + count).reduce((value, cell) => value * 2 ** 32 + cell, 0);
}
