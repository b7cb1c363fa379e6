import { assertEquals } from "@std/assert";
import { debuggedMachine } from "../debug/fixture.ts";
import { CaptureBuilder } from "./capture.ts";
import { MEMO_BYTES, RECALLED, RecordMemo } from "./record_memo.ts";

const FROM = 64, TO = 128, OTHER = 160;
/** The same few words in five pages, one after the other. */
const PAGES = "add x0, x0, #1\nb 1f\n.balign 4096\n1: ".repeat(4) + "b 1b";
const BRANCH = 0x1400_0002, NOP = 0xd503_201f | 0;

function remember(word: number, pageOffset: number, branchOffset: number) {
  const buffer = new SharedArrayBuffer(256 + MEMO_BYTES), memory = new Int32Array(buffer);
  const memo = new RecordMemo(buffer, 256);
  const found = new CaptureBuilder(buffer);
  found.branchOffset = branchOffset;
  found.endsBlock = branchOffset !== 0;
  memory.set([1, 2, 3, 4], FROM >>> 2);
  memo.note(word, FROM, pageOffset, found);
  return { memo, record: (at: number) => [...memory.subarray(at >>> 2, (at >>> 2) + 4)] };
}

Deno.test("RecordMemo gives back the record of a word that was noted, and of no other", () => {
  const { memo, record } = remember(NOP, 0, 0);
  assertEquals([memo.recall(NOP, TO, 4092), record(TO)], [RECALLED.known, [1, 2, 3, 4]]);
  assertEquals([memo.recall(NOP + 1, OTHER, 0), record(OTHER)], [RECALLED.unknown, [0, 0, 0, 0]]);
  assertEquals(remember(0, 0, 0).memo.recall(0, TO, 0), RECALLED.unknown);
});

Deno.test("RecordMemo knows branches within a page and to another page apart", () => {
  const near = remember(BRANCH, 0, 8).memo, far = remember(BRANCH, 4092, 8).memo;
  assertEquals([near.recall(BRANCH, TO, 4084), near.recall(BRANCH, TO, 4088)], [RECALLED.end, RECALLED.unknown]);
  assertEquals([far.recall(BRANCH, TO, 4088), far.recall(BRANCH, TO, 0)], [RECALLED.end, RECALLED.unknown]);
});

Deno.test("generated code recalls words in every page that is held, whatever its generation", () => {
  const m = debuggedMachine(PAGES), { engine } = m.machine;
  const decoded: number[] = [], decode = engine.code.decode.bind(engine.code);
  engine.code.decode = (record) => {
    decoded.push(engine.code.slotOf(record));
    return decode(record);
  };
  m.run(1000);
  assertEquals(m.vcpu.u64[m.vcpu.base >>> 3], 4n);
  // The first, and the last, which ends in another branch
  assertEquals(new Set(decoded).size, 2);
});
