import { FIELDS } from "../log/fields.ts";
import { type Filter, parseFilter, SUBJECT_FIELDS } from "../log/filter.ts";
import { FilterError } from "../log/filter_tokens.ts";
import { LogReader } from "../log/log_reader.ts";
import type { LogRecord } from "../log/log_record.ts";
import { SCHEMA_VERSION } from "../log/record_layout.ts";
import { COLOURED, columnTitles, PLAIN, recordColumns, recordJson } from "../log/record_text.ts";
import { reportPage } from "../log/report.ts";
import { summarize } from "../log/summary.ts";
import { summaryText } from "../log/summary_text.ts";
import { Tally } from "../log/tally.ts";
import { type Arguments, type Command, UsageError } from "./command.ts";
import { isStdin, reason } from "./files.ts";
import { LogInput } from "./log_input.ts";
import { openResult, print, say, writeStandard } from "./output.ts";
import { isColoured, Progress } from "./progress.ts";
import { INTERRUPTED } from "./signals.ts";

/** Characters of output that are gathered before they are written. */
const OUTPUT_CHARACTERS = 1 << 16;

const FIELD_HELP = [
  ...FIELDS.map((f) => [f.name, f.help]),
  ...Object.entries(SUBJECT_FIELDS).map(([n, f]) => [n, f.help]),
]
  .map(([name, help]) => `  ${name.padEnd(9)} ${help}`).join("\n");

export const LOG_DECODE: Command = {
  name: "log decode",
  summary: "Read trap records out of a log or a capture of the console",
  positional: "[FILE]",
  options: [
    { name: "summary", help: "Say what is in the log instead of printing the records" },
    { name: "json", help: "Print records as lines of JSON; with --summary, the summary as JSON" },
    { name: "filter", argument: "EXPR", help: "Take only the records for which this holds; --filter help tells how" },
    { name: "follow", short: "f", help: "Go on reading as the file grows" },
    {
      name: "html",
      argument: "FILE",
      help: "Write a page with a timeline, a heat map and tables; it needs no network",
    },
  ],
  examples: [
    {
      command: "ariel run --log run.log && ariel log decode --summary run.log",
      what: "what the guest did at EL2's door",
    },
    {
      command: "ariel log decode --summary < uart.log",
      what: "out of a capture that holds the guest's console as well",
    },
    {
      command: "ariel log decode run.log --filter 'kind==mmio && ipa>=0x0a000000 && verdict!=allow'",
      what: "the accesses to devices from there on that were not simply allowed",
    },
    { command: "ariel log decode run.log --html run.html", what: "to look at in a browser" },
  ],
  exitCodes: { [INTERRUPTED]: "interrupted" },
  run: decode,
};

const FILTER_HELP = `A filter compares fields of a record: kind==mmio && (ipa>=0x0a000000 || what=~*UART*) && !(vcpu==0)

Operators:
  == != < <= > >=   of numbers: 12, 0x0a00_0000, and times such as 1.5s, 20ms, 3us
  == !=             of texts, with or without quotation marks
  =~ !~             of texts with a glob of * and ?, in upper or lower case
  FIELD             alone: the record has it
  && || ! ( )
What is asked of a field that a record does not have is false.

Fields:
${FIELD_HELP}
`;

