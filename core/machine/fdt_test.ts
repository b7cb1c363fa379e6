import { assertEquals, assertThrows } from "@std/assert";
import $ from "dax";
import { testing } from "../../tests/needs.ts";
import { cells64, decodeFdt, encodeFdt, type Fdt, FdtNode } from "./fdt.ts";

function sample(): Fdt {
  const root = new FdtNode("");
  root.set("#address-cells", [2]).set("compatible", ["ariel,virt", "linux,dummy-virt"]);
  root.node("memory@40000000").set("device_type", "memory").set("reg", [...cells64(0x40000000), ...cells64(2 ** 32)]);
  root.node("chosen").set("empty", null);
  return { root, reservations: [[0x1000, 0x2000]] };
}

testing({ programs: ["dtc"] })("encodeFdt() writes what dtc reads", async () => {
  const source = await $`dtc -q -I dtb -O dts -`.stdin(encodeFdt(sample())).text();
  const text = source.replace(/\s+/g, " ");
  assertEquals(text.includes("/memreserve/ 0x0000000000001000 0x0000000000002000;"), true, text);
  assertEquals(text.includes('compatible = "ariel,virt\\0linux,dummy-virt";'), true, text);
  assertEquals(text.includes("reg = <0x00 0x40000000 0x01 0x00>;"), true, text);
});

Deno.test("decodeFdt() gives back what encodeFdt() wrote", () => {
  const { root, reservations } = decodeFdt(encodeFdt(sample()));
  assertEquals(reservations, [[0x1000, 0x2000]]);
  assertEquals(root.child("memory")!.cells("reg"), [0, 0x40000000, 1, 0]);
  assertEquals(root.text("compatible"), "ariel,virt");
});

Deno.test("decodeFdt() refuses damaged trees with a SyntaxError and nothing else", () => {
  const good = encodeFdt(sample());
  for (let length = 0; length < good.length - 40; length++) {
    assertThrows(() => decodeFdt(good.subarray(0, length)), SyntaxError);
  }
  let seed = 1;
  for (let i = 0; i < 3000; i++) {
    const bad = good.slice();
    for (let n = 0; n < 4; n++) {
      seed = (Math.imul(seed, 1103515245) + 12345) >>> 0;
      bad[(seed >>> 8) % bad.length] = seed & 255;
    }
    try {
      decodeFdt(bad);
    } catch (error) {
      if (!(error instanceof SyntaxError)) throw error;
    }
  }
});
