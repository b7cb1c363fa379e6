import { assertEquals } from "@std/assert";
import { CHANNEL, ChannelReader, ChannelWriter, FRAME } from "../debug/channel.ts";
import { debuggedMachine } from "../debug/fixture.ts";
import { encodePacket, fromHex, textToHex } from "../gdb/packet.ts";
import { FrontEnds } from "./front_ends.ts";
import type { MonitorTarget } from "./target.ts";

/** A GDB that has connected to a machine, and what the machine's files wait for. */
function gdb() {
  const { debugger: dbg, run } = debuggedMachine("loop: add x0, x0, #1\n b loop\n");
  const written: ((message: string) => void)[] = [];
  const target: MonitorTarget = {
    debugger: dbg,
    vms: [],
    policy: null,
    log: null,
    reset: () => dbg.resume(),
    quit() {},
    saveFile: (_path, _sizeBytes, _parts, done) => written.push(done),
  };
  const ring = ChannelWriter.ring();
  let received = "";
  const frontEnds = new FrontEnds(target, new ChannelReader(ring), {
    send: (channel, bytes) => received += channel === CHANNEL.gdb ? String.fromCharCode(...bytes) : "",
    hangUp() {},
    focus() {},
    reply() {},
  }, false);
  const frame = (type: number, bytes: Uint8Array) => {
    ring.write(Uint8Array.from([CHANNEL.gdb, type, bytes.length & 0xff, bytes.length >> 8, ...bytes]));
    frontEnds.poll();
  };
  const take = () => {
    const packets = [...received.matchAll(/\$([^#]*)#[\da-f]{2}/g)].map((m) => m[1]);
    received = "";
    return packets.map((p) => p.startsWith("O") && p !== "OK" ? new TextDecoder().decode(fromHex(p.slice(1))!) : p);
  };
  frame(FRAME.open, new Uint8Array(0));
  run();
  return {
    debugger: dbg,
    written,
    take,
    /** Runs a line of the monitor; returns what GDB is answered at once. */
    monitor: (line: string) => {
      frame(FRAME.data, encodePacket(new TextEncoder().encode(`qRcmd,${textToHex(line)}`)));
      return take();
    },
  };
}

Deno.test("GDB hears of a monitor command when it is through, and no other command is answered for it", () => {
  const { monitor, written, take } = gdb();
  assertEquals(monitor("save one"), []);
  assertEquals(monitor("print 5"), ["0x5 (5)\n", "OK"]);
  written[0]("Wrote one.");
  assertEquals(take(), ["Wrote one.\n", "OK"]);
  assertEquals(monitor("save"), ["Cannot save without a file's name.\n", "OK"]);
});

Deno.test("GDB's machine stands still after every monitor command", () => {
  const { monitor, debugger: dbg } = gdb();
  assertEquals(monitor("reset"), ["OK"]);
  assertEquals(dbg.stop?.kind, "interrupt");
});
