import { assertEquals } from "@std/assert";
import { askHeap, heapComplaint, watchHeap } from "./heap.ts";

const MIB = 2 ** 20;

Deno.test("a heap is complained of when four fifths of what may be kept are in use, and not before", () => {
  const ask = (usedMib: number, limitMib: number) =>
    heapComplaint({ used_heap_size: usedMib * MIB, heap_size_limit: limitMib * MIB });
  assertEquals(ask(3276, 4192), null);
  assertEquals(ask(3277, 4192), "3277 of the 4096 MiB that JavaScript may keep are in use");
  // Where a heap is small, what is for young objects is, too
  assertEquals(ask(39, 100), null);
  assertEquals(ask(40, 100), "40 of the 50 MiB that JavaScript may keep are in use");
});

Deno.test("a heap that is not full, or not watched, is not complained of", async () => {
  const askOften = () => Array.from({ length: 200 }, askHeap).every((complaint) => complaint === null);
  assertEquals(askOften(), true);
  await watchHeap();
  assertEquals(askOften(), true);
});
