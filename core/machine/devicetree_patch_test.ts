import { assertEquals, assertThrows } from "@std/assert";
import { guestDevicetree } from "./devicetree.ts";
import { patchDevicetree } from "./devicetree_patch.ts";
import { cells64, decodeFdt, encodeFdt, FdtNode } from "./fdt.ts";

const GUEST = {
  memoryBytes: 0x1000_0000,
  cpuCount: 1,
  bootargs: "",
  rngSeed: new Uint8Array(32),
  psciMethod: "hvc",
} as const;

const reg = (...ranges: readonly (readonly [number, number])[]) =>
  ranges.flatMap(([address, size]) => [...cells64(address), ...cells64(size)]);

/** A root with the guest's memory, and no reason for changes. */
function tree(): FdtNode {
  const root = new FdtNode("").set("#address-cells", [2]).set("#size-cells", [2]);
  root.node("memory@40000000").set("device_type", "memory").set("reg", reg([0x4000_0000, GUEST.memoryBytes]));
  return root;
}

function patched(root: FdtNode, hasOtherDevices = false) {
  const { dtb, changes } = patchDevicetree(encodeFdt({ root, reservations: [] }), GUEST, hasOtherDevices);
  return { root: decodeFdt(dtb).root, changes };
}

Deno.test("patchDevicetree() leaves a tree of ours as it is", () => {
  const dtb = guestDevicetree(GUEST);
  assertEquals(patchDevicetree(dtb, GUEST), { dtb, changes: [] });
});

Deno.test("patchDevicetree() describes the guest's memory, and no other", () => {
  const root = tree();
  root.child("memory")!.set("reg", reg([0x8000_0000, 0x1000]));
  root.node("ram@100000000").set("device_type", "memory").set("reg", reg([2 ** 32, 0x1000]));
  const { root: after, changes } = patched(root);
  assertEquals(after.children.map(({ name }) => name), ["memory@40000000", "chosen"]);
  assertEquals(after.child("memory")!.cells("reg"), [0, 0x4000_0000, 0, GUEST.memoryBytes]);
  assertEquals(changes, [
    "/ram@100000000 is gone as the guest's memory is in one piece",
    "/memory@40000000/reg is now 0x40000000 with 0x10000000 bytes",
  ]);
});

Deno.test("patchDevicetree() writes memory in the cells that the tree has, or refuses", () => {
  const root = tree().set("#address-cells", [1]).set("#size-cells", [1]);
  assertEquals(patched(root).root.child("memory")!.cells("reg"), [0x4000_0000, GUEST.memoryBytes]);
  const dtb = encodeFdt({ root, reservations: [] });
  assertThrows(() => patchDevicetree(dtb, { ...GUEST, memoryBytes: 2 ** 32 }), SyntaxError, "0x100000000");
  for (const name of ["#address-cells", "#size-cells"]) {
    for (const count of [0, 3]) assertThrows(() => patched(tree().set(name, [count])), SyntaxError, name);
  }
});

Deno.test("patchDevicetree() takes away an initial RAM disk that is not there", () => {
  const root = tree();
  root.node("chosen").set("linux,initrd-start", [0x4800_0000]).set("linux,initrd-end", [0x4900_0000]);
  const { root: after, changes } = patched(root);
  assertEquals([...after.child("chosen")!.properties.keys()], []);
  assertEquals(changes, ["/chosen/linux,initrd-start and -end are gone as there is no initrd"]);
});

/** A tree with devices that the guest has and others. */
function devices(): FdtNode {
  const root = tree();
  const gic = root.node("intc@8000000").set("#address-cells", [2]).set("#size-cells", [2]).set("ranges", null)
    .set("reg", reg([0x800_0000, 0x1_0000], [0x80a_0000, 0xf6_0000]));
  gic.node("its@8080000").set("reg", reg([0x808_0000, 0x2_0000]));
  root.node("pl011@9000000").set("reg", reg([0x900_0000, 0x1000]));
  root.node("pl061@9030000").set("reg", reg([0x903_0000, 0x1000])).set("status", "okay");
  root.node("pl011@9040000").set("reg", reg([0x904_0000, 0x1000])).set("status", "disabled");
  for (const n of [0, 1, 2]) root.node(`virtio_mmio@a000${2 * n}00`).set("reg", reg([0xa00_0000 + 0x200 * n, 0x200]));
  const bus = root.node("bus").set("#address-cells", [1]).set("#size-cells", [1])
    .set("ranges", [0x1000, ...cells64(0x901_0000), 0x1000, 0x5000, ...cells64(0xb00_0000), 0x1000]);
  bus.node("rtc@1000").set("reg", [0x1000, 0x1000]);
  bus.node("fan@5000").set("reg", [0x5000, 0x1000]);
  bus.node("lost@9000").set("reg", [0x9000, 0x1000]);
  root.node("cpus").set("#address-cells", [1]).set("#size-cells", [0]).node("cpu@0").set("reg", [0]);
  const reserved = root.node("reserved-memory").set("#address-cells", [2]).set("#size-cells", [2]).set("ranges", null);
  reserved.node("log@41000000").set("reg", reg([0x4100_0000, 0x1000]));
  reserved.node("log@80000000").set("reg", reg([0x8000_0000, 0x1000]));
  return root;
}

function disabledIn(node: FdtNode): string[] {
  const own = node.text("status") === "disabled" ? [node.name] : [];
  return [...own, ...node.children.flatMap(disabledIn)];
}

Deno.test("patchDevicetree() disables what is at addresses where the guest has nothing", () => {
  const { root, changes } = patched(devices());
  assertEquals(changes, [
    "/intc@8000000/its@8080000 is disabled, as nothing is there",
    "/pl061@9030000 is disabled, as nothing is there",
    "/virtio_mmio@a000000 and 2 more of its kind are disabled, as nothing is there",
    "/bus/fan@5000 is disabled, as nothing is there",
    "/bus/lost@9000 is disabled, as nothing is there",
    "/reserved-memory/log@80000000 is disabled, as nothing is there",
  ]);
  assertEquals(disabledIn(root).length, 9);
  assertEquals(patched(root).changes, []);
});

Deno.test("patchDevicetree() leaves devices alone for which a policy may answer", () => {
  const { root, changes } = patched(devices(), true);
  assertEquals([disabledIn(root), changes], [["pl011@9040000"], []]);
});
