import { assert, assertEquals } from "@std/assert";
import { FIELDS } from "./fields.ts";
import { type LineCounts, LogReader } from "./log_reader.ts";
import { recordJson } from "./record_text.ts";
import { testingStored } from "../../tests/needs.ts";

const encoder = new TextEncoder();
const golden = (format: string) => Deno.readTextFileSync(new URL(`./golden/all.${format}.log`, import.meta.url));

/** What is read of a capture that comes in pieces of a size: the counts that are not 0, and the records as JSON. */
function read(capture: string | Uint8Array<ArrayBuffer>, pieceBytes = 1 << 20) {
  const bytes = typeof capture === "string" ? encoder.encode(capture) : capture;
  const records: string[] = [];
  const reader = new LogReader({ record: (record) => void records.push(recordJson(record)) });
  for (let at = 0; at < bytes.length; at += pieceBytes) reader.push(bytes.slice(at, at + pieceBytes));
  reader.end();
  const counts = Object.fromEntries(Object.entries(reader.counts).filter(([, n]) => n > 0)) as Partial<LineCounts>;
  return { records, counts, firstLines: reader.firstLines };
}

const jsonRecords = () => golden("json").split("\n").filter((line) => line.startsWith('{"seq"'));

testingStored("What a log says in either form is read back whole", () => {
  for (const format of ["text", "json"]) {
    const { records, counts } = read(golden(format));
    assertEquals(records, jsonRecords());
    assertEquals(counts, { lines: 13, records: 11, control: 2 });
  }
});

testingStored("Pieces may end anywhere, and lines may end as on a serial line", () => {
  for (const format of ["text", "json"]) {
    for (const pieceBytes of [1, 7, 64, 1000]) assertEquals(read(golden(format), pieceBytes).records, jsonRecords());
    assertEquals(read(golden(format).replaceAll("\n", "\r\n")).records, jsonRecords());
    assertEquals(read(golden(format).trimEnd()).records.length, 11);
  }
});

testingStored("A mixed capture: what is no record is counted, and is not fatal", () => {
  const line = golden("text").split("\n")[1];
  const head = line.slice(0, 60), tail = line.slice(60);
  const capture = [
    "U-Boot 2024.01 [core] {",
    golden("text").split("\n")[0],
    `[    0.000000] Booting Linux${line}`,
    `${line}[    0.1] after`,
    `${head}[    0.2] within${tail}`,
    `${head}${line}`,
    head,
    line.replace("kind=mmio", "kind=mmi"),
    line.replace("pc=0x0", "pc=0x"),
    line.replace(" esr=0x56000000", " esr=0x5600x000"),
    line.replace("vcpu=0", "vcpu=é"),
    line.replace(" el=1 esr=0x56000000 ipa=0x9000018", ""),
    "",
    "[ariel] nonsense",
    "[ariel] lost=3",
    `${line}${line}`,
    "",
  ].join("\n");
  const { counts, firstLines } = read(capture);
  assertEquals(counts, {
    lines: 16,
    records: 5,
    control: 2,
    foreign: 2,
    interleaved: 4,
    damaged: 6,
    truncated: 3,
    lost: 3,
  });
  assertEquals(firstLines, { interleaved: 3, damaged: 5, truncated: 6 });
});

testingStored("JSON lines in a capture are found as well, and damage in them", () => {
  const line = golden("json").split("\n")[1];
  const { counts } = read([
    `login: ${line}`,
    line.replace('"vcpu":0', '"vcpu":"0"'),
    line.slice(0, 70),
    '{"seq":"x"}',
    '{"other":1}',
    '{"lost":2}',
    '{"lost":-2}',
  ].join("\n"));
  assertEquals(counts, {
    lines: 7,
    records: 1,
    control: 1,
    foreign: 1,
    interleaved: 1,
    damaged: 3,
    truncated: 1,
    lost: 2,
  });
});

