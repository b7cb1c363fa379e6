import { assert, assertEquals } from "@std/assert";
import { MmioTrap } from "../policy/trap.ts";
import { ALLOW, makeVerdict } from "../policy/verdict.ts";
import { sampleDecisions } from "./fixture.ts";
import { LogDrain } from "./log_drain.ts";
import { type LogLevel, TrapLog } from "./record.ts";
import type { LogFormat } from "./record_formatter.ts";
import { RecordRing } from "./record_ring.ts";
import { testingStored } from "../../tests/needs.ts";

/** What a log of those records looks like. */
function writeLog(format: LogFormat, ring: RecordRing, write: (log: TrapLog) => void, level: LogLevel = "all"): string {
  let text = "";
  const drain = new LogDrain({
    ring,
    format,
    header: { ariel: "0.1.0", level },
    isQuiet: false,
    write: (bytes, done) => {
      text += new TextDecoder().decode(bytes);
      done();
    },
  });
  write(new TrapLog(level, ring));
  drain.stop();
  return text;
}

const writeSamples = (log: TrapLog) => {
  for (const [trap, verdict] of sampleDecisions()) log.note(trap, verdict);
  if (log.wantsTimers) {
    log.timer({
      seq: 10,
      vcpu: 0,
      intid: 27,
      cval: 2 ** 33,
      count: 2 ** 33 + 5,
      counterOffset: 9,
      lateNs: 5,
      timeNs: 2 ** 33 + 9,
    });
  }
};

testingStored("A log is the same bytes as ever", async () => {
  for (const format of ["text", "json"] as const) {
    const golden = await Deno.readTextFile(new URL(`./golden/all.${format}.log`, import.meta.url));
    assertEquals(writeLog(format, RecordRing.create(64), writeSamples), golden);
  }
});

Deno.test("JSON lines have the same keys and values as logfmt", () => {
  const lines = writeLog("json", RecordRing.create(64), writeSamples).trimEnd().split("\n").map((l) => JSON.parse(l));
  const text = writeLog("text", RecordRing.create(64), writeSamples).trimEnd().split("\n");
  for (const [n, line] of lines.entries()) {
    const logfmt = Object.entries(line).map(([key, value]) => {
      const plain = String(value);
      return `${key}=${/^[\x21-\x7e]+$/.test(plain) && !/["=\\]/.test(plain) ? plain : JSON.stringify(plain)}`;
    });
    assertEquals(text[n].replaceAll("\\u009f", "\x9f"), "[ariel] " + logfmt.join(" "));
  }
});

Deno.test("A record calls the trap what the trap calls itself", () => {
  for (const [trap, verdict] of sampleDecisions()) {
    const lines: string[] = [];
    new TrapLog("all", (line) => lines.push(line)).note(trap, verdict);
    assert(lines[0].includes(` what=${trap.what} value=0x${trap.value.toString(16)} `), lines[0]);
  }
});

Deno.test("Levels choose by what the verdict does, and rules choose beside them", () => {
  const seqs = (level: LogLevel) => {
    const lines: string[] = [];
    writeSamples(new TrapLog(level, (line) => lines.push(line)));
    return lines.map((line) => Number(/seq=(\d+)/.exec(line)![1])).join(" ");
  };
  assertEquals(seqs("all"), "1 2 3 4 5 6 7 8 9 10 10");
  assertEquals(seqs("change"), "2 3 4 7 8 9");
  assertEquals(seqs("deny"), "2 3 7 9");
  assertEquals(seqs("none"), "");

  const count = (choice: "always" | "once" | "never", level: LogLevel) => {
    let lines = 0;
    const log = new TrapLog(level, () => lines++), verdict = makeVerdict("deny", { log: choice });
    for (let n = 0; n < 3; n++) log.note(new MmioTrap(), verdict);
    return lines;
  };
  assertEquals([count("always", "none"), count("once", "none"), count("never", "all")], [3, 1, 0]);
});