async function decode(args: Arguments): Promise<number> {
  if (args.get("filter") === "help") return print(FILTER_HELP);
  const filter = compileFilter(args.get("filter"));
  const name = args.positional[0], isSummary = args.has("summary"), html = args.get("html");
  if (args.has("follow") && (name === undefined || isStdin(name))) {
    throw new UsageError("Cannot follow stdin: name a file, or leave --follow as stdin is read until it ends");
  }
  const page = html === undefined ? null : openResult(html, "--html", "stdout");
  const palette = isColoured(Deno.stdout) ? COLOURED : PLAIN;
  const isPrinting = !isSummary && page === null;
  const output = new Output();
  if (isPrinting && !args.has("json")) output.line(columnTitles(palette));
  const tally = isPrinting ? null : new Tally();
  const write = args.has("json") ? recordJson : (record: LogRecord) => recordColumns(record, palette);
  const reader = new LogReader({
    header: (header) => {
      if (Number(header.schema) > SCHEMA_VERSION) sayLaterSchema(header.schema);
      tally?.header(header);
    },
    record: (record) => {
      if (filter !== null && !filter(record)) return;
      if (tally) tally.record(record);
      else output.line(write(record));
    },
  });
  const input = new LogInput(name);
  const code = await readAll(input, reader, output, args.has("follow"), isPrinting);
  if (tally) {
    const summary = summarize(tally, reader);
    if (page) page(new TextEncoder().encode(reportPage(summary, name ?? "stdin")));
    if (isSummary) output.line(args.has("json") ? JSON.stringify(summary, null, 2) : summaryText(summary, palette));
    if (reader.counts.records === 0 && reader.form !== null) sayWhatWasLeft(reader, input.name);
  } else sayWhatWasLeft(reader, input.name);
  output.flush();
  return code;
}

function compileFilter(text: string | undefined): Filter | null {
  try {
    return text === undefined ? null : parseFilter(text);
  } catch (error) {
    if (error instanceof FilterError) throw new UsageError(error.message);
    throw error;
  }
}

/** Reads until the end or, when it follows, until it is interrupted. */
async function readAll(
  input: LogInput,
  reader: LogReader,
  output: Output,
  isFollowing: boolean,
  isPrinting: boolean,
): Promise<number> {
  let isInterrupted = false;
  const interrupt = () => {
    isInterrupted = true;
    input.stop();
  };
  Deno.addSignalListener("SIGINT", interrupt);
  const isProgressWanted = input.sizeBytes !== null && !isFollowing && !(isPrinting && Deno.stdout.isTerminal());
  const progress = new Progress(isProgressWanted ? `Reading ${input.name}` : null);
  try {
    for await (const piece of input.pieces(isFollowing)) {
      reader.push(piece);
      output.flush();
      if (output.isClosed) break;
      progress.show(reader.bytes, input.sizeBytes ?? 0, `${(reader.counts.records / 1e6).toFixed(1)} M records`);
    }
  } catch (error) {
    if (error instanceof UsageError) throw error;
    throw new UsageError(`Cannot read ${input.name}: ${reason(error)}`);
  } finally {
    progress.clear();
    Deno.removeSignalListener("SIGINT", interrupt);
  }
  // Where reading was left, a line that is not whole is no damage
  if (!isInterrupted && !output.isClosed) reader.end();
  // Who follows ends by Ctrl-C
  return isInterrupted && !isFollowing ? INTERRUPTED : 0;
}

function sayLaterSchema(schema: unknown): void {
  say(
    `the log has schema ${schema} and this program knows ${SCHEMA_VERSION}: what a later one has added is passed over`,
  );
}

/** Says on stderr what of the input was no record, where that is not as it should be. */
function sayWhatWasLeft({ counts: c, firstLines, form }: LogReader, name: string): void {
  const parts = [
    [c.damaged, "damaged", firstLines.damaged],
    [c.truncated, "truncated", firstLines.truncated],
    [c.lost, "lost when the log was written", 0],
  ] as const;
  const text = parts.filter(([count]) => count > 0).map(([count, what, line]) =>
    `${count} ${what}${line > 0 ? ` (the first at line ${line})` : ""}`
  );
  if (c.records === 0) text.unshift(`no records found${form === null ? "" : `, as ${name} is ${form}`}`);
  if (text.length > 0) say(`records: ${text.join(", ")}`);
}

/** Lines to stdout, gathered. When nobody reads any more, they go nowhere. */
class Output {
  isClosed = false;
  #text = "";

  line(text: string): void {
    this.#text += text + "\n";
    if (this.#text.length >= OUTPUT_CHARACTERS) this.flush();
  }
  flush(): void {
    const text = this.#text;
    this.#text = "";
    if (text === "" || this.isClosed) return;
    this.isClosed = !writeStandard("stdout", new TextEncoder().encode(text));
  }
}
