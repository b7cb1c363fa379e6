import { assertEquals } from "@std/assert";
import { IntervalTable } from "./interval_table.ts";

Deno.test("IntervalTable cuts where intervals begin and end, and finds cells again and again", () => {
  const table = new IntervalTable([{ start: 0x1000, end: 0x2000 }, { start: 0x1800, end: 0x4000 }]);
  assertEquals([...table.starts], [0, 0x1000, 0x1800, 0x2000, 0x4000]);
  for (let i = 0; i < 2; i++) {
    assertEquals(
      [0, 0xfff, 0x1000, 0x17ff, 0x1800, 0x1fff, 0x2000, 0x3fff, 0x4000, 2 ** 52 - 1].map((at) => table.find(at)),
      [
        0,
        0,
        1,
        1,
        2,
        2,
        3,
        3,
        4,
        4,
      ],
    );
  }
});

Deno.test("IntervalTable agrees with a search from the start, for random intervals and numbers", () => {
  let seed = 7;
  const random = (below: number) => (seed = Math.imul(seed, 1664525) + 1013904223 >>> 0) % below;
  const intervals = Array.from({ length: 300 }, () => {
    const start = random(2 ** 20) * 2 ** random(30);
    return { start, end: start + 1 + random(1 << 16) };
  });
  const table = new IntervalTable(intervals);
  for (let i = 0; i < 20_000; i++) {
    const { start, end } = intervals[random(intervals.length)];
    const at = Math.max(0, [start, end, start - 1, end - 1, random(2 ** 31)][random(5)]);
    assertEquals(table.find(at), table.starts.findLastIndex((cut) => cut <= at));
  }
});

Deno.test("IntervalTable tells accesses that lie in two cells", () => {
  const aligned = new IntervalTable([{ start: 0x1000, end: 0x1008 }]);
  assertEquals([aligned.isSplit(0x1000, 8), aligned.isSplit(0xffc, 8), aligned.isSplit(0x1008, 4)], [
    false,
    true,
    false,
  ]);
  const fine = new IntervalTable([{ start: 0x1002, end: 0x1003 }]);
  assertEquals([fine.isSplit(0x1000, 2), fine.isSplit(0x1000, 4), fine.isSplit(0x1002, 1)], [false, true, false]);
});
