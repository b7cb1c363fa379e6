import { FIELD, type Field, type FieldName, FIELDS } from "./fields.ts";
import { FilterError, type Token, tokenize } from "./filter_tokens.ts";
import type { LogRecord } from "./log_record.ts";

/** Whether a record is wanted. */
export type Filter = (record: LogRecord) => boolean;

type Comparison = "==" | "!=" | "<" | "<=" | ">" | ">=";
const COMPARISONS: ReadonlySet<string> = new Set(["==", "!=", "<", "<=", ">", ">=", "=~", "!~"]);

/** Names that stand for a part of `what`. */
export const SUBJECT_FIELDS = {
  name: { type: "text", help: "the place, register or function alone" },
  access: { type: "text", help: "r, w or x" },
  size: { type: "number", help: "bytes of an access to a device" },
  device: { type: "text", help: "the device at the place (mmio)" },
  fault: { type: "text", help: "kind of stage 2 fault (abort)" },
  intent: { type: "text", help: "what was to be done about it (abort)" },
} as const;
type SubjectField = keyof typeof SUBJECT_FIELDS;

/** Parentheses within one another: each takes its part of the stack. */
const NESTING_MAX = 200;

/** Nanoseconds of the units that a number may have. */
const UNITS: Readonly<Record<string, number>> = { ns: 1, us: 1e3, ms: 1e6, s: 1e9 };

/**
 * Makes a filter of an expression: comparisons of a field (`==`, `!=`, `<`, `<=`, `>`, `>=`, and `=~` and `!~` with
 * a glob of `*` and `?` that knows no case) with `&&`, `||`, `!` and parentheses; a field alone asks whether the record
 * has it. What is asked of a field that the record has not is false. Throws FilterError.
 */
export function parseFilter(text: string): Filter {
  return new FilterParser(text).parse();
}

class FilterParser {
  readonly #tokens: readonly Token[];
  #next = 0;
  /** Parentheses that are open. */
  #depth = 0;

  constructor(readonly text: string) {
    this.#tokens = tokenize(text);
  }

  parse(): Filter {
    const filter = this.#or();
    const rest = this.#peek();
    if (rest.kind !== "end") {
      this.#fail(rest.text === ")" ? 'this ")" closes nothing' : "here && or || is missing", rest);
    }
    return filter;
  }