Deno.test("The latest records are remembered whatever the level", () => {
  const log = new TrapLog("none"), trap = new MmioTrap();
  for (trap.common.seq = 1; trap.common.seq <= 1000; trap.common.seq++) log.note(trap, ALLOW);
  const seqs = [...log.lines()].map((line) => Number(/seq=(\d+)/.exec(line)![1]));
  assertEquals([seqs.length, seqs[0], seqs.at(-1)], [512, 489, 1000]);
  assertEquals([...log.lines(2)].length, 2);
  assertEquals([...new TrapLog().lines()], []);
});

Deno.test("Records without room are lost, counted and said at their place", () => {
  const ring = RecordRing.create(8), lines: string[] = [];
  const decode = new LogDrain({
    ring,
    format: "text",
    header: {},
    isQuiet: true,
    write: (bytes, done) => {
      lines.push(...new TextDecoder().decode(bytes).trimEnd().split("\n").map((l) => l.split(" t=")[0]));
      done();
    },
  });
  const log = new TrapLog("all", ring), trap = new MmioTrap();
  for (trap.common.seq = 1; trap.common.seq <= 10; trap.common.seq++) log.note(trap, ALLOW); // one place goes to the rule's name
  decode.drain();
  for (; trap.common.seq <= 12; trap.common.seq++) log.note(trap, ALLOW);
  for (; trap.common.seq <= 30; trap.common.seq++) log.note(trap, ALLOW);
  decode.stop();
  assertEquals(lines, [
    "[ariel] schema=1",
    ...[1, 2, 3, 4, 5, 6, 7].map((n) => `[ariel] seq=${n}`),
    "[ariel] lost=3",
    ...[11, 12, 13, 14, 15, 16, 17].map((n) => `[ariel] seq=${n}`),
    "[ariel] end=14 lost=16",
  ]);
});

Deno.test("A name that does not fit takes its record with it and comes with the next", () => {
  const ring = RecordRing.create(8);
  let text = "";
  const drain = new LogDrain({
    ring,
    format: "text",
    header: {},
    isQuiet: true,
    write: (bytes, done) => {
      text += new TextDecoder().decode(bytes);
      done();
    },
  });
  const log = new TrapLog("all", ring), trap = new MmioTrap(), long = makeVerdict("allow", { rule: "x".repeat(250) });
  for (let n = 0; n < 5; n++) log.note(trap, ALLOW);
  log.note(trap, long);
  drain.drain();
  log.note(trap, makeVerdict("allow", { rule: "y" }));
  log.note(trap, long);
  drain.stop();
  const rules = [...text.matchAll(/rule=(\w+)|^.ariel. (lost=\d)/gm)].map((m) => m[1]?.slice(0, 7) ?? m[2]);
  assertEquals(rules, ["default", "default", "default", "default", "default", "lost=1", "y", "xxxxxxx"]);
  assert(text.includes(`rule=${"x".repeat(250)} `));
});

Deno.test("A quiet log without records has no lines", () => {
  let text = "";
  const drain = new LogDrain({
    ring: RecordRing.create(8),
    format: "text",
    header: {},
    isQuiet: true,
    write: (bytes) => text += new TextDecoder().decode(bytes),
  });
  drain.stop();
  assertEquals(text, "");
});

Deno.test("The ring wraps and hands over what another thread wrote", () => {
  const writer = RecordRing.create(4), reader = new RecordRing(writer.buffer);
  const seen: number[] = [];
  for (let n = 0; n < 100; n++) {
    assert(writer.hasRoom(1));
    writer.words[writer.next] = n;
    writer.publish();
    if (n % 3 === 2) reader.read(3, (at) => seen.push(reader.words[at]));
  }
  reader.read(9, (at) => seen.push(reader.words[at]));
  assertEquals(seen, Array.from({ length: 100 }, (_, n) => n));
});
