import { Expander, parseString, sourceError, splitOperands, splitStatements, splitWord } from "./assembler_source.ts";
import type { Statement } from "./assembler_source.ts";
import { evaluate } from "./expression.ts";
import { assembleInstruction, type OperandScope } from "./instruction_assembler.ts";

/** What the assembler makes of a source. */
export interface Assembled {
  /** The image; its first byte belongs at `origin`. */
  readonly bytes: Uint8Array;
  /** All labels and symbols by name. */
  readonly labels: Map<string, bigint>;
}

export interface AssembleOptions {
  /** The address of the first byte. */
  readonly origin: bigint;
  /** Symbols that the source may use, as if it began with an .equ for each. */
  readonly symbols?: Readonly<Record<string, bigint>>;
}

/** Bytes that pass 2 writes at an offset from the origin. */
interface Item {
  readonly statement: Statement;
  readonly offset: number;
  readonly ordinal: number;
  readonly write: (item: Item) => void;
}

interface Literal {
  readonly text: string;
  readonly sizeBytes: number;
  readonly ordinal: number;
  offset: number;
}

const NOP = 0xd503201f;
const IMAGE_LIMIT_BYTES = 2 ** 30;
const DATA_SIZES: Readonly<Record<string, number>> = {
  ".byte": 1,
  ".hword": 2,
  ".2byte": 2,
  ".short": 2,
  ".word": 4,
  ".4byte": 4,
  ".long": 4,
  ".int": 4,
  ".inst": 4,
  ".quad": 8,
  ".8byte": 8,
  ".xword": 8,
  ".dword": 8,
};
/** Directives that mean nothing to an image of one section. */
const IGNORED = new Set(
  (".global .globl .text .data .bss .section .type .size .arch .cpu .file .ident .arch_extension .weak .hidden .local " +
    ".func .endfunc .pushsection .popsection .loc").split(" "),
);

/**
 * Assembles source in the syntax of GNU as: labels, instructions, data directives, macros, literal pools. All sections
 * are one image, in the order of the source. Throws SyntaxError with the line and what is wrong.
 */
export function assemble(source: string, options: AssembleOptions): Assembled {
  return new Assembly(options).run(source);
}

class Assembly {
  readonly #origin: bigint;
  readonly #items: Item[] = [];
  /** Each symbol's definitions in order: a label has one, .set may give many. */
  readonly #symbols = new Map<string, Definition[]>();
  /** The offsets and ordinals of each local label, in order. */
  readonly #locals = new Map<string, Position[]>();
  #pool: Literal[] = [];
  #offset = 0;
  #ordinal = 0;
  #bytes = new Uint8Array(0);
  #statement: Statement = { text: "", line: 0, macros: [] };

  constructor(options: AssembleOptions) {
    this.#origin = options.origin;
    for (const [name, value] of Object.entries(options.symbols ?? {})) {
      this.#symbols.set(name, [{ ordinal: -1, value, statement: this.#statement }]);
    }
  }

