import { assertEquals } from "@std/assert";
import { touch } from "./touch.ts";

Deno.test("touch writes to each page of the host that has bytes of the range, and nowhere else", () => {
  const memory = new Int32Array(8192).fill(1);
  touch(memory, 4096 + 16, 2 * 4096 + 64);
  const written = [...memory.keys()].filter((word) => memory[word] === 0).map((word) => 4 * word);
  assertEquals(written, [4096 + 16, 8192 + 16, 12288 + 16, 12288 + 76]);
  // The end may lie in a page where no stride begins
  memory.fill(1);
  touch(memory, 8000, 4096 + 200);
  assertEquals([...memory.keys()].filter((word) => memory[word] === 0).map((word) => word >>> 10), [1, 2, 3]);
});