  #peek(): Token {
    return this.#tokens[this.#next];
  }
  #take(operator: string): boolean {
    const token = this.#peek();
    if (token.kind !== "operator" || token.text !== operator) return false;
    this.#next++;
    return true;
  }
  #fail(why: string, token: Token): never {
    throw new FilterError(why, this.text, token.position);
  }

  #or(): Filter {
    const any = [this.#and()];
    while (this.#take("||")) any.push(this.#and());
    return any.length === 1 ? any[0] : (record) => any.some((filter) => filter(record));
  }
  #and(): Filter {
    const all = [this.#not()];
    while (this.#take("&&")) all.push(this.#not());
    return all.length === 1 ? all[0] : (record) => all.every((filter) => filter(record));
  }
  #not(): Filter {
    let isNegated = false;
    while (this.#take("!")) isNegated = !isNegated;
    const inner = this.#primary();
    return isNegated ? (record) => !inner(record) : inner;
  }

  #primary(): Filter {
    const open = this.#peek();
    if (this.#take("(")) {
      if (++this.#depth > NESTING_MAX) this.#fail(`more than ${NESTING_MAX} parentheses are within one another`, open);
      const inner = this.#or();
      this.#depth--;
      if (!this.#take(")")) this.#fail('this "(" is not closed', open);
      return inner;
    }
    const token = this.#peek();
    if (token.kind !== "word") {
      this.#fail(token.kind === "end" ? "it ends too early" : "here a field must stand", token);
    }
    this.#next++;
    const operator = this.#peek();
    if (operator.kind !== "operator" || !COMPARISONS.has(operator.text)) return this.#presence(token);
    this.#next++;
    const literal = this.#peek();
    if (literal.kind !== "word" && literal.kind !== "string") this.#fail("here a value must stand", literal);
    this.#next++;
    return this.#comparison(token, operator, literal);
  }

  #presence(token: Token): Filter {
    if (isSubjectField(token.text)) {
      const name = token.text;
      return (record) => Boolean(record.subject[name]);
    }
    const field = this.#field(token);
    return (record) => record.has(field);
  }

  #field(token: Token): number {
    const field = FIELD[token.text as FieldName];
    if (field !== undefined && Object.hasOwn(FIELD, token.text)) return field;
    const names = [...FIELDS.map((f) => f.name), ...Object.keys(SUBJECT_FIELDS)];
    this.#fail(`there is no field "${token.text}": the fields are ${names.join(", ")}`, token);
  }

  #comparison(name: Token, operator: Token, literal: Token): Filter {
    if (isSubjectField(name.text)) return this.#subjectComparison(name.text, operator, literal);
    const index = this.#field(name), field: Field = FIELDS[index];
    if (field.type === "number") {
      const value = this.#number(name, operator, literal);
      const lo = Number(value & 0xffff_ffffn), hi = Number(value >> 32n);
      return compareWords(index, operator.text as Comparison, lo, hi);
    }
    const isWanted = this.#textTest(name, operator, literal, field.texts);
    return (record) => record.has(index) && isWanted(record, index);
  }

  #subjectComparison(name: SubjectField, operator: Token, literal: Token): Filter {
    if (SUBJECT_FIELDS[name].type === "number") {
      const value = Number(this.#number({ kind: "word", text: name, position: operator.position }, operator, literal));
      const test = COMPARE[operator.text as Comparison];
      return ({ subject }) => subject.size > 0 && test(subject.size, value);
    }
    const matches = this.#matcher(name, operator, literal);
    const isNegated = operator.text[0] === "!";
    return ({ subject }) => subject[name] !== "" && matches(String(subject[name])) !== isNegated;
  }

  /** A test of a text by its number: each text is looked at once. */
  #textTest(name: Token, operator: Token, literal: Token, texts?: readonly string[]) {
    const matches = this.#matcher(name.text, operator, literal);
    if (texts && !operator.text.endsWith("~") && !texts.includes(literal.text)) {
      this.#fail(`there is no ${name.text} "${literal.text}": it is one of ${texts.join(", ")}`, literal);
    }
    const isNegated = operator.text[0] === "!";
    const known: (boolean | undefined)[] = [];
    return (record: LogRecord, field: number): boolean => {
      const id = record.textId(field);
      if (id === record.interners[field]!.other) return matches(record.text(field)) !== isNegated;
      return known[id] ??= matches(record.text(field)) !== isNegated;
    };
  }

  #matcher(name: string, operator: Token, literal: Token): (text: string) => boolean {
    const { text } = literal;
    if (operator.text.endsWith("~")) {
      const glob = globExpression(text);
      return (candidate) => glob.test(candidate);
    }
    if (operator.text !== "==" && operator.text !== "!=") {
      this.#fail(`${name} is a text: it takes ==, !=, =~ and !~`, operator);
    }
    return (candidate) => candidate === text;
  }

  #number(name: Token, operator: Token, literal: Token): bigint {
    if (operator.text.endsWith("~")) {
      this.#fail(`${name.text} is a number: it takes ==, !=, <, <=, > and >=`, operator);
    }
    const match = /^(?:(0x[0-9a-f_]+)|(\d[\d_]*)(?:(\.\d+)?(ns|us|ms|s))?)$/i.exec(literal.text);
    if (!match || literal.kind === "string") {
      this.#fail(`${name.text} needs a number such as 10 or 0x0a00_0000`, literal);
    }
    const [, hex, whole, fraction = "", unit] = match;
    if (unit !== undefined) return BigInt(Math.round(Number(whole.replaceAll("_", "") + fraction) * UNITS[unit]));
    const value = BigInt((hex ?? whole).replaceAll("_", ""));
    if (value >> 64n) this.#fail("this number has more than 64 bits", literal);
    return value;
  }
}

function isSubjectField(name: string): name is SubjectField {
  return Object.hasOwn(SUBJECT_FIELDS, name);
}

const COMPARE: Readonly<Record<Comparison, (a: number, b: number) => boolean>> = {
  "==": (a, b) => a === b,
  "!=": (a, b) => a !== b,
  "<": (a, b) => a < b,
  "<=": (a, b) => a <= b,
  ">": (a, b) => a > b,
  ">=": (a, b) => a >= b,
};

/** Compares a field of 64 bits, in halves so that nothing is lost. */
function compareWords(field: number, operator: Comparison, lo: number, hi: number): Filter {
  const test = COMPARE[operator], bit = 1 << field;
  return ({ present, words }) => {
    if ((present & bit) === 0) return false;
    const recordHi = words[2 * field + 1], recordLo = words[2 * field];
    return recordHi === hi ? test(recordLo, lo) : operator === "!=" || (operator !== "==" && test(recordHi, hi));
  };
}

/** A glob as a regular expression: `*` any text, `?` one character, no case. */
function globExpression(glob: string): RegExp {
  const source = glob.replace(/[.+^${}()|[\]\\]/g, "\\$&").replaceAll("*", ".*").replaceAll("?", ".");
  return new RegExp(`^${source}$`, "is");
}