  run(source: string): Assembled {
    const expander = new Expander((text) => this.#evaluateHere(text), (name) => this.#symbols.has(name));
    for (const statement of expander.expand(splitStatements(source))) {
      this.#statement = statement;
      this.#guard(statement, () => this.#layOut(statement));
    }
    this.#guard(this.#statement, () => this.#layOutPool());
    this.#bytes = new Uint8Array(this.#offset);
    for (const item of this.#items) this.#guard(item.statement, () => item.write(item));
    const labels = new Map<string, bigint>();
    const scope = this.#scope(this.#here());
    for (const [name, definitions] of this.#symbols) {
      this.#guard(definitions.at(-1)!.statement, () => labels.set(name, scope.symbol(name)));
    }
    return { bytes: this.#bytes, labels };
  }

  /** Adds the line to the errors of `action`. */
  #guard(statement: Statement, action: () => unknown): void {
    try {
      action();
    } catch (error) {
      if (error instanceof SyntaxError && !error.message.startsWith("Line ")) {
        throw sourceError(statement, error.message);
      }
      throw error;
    }
  }

  /** Pass 1: gives the statement its place. */
  #layOut(statement: Statement): void {
    let text = statement.text;
    for (let match; (match = /^([\w.$]+):(?!:)\s*/.exec(text)) !== null; text = text.slice(match[0].length)) {
      this.#label(match[1]);
    }
    const assignment = /^([a-z_.$][\w.$]*)\s*=(?!=)\s*([^]+)$/i.exec(text);
    if (assignment) return this.#assign(assignment[1], assignment[2]);
    const { word, rest } = splitWord(text);
    if (word === "") return;
    if (word.startsWith(".")) return this.#directive(word, rest);
    if (this.#offset % 4 !== 0) throw new SyntaxError(`Cannot place "${text}" as its address is no multiple of 4`);
    const literal = /^(\w+)\s*,\s*=\s*([^]+)$/.exec(rest);
    if (word === "ldr" && literal) return this.#loadLiteral(literal[1], literal[2]);
    this.#add(4, (item) => this.#instruction(text, item));
  }

  #label(name: string): void {
    if (/^\d+$/.test(name)) {
      const list = this.#locals.get(name) ?? [];
      list.push(this.#here());
      this.#locals.set(name, list);
      return;
    }
    if (this.#symbols.has(name)) throw new SyntaxError(`Cannot define ${name} as it is defined already`);
    const value = this.#origin + BigInt(this.#offset);
    this.#symbols.set(name, [{ ordinal: this.#ordinal, value, statement: this.#statement }]);
  }

  /** .set and =: a use sees the last definition before it, and the first one when all come later. */
  #assign(name: string, text: string): void {
    let value: Definition["value"] = { text, at: this.#here() };
    try {
      value = this.#evaluateHere(text);
    } catch (error) {
      if (!(error instanceof SyntaxError)) throw error;
    }
    const definitions = this.#symbols.get(name) ?? [];
    definitions.push({ ordinal: this.#ordinal, value, statement: this.#statement });
    this.#symbols.set(name, definitions);
  }

  #directive(word: string, rest: string): void {
    const operands = splitOperands(rest);
    const size = DATA_SIZES[word];
    if (size !== undefined) return this.#data(operands, size);
    switch (word) {
      case ".ascii":
      case ".asciz":
      case ".string":
        return this.#text(operands, word !== ".ascii");
      case ".align":
      case ".p2align":
        return this.#align(2 ** this.#size(operands[0]), operands[1], operands[2]);
      case ".balign":
        return this.#align(this.#size(operands[0]), operands[1], operands[2]);
      case ".space":
      case ".skip":
      case ".zero":
        return this.#fill(this.#size(operands[0]), Number(this.#evaluateHere(operands[1] ?? "0") & 0xffn));
      case ".fill":
        return this.#repeat(operands);
      case ".org": {
        const target = this.#size(operands[0]);
        if (target < this.#offset) throw new SyntaxError(`Cannot move back from ${this.#offset} to ${target}`);
        return this.#fill(target - this.#offset, Number(this.#evaluateHere(operands[1] ?? "0") & 0xffn));
      }
      case ".equ":
      case ".set":
        if (operands.length !== 2) throw new SyntaxError(`Cannot read "${rest}" as a symbol and its value`);
        return this.#assign(operands[0], operands[1]);
      case ".ltorg":
      case ".pool":
        return this.#layOutPool();
      case ".error":
        throw new SyntaxError(rest);
    }
    if (!IGNORED.has(word) && !word.startsWith(".cfi_")) throw new SyntaxError(`Cannot understand directive ${word}`);
  }

  #data(operands: readonly string[], sizeBytes: number): void {
    this.#add(sizeBytes * operands.length, (item) => {
      operands.forEach((text, i) => {
        const value = evaluate(text, this.#scope(item));
        if (BigInt.asUintN(sizeBytes * 8, value) !== value && BigInt.asIntN(sizeBytes * 8, value) !== value) {
          throw new SyntaxError(`Cannot store ${text} as it does not fit in ${sizeBytes} bytes`);
        }
        this.#store(item.offset + i * sizeBytes, sizeBytes, value);
      });
    });
  }

  #text(operands: readonly string[], isTerminated: boolean): void {
    for (const operand of operands) {
      const content = parseString(operand);
      this.#add(content.length + (isTerminated ? 1 : 0), (item) => this.#bytes.set(content, item.offset));
    }
  }

  /** Pads with `fill`, or as code where there is none; not at all where that takes more than `most` bytes. */
  #align(alignment: number, fill?: string, most?: string): void {
    if (alignment < 1 || (alignment & (alignment - 1)) !== 0) {
      throw new SyntaxError(`Cannot align to ${alignment} as it is no power of two`);
    }
    const address = this.#origin + BigInt(this.#offset);
    const count = Number(BigInt.asUintN(64, -address) & BigInt(alignment - 1));
    if (most && count > this.#size(most)) return;
    if (fill) return this.#fill(count, Number(this.#evaluateHere(fill) & 0xffn));
    this.#add(count, ({ offset }) => {
      const end = offset + count;
      // As GNU as pads code: zeros up to a word, then NOPs.
      for (let at = (offset + 3) & ~3; at + 4 <= end; at += 4) this.#store(at, 4, BigInt(NOP));
    });
  }

