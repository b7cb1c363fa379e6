import { disassemble } from "../a64/disassembler.ts";
import { DebugError, hex } from "../debug/debug_error.ts";

/** How memory is shown: `/COUNT FORMAT SIZE`, as GDB's and QEMU's x command have it. */
export interface Format {
  readonly count: number;
  /** x hexadecimal, d signed, u unsigned, o octal, t binary, c character, s string, i instruction. */
  readonly letter: string;
  /** Bytes of an element. */
  readonly bytes: number;
}

const SIZES: Readonly<Record<string, number>> = { b: 1, h: 2, w: 4, g: 8 };
const LETTERS = "xduotcsi";
const COUNT_MAX = 65536;
/** Elements of a line, by their size. */
const PER_LINE: Readonly<Record<number, number>> = { 1: 16, 2: 8, 4: 4, 8: 2 };
/** Decimal digits of an element, by its size. */
const DIGITS: Readonly<Record<number, number>> = { 1: 3, 2: 5, 4: 10, 8: 19 };
const STRING_MAX = 4096;

/** Reads a format such as `/8xw`; what it leaves out is as in `last`. Throws DebugError. */
export function parseFormat(text: string, last: Format): Format {
  const match = /^\/(\d*)([a-z]*)$/.exec(text);
  if (!match) {
    throw new DebugError(`Cannot read the format "${text}" as /COUNT, a letter of ${LETTERS} and a size of bhwg`);
  }
  let letter = last.letter, bytes = last.bytes;
  for (const c of match[2]) {
    if (c in SIZES) bytes = SIZES[c];
    else if (LETTERS.includes(c)) letter = c;
    else {throw new DebugError(
        `Cannot read the format "${text}" as there is no "${c}": formats are ${LETTERS}, sizes bhwg`,
      );}
  }
  if (letter === "i") bytes = 4;
  if (letter === "c" && !/[bhwg]/.test(match[2])) bytes = 1;
  const count = match[1] === "" ? 1 : Number(match[1]);
  if (count < 1 || count > COUNT_MAX) {
    throw new DebugError(`Cannot show ${count} elements as it must be 1 to ${COUNT_MAX}`);
  }
  return { count, letter, bytes };
}

/** Memory to be shown. */
export interface Source {
  read(address: bigint, bytes: number): Uint8Array;
}

/** Shows memory from `address` on, a line for every few elements; `next` is the address behind it. */
export function examine(source: Source, address: bigint, format: Format, pc: bigint): { text: string; next: bigint } {
  if (format.letter === "s") return strings(source, address, format.count);
  const bytes = source.read(address, format.count * format.bytes);
  const next = address + BigInt(bytes.length);
  const value = (n: number) =>
    bytes.subarray(n * format.bytes, (n + 1) * format.bytes).reduceRight((v, byte) => v << 8n | BigInt(byte), 0n);
  const lines: string[] = [];
  const perLine = format.letter === "i" ? 1 : PER_LINE[format.bytes];
  for (let n = 0; n < format.count; n += perLine) {
    const at = address + BigInt(n * format.bytes);
    if (format.letter === "i") {
      lines.push(showInstruction(Number(value(n)), at, pc));
      continue;
    }
    const elements = [];
    for (let i = n; i < Math.min(n + perLine, format.count); i++) elements.push(element(value(i), format));
    lines.push(`${hex(at, 16)}: ${elements.join(" ")}`);
  }
  return { text: lines.join("\n"), next };
}

/** An instruction with its address, its word, and a mark where it is the PC's. */
export function showInstruction(word: number, address: bigint, pc: bigint): string {
  const mark = address === pc ? "=> " : "   ";
  return `${mark}${hex(address, 16)}: ${(word >>> 0).toString(16).padStart(8, "0")}  ${disassemble(word, address)}`;
}

function element(value: bigint, { letter, bytes }: Format): string {
  const bits = 8 * bytes;
  switch (letter) {
    case "d":
      return BigInt.asIntN(bits, value).toString().padStart(DIGITS[bytes] + 1);
    case "u":
      return value.toString().padStart(DIGITS[bytes]);
    case "o":
      return `0${value.toString(8).padStart(Math.ceil(bits / 3), "0")}`;
    case "t":
      return value.toString(2).padStart(bits, "0");
    case "c":
      return value >= 0x20n && value < 0x7fn ? `'${String.fromCharCode(Number(value))}'` : hex(value, 2 * bytes);
    default:
      return hex(value, 2 * bytes);
  }
}

function strings(source: Source, address: bigint, count: number): { text: string; next: bigint } {
  const lines: string[] = [];
  for (let n = 0; n < count; n++) {
    const bytes: number[] = [];
    let at = address;
    for (; bytes.length < STRING_MAX; at++) {
      const [byte] = source.read(at, 1);
      if (byte === 0) break;
      bytes.push(byte);
    }
    lines.push(`${hex(address, 16)}: ${JSON.stringify(new TextDecoder().decode(Uint8Array.from(bytes)))}`);
    address = at + 1n;
  }
  return { text: lines.join("\n"), next: address };
}
