import { MmioTrap } from "../policy/trap.ts";
import { ALLOW, DENY } from "../policy/verdict.ts";
import { sampleDecisions } from "./fixture.ts";
import { LogDrain } from "./log_drain.ts";
import { LogReader } from "./log_reader.ts";
import { TrapLog } from "./record.ts";
import { RecordRing } from "./record_ring.ts";
import { summarize } from "./summary.ts";
import { Tally } from "./tally.ts";

const RECORDS = 10_000;

/** A log to write to, and what its lines go to. */
function makeLog(write: (bytes: Uint8Array<ArrayBuffer>) => void) {
  const ring = RecordRing.create(1 << 14);
  const drain = new LogDrain({
    ring,
    format: "text",
    header: { level: "all" },
    isQuiet: false,
    write: (bytes, done) => {
      write(bytes);
      done();
    },
  });
  return { log: new TrapLog("all", ring), drain };
}

/** Writes so many records as a guest would cause them: some hot registers, and ever new addresses. */
function writeRecords(count: number, write: (bytes: Uint8Array<ArrayBuffer>) => void): void {
  const { log, drain } = makeLog(write), samples = sampleDecisions(), mmio = new MmioTrap();
  for (let seq = 1; seq <= count; seq++) {
    const [trap, verdict] = seq % 64 === 0
      ? samples[seq / 64 % samples.length]
      : [mmio, seq % 1000 === 0 ? DENY : ALLOW];
    trap.common.seq = seq;
    trap.common.time = seq * 700;
    if (trap === mmio) {
      mmio.size = 4;
      mmio.device = seq % 4 === 0 ? "" : "pl011";
      mmio.offset = seq % 16 * 4;
      mmio.ipa = seq % 4 === 0 ? 0xa00_0000 + 4 * seq : 0x900_0000 + mmio.offset;
      mmio.common.pcLo = Math.imul(seq % 100_000, 16) >>> 0;
      mmio.common.valueLo = seq;
    }
    log.note(trap, verdict);
    if (seq % 4096 === 0) { while (drain.drain()); }
  }
  drain.stop();
}

const pieces: Uint8Array<ArrayBuffer>[] = [];
writeRecords(RECORDS, (bytes) => pieces.push(bytes));

{
  const { log, drain } = makeLog(() => {}), samples = sampleDecisions();
  Deno.bench(`the vCPU's thread: note ${RECORDS} traps`, (b) => {
    b.start();
    for (let n = 0; n < RECORDS; n++) log.note(samples[n % samples.length][0], samples[n % samples.length][1]);
    b.end();
    while (drain.drain());
  });
}

Deno.bench(`both threads: write ${RECORDS} lines`, () => writeRecords(RECORDS, () => {}));

Deno.bench(`read ${RECORDS} records and sum them up`, () => {
  const tally = new Tally(), reader = new LogReader(tally);
  for (const piece of pieces) reader.push(piece);
  reader.end();
  summarize(tally, reader);
});

/** A million records of ever new addresses must not take more memory than half of them. */
Deno.bench("read a million records in bounded memory", { n: 1, warmup: 0 }, () => {
  const tally = new Tally(), reader = new LogReader(tally);
  const heapAt: number[] = [];
  let seen = 0;
  writeRecords(1_000_000, (bytes) => {
    reader.push(bytes);
    if (reader.counts.records - seen < 250_000) return;
    seen = reader.counts.records;
    heapAt.push(Deno.memoryUsage().heapUsed + Deno.memoryUsage().external);
  });
  reader.end();
  if (reader.counts.records !== 1_000_000) throw new Error(`${reader.counts.records} records were read`);
  // From when all tables are full
  const grown = heapAt.at(-1)! - heapAt[1];
  if (grown > 64e6) throw new Error(`The memory has grown by ${Math.round(grown / 1e6)} MB`);
  if (summarize(tally, reader).records !== 1_000_000) throw new Error("Records have not been summed up");
});
