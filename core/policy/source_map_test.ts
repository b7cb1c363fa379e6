import { assertEquals } from "@std/assert";
import { originalPosition, parseSourceMap } from "./source_map.ts";

Deno.test("Generated places lead back to the source", () => {
  // var A = ...: line 1 of both; "throw" in line 3 is line 5, column 3 of the source
  const map = parseSourceMap('{"version":3,"sources":["a.ts"],"names":[],"mappings":"AAAA,IAAK;;AAIE,MAAM"}');
  assertEquals(originalPosition(map, 1, 1), { line: 1, column: 1 });
  assertEquals(originalPosition(map, 1, 6), { line: 1, column: 6 });
  assertEquals(originalPosition(map, 3, 1), { line: 5, column: 8 });
  assertEquals(originalPosition(map, 3, 9), { line: 5, column: 14 });
  // Where nothing is mapped, the nearest before it
  assertEquals(originalPosition(map, 2, 1), { line: 1, column: 6 });
  assertEquals(originalPosition(map, 99, 1), { line: 5, column: 14 });
  assertEquals(originalPosition({ lines: [] }, 4, 5), { line: 4, column: 5 });
});