  #fill(count: number, value: number): void {
    this.#add(count, ({ offset }) => this.#bytes.fill(value, offset, offset + count));
  }

  #repeat(operands: readonly string[]): void {
    const count = this.#size(operands[0]), size = this.#size(operands[1] ?? "1");
    const value = this.#evaluateHere(operands[2] ?? "0");
    if (size > 8) throw new SyntaxError(`Cannot fill with units of ${size} bytes`);
    this.#add(count * size, ({ offset }) => {
      for (let i = 0; i < count; i++) this.#store(offset + i * size, size, value);
    });
  }

  #loadLiteral(register: string, text: string): void {
    const sizes: Readonly<Record<string, number>> = { w: 4, s: 4, x: 8, d: 8, l: 8, f: 8, i: 8, q: 16 };
    const sizeBytes = sizes[register[0].toLowerCase()] ?? 8;
    // What depends on the place is not shared.
    const isShared = !/\d[bf]\b|(?<![\w.$])\.(?![\w.$])/.test(text);
    let literal = isShared ? this.#pool.find((l) => l.text === text && l.sizeBytes === sizeBytes) : undefined;
    if (!literal) this.#pool.push(literal = { text, sizeBytes, ordinal: this.#ordinal, offset: -1 });
    const found = literal;
    this.#add(4, (item) => this.#instruction(`ldr ${register}, ${this.#origin + BigInt(found.offset)}`, item));
  }

  #layOutPool(): void {
    const pool = this.#pool;
    this.#pool = [];
    for (const sizeBytes of [4, 8, 16]) {
      const literals = pool.filter((l) => l.sizeBytes === sizeBytes);
      if (literals.length > 0) this.#align(sizeBytes, "0");
      for (const literal of literals) {
        literal.offset = this.#offset;
        this.#add(sizeBytes, (item) => {
          const scope = this.#scope({ offset: item.offset, ordinal: literal.ordinal });
          this.#store(item.offset, sizeBytes, evaluate(literal.text, scope));
        });
      }
    }
  }

  #instruction(text: string, item: Item): void {
    const word = assembleInstruction(text, this.#origin + BigInt(item.offset), this.#scope(item));
    this.#store(item.offset, 4, BigInt(word));
  }

  #store(offset: number, sizeBytes: number, value: bigint): void {
    for (let i = 0; i < sizeBytes; i++) this.#bytes[offset + i] = Number((value >> BigInt(i * 8)) & 0xffn);
  }

  #add(sizeBytes: number, write: (item: Item) => void): void {
    this.#items.push({ statement: this.#statement, offset: this.#offset, ordinal: this.#ordinal++, write });
    this.#offset += sizeBytes;
    if (this.#offset > IMAGE_LIMIT_BYTES) throw new SyntaxError(`Cannot assemble more than ${IMAGE_LIMIT_BYTES} bytes`);
  }

  #here(): Position {
    return { offset: this.#offset, ordinal: this.#ordinal };
  }

  #evaluateHere(text: string): bigint {
    return evaluate(text, this.#scope(this.#here()));
  }

  /** The value of a text that must be known in pass 1 and counts bytes. */
  #size(text: string | undefined): number {
    const value = this.#evaluateHere(text ?? "");
    if (value < 0n || value > IMAGE_LIMIT_BYTES) throw new SyntaxError(`Cannot take ${text} as a size`);
    return Number(value);
  }

  #scope(at: Position, depth = 0): OperandScope {
    return {
      isSymbol: (name) => name === "." || this.#symbols.has(name),
      symbol: (name) => {
        if (name === ".") return this.#origin + BigInt(at.offset);
        const local = /^(\d+)([bf])$/.exec(name);
        if (local) return this.#localLabel(local[1], local[2] === "b", at);
        const definitions = this.#symbols.get(name);
        if (!definitions) throw new SyntaxError(`Cannot find symbol ${name}`);
        const { value } = definitions.findLast((d) => d.ordinal <= at.ordinal) ?? definitions[0];
        if (typeof value === "bigint") return value;
        if (depth > 32) throw new SyntaxError(`Cannot evaluate ${name} as it depends on itself`);
        return evaluate(value.text, this.#scope(value.at, depth + 1));
      },
    };
  }

  #localLabel(number: string, isBackward: boolean, at: Position): bigint {
    const list = this.#locals.get(number) ?? [];
    const found = isBackward ? list.findLast((p) => p.ordinal <= at.ordinal) : list.find((p) => p.ordinal > at.ordinal);
    if (!found) throw new SyntaxError(`Cannot find local label ${number} ${isBackward ? "before" : "after"} here`);
    return this.#origin + BigInt(found.offset);
  }
}

/** A value, or the text of one that could not be evaluated where it stood. */
interface Definition {
  readonly ordinal: number;
  readonly statement: Statement;
  readonly value: bigint | { readonly text: string; readonly at: Position };
}

/** A place in the source: bytes from the origin, and how many items stand before. */
interface Position {
  readonly offset: number;
  readonly ordinal: number;
}
