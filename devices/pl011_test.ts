import { assertEquals } from "@std/assert";
import { ClockMock } from "./clock_mock.ts";
import { Pl011 } from "./pl011.ts";

const DR = 0, RSR = 4, FR = 0x18, LCR_H = 0x2c, CR = 0x30, IFLS = 0x34, IMSC = 0x38, RIS = 0x3c, MIS = 0x40, ICR = 0x44;
const RX = 0x10, TX = 0x20, RT = 0x40, OE = 0x400;

function bench(options = {}) {
  const b = { level: false, sent: "", readies: 0, clock: new ClockMock() };
  const backend = {
    transmit: (byte: number) => void (b.sent += String.fromCharCode(byte)),
    ready: () => void b.readies++,
  };
  const uart = new Pl011({ set: (level) => void (b.level = level) }, b.clock, backend, options);
  return {
    b,
    uart,
    get: (offset: number) => uart.read(offset, 4),
    put: (offset: number, v: number) => uart.write(offset, 4, v),
  };
}

Deno.test("Pl011 transmits at once and raises the transmit interrupt", () => {
  const { b, get, put } = bench();
  assertEquals(get(RIS), 0);
  assertEquals(get(FR) & 0xb0, 0x90);
  put(IMSC, TX);
  put(DR, 0x68);
  put(DR, 0x69);
  assertEquals(b.sent, "hi");
  assertEquals([get(MIS), b.level], [TX, true]);
  put(ICR, TX);
  assertEquals([get(MIS), b.level], [0, false]);
});

Deno.test("Pl011 keeps characters while it is off and sends them when it is switched on", () => {
  const { b, get, put } = bench({ enabledAtReset: false });
  assertEquals(get(CR), 0x300);
  put(LCR_H, 0x70);
  for (let i = 0; i < 17; i++) put(DR, 0x41 + i);
  assertEquals(get(FR) & 0xa0, 0x20);
  assertEquals(b.sent, "");
  put(CR, 0x301);
  assertEquals(b.sent, "ABCDEFGHIJKLMNOP");
  assertEquals(get(FR) & 0xa0, 0x80);
});

Deno.test("Pl011 receives by characters with the FIFO off", () => {
  const { b, uart, get, put } = bench();
  put(IMSC, RX);
  assertEquals(uart.receive(0x61), true);
  assertEquals(uart.receive(0x62), false);
  assertEquals(b.level, true);
  assertEquals(get(FR) & 0x50, 0x40);
  assertEquals(get(DR), 0x61);
  assertEquals([b.level, b.readies, get(FR) & 0x50], [false, 1, 0x10]);
});

Deno.test("Pl011 interrupts at the trigger level, and after 32 bit periods without it", () => {
  const { b, uart, get, put } = bench();
  put(LCR_H, 0x70);
  put(IFLS, 0x12); // half
  put(IMSC, RX | RT);
  for (let i = 0; i < 7; i++) uart.receive(0x30 + i);
  assertEquals(b.level, false);
  b.clock.advance(200_000);
  assertEquals(b.level, false);
  b.clock.advance(100_000);
  assertEquals(get(MIS), RT);
  uart.receive(0x37);
  assertEquals(get(MIS), RT | RX);
  assertEquals(get(DR), 0x30);
  assertEquals(get(MIS), RT);
  while ((get(FR) & 0x10) === 0) get(DR);
  assertEquals([get(RIS) & (RT | RX), b.level], [0, false]);
  b.clock.advance(1_000_000);
  assertEquals(b.level, false);
});

Deno.test("Pl011 holds 16 characters and refuses more", () => {
  const { uart, get, put } = bench();
  put(LCR_H, 0x70);
  let taken = 0;
  while (uart.receive(taken)) taken++;
  assertEquals(taken, 16);
  assertEquals(get(FR) & 0x50, 0x40);
  put(LCR_H, 0x60);
  assertEquals(get(FR) & 0x50, 0x10);
});

Deno.test("Pl011 loops back, marks an overrun once and shows its own modem lines", () => {
  const { b, get, put } = bench();
  put(CR, 0x381 | 0x800);
  put(DR, 0x55);
  put(DR, 0x56);
  assertEquals(b.sent, "");
  assertEquals(get(FR) & 0x107, 1);
  assertEquals(get(RIS) & OE, OE);
  assertEquals(get(DR), 0x855);
  assertEquals(get(RSR), 8);
  put(RSR, 0);
  assertEquals(get(RSR), 0);
});

Deno.test("Pl011 receives a break", () => {
  const { uart, get } = bench();
  uart.receiveBreak();
  assertEquals(get(RIS) & 0x200, 0x200);
  assertEquals(get(DR), 0x400);
  assertEquals(get(RSR), 4);
});

Deno.test("Pl011 identifies itself, masks reserved bits, and resets and restores everything", () => {
  const { b, uart, get, put } = bench();
  const ids = [...Array(8).keys()].map((i) => get(0xfe0 + 4 * i));
  assertEquals(ids, [0x11, 0x10, 0x14, 0x00, 0x0d, 0xf0, 0x05, 0xb1]);
  for (let offset = 4; offset < 0x50; offset += 4) put(offset, 0xffff_ffff);
  assertEquals([0x24, 0x28, 0x30, 0x34, 0x38, 0x48].map(get), [0xffff, 0x3f, 0xff87, 0x3f, 0x7ff, 7]);
  put(CR, 0x301);
  put(LCR_H, 0x60);
  uart.receive(1);
  const saved = uart.snapshot();
  assertEquals(b.level, true);
  uart.reset();
  assertEquals([b.level, get(IMSC), get(CR), get(IFLS), get(FR) & 0x10], [false, 0, 0x301, 0x12, 0x10]);
  uart.restore(saved);
  assertEquals([b.level, get(IMSC), get(FR) & 0x10], [true, 0x7ff, 0]);
});

Deno.test("Pl011 survives any access", () => {
  const { uart } = bench();
  let seed = 1;
  const random = () => (seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0);
  for (let i = 0; i < 20_000; i++) {
    const bytes = 1 << (random() >>> 30);
    const offset = (random() >>> 20) & ~(bytes - 1);
    uart.write(offset, bytes, random());
    const value = uart.read(offset, bytes);
    assertEquals(value >= 0 && Number.isSafeInteger(value), true);
    uart.receive(random() & 0xff);
  }
});
