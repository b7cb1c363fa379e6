/*
 * The expressions of assembly source: integers of any size, symbols, `.` for the location, `1b` and `1f` for local
 * labels, and C's operators with GNU as's precedence, where shifts bind like products and & | ^ tighter than + and -.
 */

/** What names mean where an expression stands. */
export interface Scope {
  /** The value of a symbol, of `.`, or of a local label such as `1f`. Throws SyntaxError when it has none. */
  symbol(name: string): bigint;
}

/** A number as source writes it, a local label, a symbol, a character, or an operator. */
const TOKEN =
  /\s*(?:(0x[\da-f]+|0b[01]+)|(\d+[bf])(?![\w.])|(\d+)|([a-z_.$][\w.$]*)|'(\\?.)'?|(<<|>>|[-+*\/%&|^~()]))/iy;

/** Binary operators from the loosest to the tightest. */
const LEVELS: readonly Readonly<Record<string, (a: bigint, b: bigint) => bigint>>[] = [
  { "+": (a, b) => a + b, "-": (a, b) => a - b },
  { "|": (a, b) => a | b, "^": (a, b) => a ^ b, "&": (a, b) => a & b },
  {
    "*": (a, b) => a * b,
    "/": divide,
    "%": (a, b) => a - b * divide(a, b),
    "<<": (a, b) => a << shiftAmount(b),
    ">>": (a, b) => a >> shiftAmount(b),
  },
];

function divide(a: bigint, b: bigint): bigint {
  if (b === 0n) throw new SyntaxError("Cannot divide by zero");
  return a / b;
}

/** As in C, a leading zero means octal. */
function integer(digits: string): bigint {
  if (!/^0\d/.test(digits)) return BigInt(digits);
  if (!/^[0-7]+$/.test(digits)) throw new SyntaxError(`Cannot read ${digits} as octal`);
  return BigInt(`0o${digits.slice(1)}`);
}

function shiftAmount(b: bigint): bigint {
  if (b < 0n || b > 1024n) throw new SyntaxError(`Cannot shift by ${b}`);
  return b;
}

const ESCAPES: Readonly<Record<string, string>> = { n: "\n", r: "\r", t: "\t", b: "\b", f: "\f", e: "\x1b" };

/** The character that stands behind a backslash. */
export function unescape(letter: string): string {
  return letter === "0" ? "\0" : ESCAPES[letter] ?? letter;
}

class Parser {
  position: number;
  readonly #text: string;
  readonly #scope: Scope;

  constructor(text: string, position: number, scope: Scope) {
    this.#text = text;
    this.position = position;
    this.#scope = scope;
  }

  binary(level: number): bigint {
    if (level === LEVELS.length) return this.unary();
    let left = this.binary(level + 1);
    for (;;) {
      const operator = this.#operator(LEVELS[level]);
      if (!operator) return left;
      left = operator(left, this.binary(level + 1));
    }
  }

  unary(): bigint {
    const token = this.#match();
    if (!token) {
      const rest = this.#text.slice(this.position).trim();
      throw new SyntaxError(
        rest === "" ? `Cannot find the rest of "${this.#text.trim()}"` : `Cannot read an expression at "${rest}"`,
      );
    }
    const [, prefixed, local, decimal, name, character, operator] = token;
    if (prefixed) return BigInt(prefixed.toLowerCase());
    if (local ?? name) return this.#scope.symbol(local ?? name);
    if (decimal) return integer(decimal);
    if (character) return BigInt((character[0] === "\\" ? unescape(character[1]) : character).charCodeAt(0));
    switch (operator) {
      case "-":
        return -this.unary();
      case "~":
        return ~this.unary();
      case "+":
        return this.unary();
      case "(": {
        const value = this.binary(0);
        if (this.#match()?.[6] !== ")") throw new SyntaxError(`Cannot find ")" in "${this.#text}"`);
        return value;
      }
      default:
        throw new SyntaxError(`Cannot read an expression at "${operator}"`);
    }
  }

  #match(): RegExpExecArray | null {
    TOKEN.lastIndex = this.position;
    const match = TOKEN.exec(this.#text);
    if (match) this.position = TOKEN.lastIndex;
    return match;
  }

  #operator(level: (typeof LEVELS)[number]): ((a: bigint, b: bigint) => bigint) | null {
    const before = this.position;
    const text = this.#match()?.[6];
    if (text && text in level) return level[text];
    this.position = before;
    return null;
  }
}

/** Reads the longest expression at a position of the text: its value, and where it ends. */
export function readExpression(text: string, position: number, scope: Scope): { value: bigint; end: number } {
  const parser = new Parser(text, position, scope);
  const value = parser.binary(0);
  return { value, end: parser.position };
}

/** The value of a text that is one expression. Throws SyntaxError when it is not. */
export function evaluate(text: string, scope: Scope): bigint {
  const { value, end } = readExpression(text, 0, scope);
  if (text.slice(end).trim() !== "") throw new SyntaxError(`Cannot read "${text.slice(end).trim()}" in "${text}"`);
  return value;
}
