import { assertEquals, assertThrows } from "@std/assert";
import { RegisterMap } from "./register_map.ts";

interface State {
  control: number;
  low: number;
}

class Probe {
  state: State = { control: 0x1234_5678, low: 0 };
  array = [0, 0, 0];
  seen: string[] = [];
}

const map = new RegisterMap<Probe, State>(0x1000, [
  {
    offset: 0x00,
    name: "CONTROL",
    field: "control",
    writable: 0xffff_00ff,
    write: (d, v, old, _, mask) => d.seen.push([v, old, mask].map((x) => x.toString(16)).join()),
  },
  { offset: 0x04, name: "ID", value: 0xb105_f00d },
  {
    offset: 0x10,
    name: "ARRAY<n>",
    words: 3,
    read: (d, i) => d.array[i],
    write: (d, v, _, i, mask) => d.array[i] = (d.array[i] & ~mask) | v,
  },
], (d, offset, isWrite) => d.seen.push(`${isWrite ? "w" : "r"}${offset}`));

Deno.test("RegisterMap keeps bits that are not writable and hands over old and new", () => {
  const d = new Probe();
  map.write(d, d.state, 0, 4, 0xffff_ffff);
  assertEquals(d.state.control, 0xffff_56ff);
  assertEquals(d.seen, ["ffff56ff,12345678,ffff00ff"]);
});

Deno.test("RegisterMap does narrow and wide accesses", () => {
  const d = new Probe();
  assertEquals(map.read(d, d.state, 3, 1), 0x12);
  assertEquals(map.read(d, d.state, 0, 2), 0x5678);
  map.write(d, d.state, 2, 2, 0xaaaa);
  assertEquals(d.state.control, 0xaaaa_5678);
  map.write(d, d.state, 0x15, 1, 0x7f);
  assertEquals(d.array, [0, 0x7f00, 0]);
  map.write(d, d.state, 0x10, 8, 0x5_0000_0003);
  assertEquals(d.array, [3, 5, 0]);
  assertEquals(map.read(d, d.state, 0x10, 8), 0x5_0000_0003);
});

Deno.test("RegisterMap answers RAZ/WI off the map and tells of it", () => {
  const d = new Probe();
  assertEquals(map.read(d, d.state, 0x800, 4), 0);
  map.write(d, d.state, 0x04, 4, 1);
  assertEquals(map.read(d, d.state, 0x04, 4), 0xb105_f00d);
  assertEquals(d.seen, ["r2048", "w4"]);
  assertEquals(map.nameAt(0x18), "ARRAY<n>");
  assertThrows(() => new RegisterMap<Probe, State>(16, [{ offset: 0, name: "A" }, { offset: 0, name: "B" }]));
});
