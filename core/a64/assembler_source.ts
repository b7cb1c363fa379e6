import { unescape } from "./expression.ts";

/*
 * The lines of assembly source as statements: comments are gone, macros and repetitions expanded, conditions decided.
 * Comments are //, slash-star and a # that begins a line; a semicolon separates statements, as in GNU as.
 */

/** One statement: labels, then a directive, an instruction or nothing. */
export interface Statement {
  readonly text: string;
  /** The source line, from 1; of a statement that a macro made, the line of the macro's use. */
  readonly line: number;
  /** The macros it came through, innermost last. */
  readonly macros: readonly string[];
}

interface Macro {
  readonly parameters: readonly { name: string; initial: string; isRest: boolean }[];
  readonly body: readonly Statement[];
}

const BLOCKS: Readonly<Record<string, string>> = { ".macro": ".endm", ".rept": ".endr", ".irp": ".endr" };
const MACRO_DEPTH_LIMIT = 64;

/** An error in the source. */
export function sourceError(statement: Statement, message: string): SyntaxError {
  const within = statement.macros.length ? ` (in macro ${statement.macros.join(" > ")})` : "";
  return new SyntaxError(`Line ${statement.line}${within}: ${message}`);
}

/** A string, a character, a comment (a # begins one at the start of a line), a separator, or any other character. */
const PIECE = /"(?:\\.|[^"\\\n])*"|'\\?.'?|(\/\/[^\n]*|^[ \t]*#[^\n]*)|\/\*[^]*?\*\/|;(?: undefined\b)?|\n|[^]/gm;

/**
 * Removes comments and splits the source into statements. The words "; undefined", which the disassembler puts behind
 * a word that is no instruction, are a comment.
 */
export function splitStatements(source: string): Statement[] {
  const result: Statement[] = [];
  let line = 1, text = "";
  const flush = (): void => {
    if (text.trim() !== "") result.push({ text: text.trim(), line, macros: [] });
    text = "";
  };
  for (const [piece, comment] of source.matchAll(PIECE)) {
    if (comment !== undefined) continue;
    if (piece === "\n") {
      flush();
      line++;
    } else if (piece.startsWith(";")) {
      flush();
    } else if (piece.startsWith("/*")) {
      text += " ";
      line += piece.split("\n").length - 1;
    } else {
      text += piece;
    }
  }
  flush();
  return result;
}

/** The first word of a statement in lower case, and what follows. */
export function splitWord(text: string): { word: string; rest: string } {
  const match = /^(\S+)\s*([^]*)$/.exec(text);
  return match ? { word: match[1].toLowerCase(), rest: match[2] } : { word: "", rest: "" };
}

/** Splits at the commas that stand outside brackets and quotes; each part is trimmed. */
export function splitOperands(text: string): string[] {
  const parts: string[] = [];
  let depth = 0, start = 0, quoted = false;
  for (let i = 0; i < text.length; i++) {
    const c = text[i];
    if (c === '"' && text[i - 1] !== "\\") quoted = !quoted;
    if (quoted) continue;
    if (c === "[" || c === "{" || c === "(") depth++;
    else if (c === "]" || c === "}" || c === ")") depth--;
    else if (c === "," && depth === 0) parts.push(text.slice(start, i).trim()), start = i + 1;
  }
  const last = text.slice(start).trim();
  if (last !== "" || parts.length > 0) parts.push(last);
  return parts;
}

/** The bytes of a quoted string, in UTF-8. Throws SyntaxError when it is not one. */
export function parseString(text: string): Uint8Array {
  if (!/^"(?:\\.|[^"\\])*"$/.test(text)) throw new SyntaxError(`Cannot read ${text} as a string`);
  const content = text.slice(1, -1).replace(
    /\\(x[\da-f]+|[0-7]{1,3}|.)/gi,
    (_, e: string) =>
      /^x[\da-f]/i.test(e)
        ? String.fromCharCode(parseInt(e.slice(1), 16) & 0xff)
        : /^[0-7]/.test(e)
        ? String.fromCharCode(parseInt(e, 8) & 0xff)
        : unescape(e),
  );
  return new TextEncoder().encode(content);
}

/** Expands macros, repetitions and conditions; `evaluate` may look at the symbols that stand before. */
export class Expander {
  readonly #macros = new Map<string, Macro>();
  readonly #evaluate: (text: string) => bigint;
  readonly #isDefined: (name: string) => boolean;
  #useCount = 0;

  constructor(evaluate: (text: string) => bigint, isDefined: (name: string) => boolean) {
    this.#evaluate = evaluate;
    this.#isDefined = isDefined;
  }

  /** The statements in order; each is to be dealt with before the next is asked for. */
  *expand(statements: readonly Statement[]): Generator<Statement> {
    for (let i = 0; i < statements.length; i++) {
      const statement = statements[i];
      const { word, rest } = splitWord(statement.text);
      if (word in BLOCKS) {
        const end = findEnd(statements, i, BLOCKS[word]);
        yield* this.#block(statement, word, rest, statements.slice(i + 1, end));
        i = end;
      } else if (word === ".if" || word === ".ifdef" || word === ".ifndef") {
        const { otherwise, end } = findBranches(statements, i);
        const chosen = this.#holds(statement, word, rest)
          ? statements.slice(i + 1, otherwise)
          : statements.slice(otherwise + 1, end);
        yield* this.expand(chosen);
        i = end;
      } else {
        yield* this.#statement(statement);
      }
    }
  }