testingStored(
  "Gaps in a log of all traps are missing records; lost ones are not missing, nor those within another trap",
  () => {
    const [header, line] = golden("text").split("\n");
    const log = (level: string, ...lines: (number | string)[]) =>
      read([
        header.replace("level=all", `level=${level}`),
        ...lines.map((seq) => typeof seq === "string" ? seq : line.replace("seq=1 ", `seq=${seq} `)),
      ].join("\n")).counts;
    assertEquals(log("all", 1, 2, 3).missing, undefined);
    assertEquals(log("all", 1, 2, 5, 6, 9).missing, 4);
    assertEquals(log("deny", 1, 2, 5, 6, 9).missing, undefined);
    assertEquals(log("all", 1, 3, 2, 4).missing, undefined);
    const lossy = log("all", 1, 2, "[ariel] lost=4", 7, "[ariel] end=3 lost=6");
    assertEquals([lossy.missing, lossy.lost], [undefined, 6]);
    assertEquals(log("all", 1, 2, 5, 6, "[ariel] end=4 lost=0 withheld=2").missing, undefined);
    assertEquals(log("all", 1, 2, 5, 6, "[ariel] end=4 lost=0 withheld=1").missing, 1);
    assertEquals(log("all", 1, 2, 3, 4, 1, 2, 3).restarts, 1);
  },
);

testingStored("A later schema may add kinds, verdicts and keys", () => {
  const [header, line] = golden("text").split("\n");
  const later = line.replace("kind=mmio", "kind=ffa").replace("verdict=allow", "verdict=forward") + ' new=1 more="a b"';
  assertEquals(read(`${header}\n${later}`).counts.damaged, 1);
  const { counts, records } = read(`${header.replace("schema=1", "schema=2")}\n${later}`);
  assertEquals([counts.records, counts.damaged, counts.interleaved], [1, undefined, undefined]);
  assertEquals(JSON.parse(records[0]).verdict, "forward");
  const json = golden("json").split("\n")[1].replace("}", ',"new":[1,"}"]}');
  assertEquals(read(`{"schema":1}\n${json}`).counts.damaged, 1);
});

testingStored("A line without end does not take more memory, and what follows is read", () => {
  const line = golden("text").split("\n")[1];
  const { counts } = read(`${"x".repeat(1_000_000)}\n${line}\n${"\0".repeat(300_000)}${line}`, 4096);
  assertEquals(counts.records! >= 1 && counts.lines, 3);
});

testingStored("A line that is read in parts is one line, of ours if a record is in it", () => {
  const line = golden("text").split("\n")[1];
  const { counts } = read(`${"x".repeat(300_000)}\n${"x".repeat(300_000)} ${line}\n${"x".repeat(300_000)}`, 4096);
  assertEquals(counts, { lines: 3, records: 1, foreign: 2, interleaved: 1 });
});

Deno.test("What a capture is by its first bytes is known where no lines can be read out of it", () => {
  const form = (...bytes: number[]) => {
    const reader = new LogReader({ record: () => {} });
    reader.push(Uint8Array.from(bytes));
    return reader.form;
  };
  assertEquals(form(0x1f, 0x8b, 8, 0), "packed by gzip");
  assertEquals(form(0x28, 0xb5, 0x2f, 0xfd, 0), "packed by zstd");
  assertEquals(form(0xff, 0xfe, 0x5b, 0), "text in UTF-16");
  assertEquals(form(0x5b, 0x61, 0x72), null);
  assertEquals(form(), null);
});

testingStored("Random damage never throws, and what is read stays what it was but where it was hit", () => {
  const seed = crypto.getRandomValues(new Uint32Array(1))[0];
  let state = seed;
  const random = (below: number) => {
    state = Math.imul(state ^ state >>> 15, 0x2c1b3c6d) + 0x9e3779b9 | 0;
    return (state >>> 0) % below;
  };
  const originals = new Set(jsonRecords());
  for (let round = 0; round < 3000; round++) {
    const bytes = encoder.encode(golden(random(2) === 0 ? "text" : "json").repeat(1 + random(2)));
    const piece = 1 + random(bytes.length), damages = 1 + random(20);
    let damaged = bytes;
    for (let n = 0; n < damages; n++) {
      const at = random(damaged.length), length = random(random(2) === 0 ? 4 : 300);
      if (random(2) === 0) damaged = Uint8Array.from([...damaged.slice(0, at), ...damaged.slice(at + length)]);
      else for (let i = at; i < Math.min(at + length, damaged.length); i++) damaged[i] = random(256);
      if (damaged.length === 0) damaged = encoder.encode("x");
    }
    const { records, counts } = read(damaged, piece);
    const known = records.filter((record) => originals.has(record)).length;
    // A changed digit is a record all the same
    assert(records.length - known <= damages, `seed ${seed}`);
    assertEquals(counts.records ?? 0, records.length, `seed ${seed}`);
    for (const record of records) JSON.parse(record);
  }
});

testingStored("Every key has its own name", () => {
  assertEquals(new Set(FIELDS.map((f) => f.name)).size, FIELDS.length);
  assert(FIELDS.length <= 31);
});
