import { assertEquals } from "@std/assert";
import { ClockMock } from "./clock_mock.ts";
import { Pl031 } from "./pl031.ts";

const DR = 0, MR = 4, LR = 8, CR = 0xc, IMSC = 0x10, RIS = 0x14, MIS = 0x18, ICR = 0x1c;

function bench() {
  const b = { level: false, clock: new ClockMock() };
  const rtc = new Pl031({ set: (level) => void (b.level = level) }, b.clock, 1_700_000_000);
  return {
    b,
    rtc,
    get: (offset: number) => rtc.read(offset, 4),
    put: (offset: number, v: number) => rtc.write(offset, 4, v),
  };
}

Deno.test("Pl031 counts seconds from the base and from what is loaded", () => {
  const { b, rtc, get, put } = bench();
  assertEquals(get(DR), 1_700_000_000);
  b.clock.advance(2.5e9);
  assertEquals(get(DR), 1_700_000_002);
  put(LR, 0xffff_ffff);
  assertEquals([get(DR), get(LR)], [0xffff_ffff, 0xffff_ffff]);
  b.clock.advance(1e9);
  assertEquals(get(DR), 0);
  assertEquals(get(CR), 1);
  put(CR, 0);
  assertEquals(get(CR), 1);
  rtc.reset();
  assertEquals(get(DR), 1_700_000_003);
});

Deno.test("Pl031 interrupts when the counter gets to the match register", () => {
  const { b, rtc, get, put } = bench();
  put(IMSC, 1);
  put(MR, get(DR) + 3);
  b.clock.advance(2.9e9);
  assertEquals([b.level, get(RIS)], [false, 0]);
  const saved = rtc.snapshot();
  b.clock.advance(0.2e9);
  assertEquals([b.level, get(RIS), get(MIS)], [true, 1, 1]);
  put(ICR, 1);
  assertEquals([b.level, get(MIS)], [false, 0]);
  rtc.restore(rtc.snapshot());
  assertEquals(b.level, false);
  put(MR, get(DR));
  assertEquals(b.level, true);
  put(IMSC, 0);
  assertEquals([b.level, get(RIS)], [false, 1]);
  rtc.restore(saved);
  assertEquals(get(IMSC), 1);
});

Deno.test("Pl031 asks for no time while nobody waits for its match, which it has seen all the same", () => {
  const { b, get, put } = bench();
  put(MR, get(DR) + 3);
  assertEquals(b.clock.pendingCount, 0);
  b.clock.advance(2.9e9);
  assertEquals(get(RIS), 0);
  b.clock.advance(0.2e9);
  assertEquals(get(RIS), 1);
  put(ICR, 1);
  assertEquals(get(RIS), 0);
  b.clock.advance(2 ** 32 * 1e9);
  assertEquals([get(RIS), b.level, b.clock.pendingCount], [1, false, 0]);
  put(IMSC, 1);
  assertEquals([b.level, b.clock.pendingCount], [true, 0]);
  put(ICR, 1);
  assertEquals([b.level, b.clock.pendingCount], [false, 1]);
  b.clock.advance(2 ** 32 * 1e9);
  assertEquals(b.level, true);
});

Deno.test("Pl031 identifies itself", () => {
  const { get } = bench();
  const ids = [...Array(8).keys()].map((i) => get(0xfe0 + 4 * i));
  assertEquals(ids, [0x31, 0x10, 0x14, 0x00, 0x0d, 0xf0, 0x05, 0xb1]);
});