  *#statement(statement: Statement): Generator<Statement> {
    const labels = /^((?:[\w.$]+:\s*)*)([^]*)$/.exec(statement.text)!;
    const { word, rest } = splitWord(labels[2]);
    const macro = this.#macros.get(word);
    if (!macro) return yield statement;
    if (labels[1] !== "") yield { ...statement, text: labels[1].trim() };
    if (statement.macros.length >= MACRO_DEPTH_LIMIT) throw sourceError(statement, `Cannot expand ${word} any deeper`);
    const values = bindArguments(statement, word, macro, rest);
    yield* this.expand(substitute(macro.body, values, statement, word, this.#useCount++));
  }

  *#block(head: Statement, word: string, rest: string, body: readonly Statement[]): Generator<Statement> {
    if (word === ".macro") return this.#define(head, rest, body);
    if (word === ".rept") {
      for (let count = this.#number(head, rest); count > 0n; count--) yield* this.expand(body);
      return;
    }
    const [first, ...others] = splitOperands(rest.replace(/^(\w+)\s+/, "$1, "));
    for (const value of others) {
      const values = new Map([[first, value]]);
      yield* this.expand(body.map((s) => ({ ...s, text: replaceParameters(s.text, values) })));
    }
  }

  #define(head: Statement, rest: string, body: readonly Statement[]): void {
    const match = /^([\w.$]+)[\s,]*([^]*)$/.exec(rest);
    if (!match) throw sourceError(head, "Cannot define a macro without a name");
    const parameters = (match[2].includes(",") ? splitOperands(match[2]) : match[2].split(/\s+/)).filter(Boolean)
      .map((text) => {
        const [declaration, initial = ""] = text.split("=");
        const [name, kind] = declaration.trim().split(":");
        return { name, initial: initial.trim(), isRest: kind === "vararg" };
      });
    this.#macros.set(match[1].toLowerCase(), { parameters, body });
  }

  #number(head: Statement, text: string): bigint {
    try {
      return this.#evaluate(text);
    } catch (error) {
      throw sourceError(head, error instanceof Error ? error.message : String(error));
    }
  }

  #holds(head: Statement, word: string, rest: string): boolean {
    if (word !== ".if") return this.#isDefined(rest.trim()) === (word === ".ifdef");
    const comparison = /^(.*?)(==|!=|<=|>=|<(?!<)|(?<!>)>(?!>))(.*)$/.exec(rest);
    if (!comparison) return this.#number(head, rest) !== 0n;
    const a = this.#number(head, comparison[1]), b = this.#number(head, comparison[3]);
    switch (comparison[2]) {
      case "==":
        return a === b;
      case "!=":
        return a !== b;
      case "<=":
        return a <= b;
      case ">=":
        return a >= b;
      case "<":
        return a < b;
      default:
        return a > b;
    }
  }
}

function findEnd(statements: readonly Statement[], start: number, endWord: string): number {
  let depth = 0;
  for (let i = start; i < statements.length; i++) {
    const { word } = splitWord(statements[i].text);
    if (BLOCKS[word] === endWord) depth++;
    else if (word === endWord && --depth === 0) return i;
  }
  throw sourceError(statements[start], `Cannot find ${endWord}`);
}

/** Where the .else (or, without one, the .endif) and the .endif of a condition stand. */
function findBranches(statements: readonly Statement[], start: number): { otherwise: number; end: number } {
  let depth = 0, otherwise = -1;
  for (let i = start; i < statements.length; i++) {
    const { word } = splitWord(statements[i].text);
    if (word.startsWith(".if")) depth++;
    else if (word === ".else" && depth === 1) otherwise = i;
    else if (word === ".endif" && --depth === 0) return { otherwise: otherwise < 0 ? i : otherwise, end: i };
  }
  throw sourceError(statements[start], "Cannot find .endif");
}

function bindArguments(use: Statement, name: string, macro: Macro, rest: string): Map<string, string> {
  const values = new Map<string, string>();
  for (const p of macro.parameters) values.set(p.name, p.initial);
  const given = splitOperands(rest);
  given.forEach((argument, i) => {
    const named = /^(\w+)\s*=(?!=)\s*([^]*)$/.exec(argument);
    const parameter = macro.parameters[i];
    if (named && values.has(named[1])) values.set(named[1], named[2]);
    else if (parameter?.isRest) values.set(parameter.name, given.slice(i).join(", "));
    else if (parameter) values.set(parameter.name, argument);
    else if (!macro.parameters.at(-1)?.isRest) {
      throw sourceError(use, `Cannot give ${name} ${given.length} arguments as it has ${macro.parameters.length}`);
    }
  });
  return values;
}

function replaceParameters(text: string, values: ReadonlyMap<string, string>): string {
  return text.replace(/\\(\w+)/g, (whole, name) => values.get(name) ?? whole).replaceAll("\\()", "").trim();
}

/** The body of a macro for one use; `\@` stands for the number of the use. */
function substitute(
  body: readonly Statement[],
  values: ReadonlyMap<string, string>,
  use: Statement,
  name: string,
  useNumber: number,
): Statement[] {
  return body.map((s) => ({
    text: replaceParameters(s.text.replaceAll("\\@", String(useNumber)), values),
    line: use.line,
    macros: [...use.macros, name],
  }));
}
