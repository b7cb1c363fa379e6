/** What is wrong with a filter, and where: an index in its text. */
export class FilterError extends Error {
  constructor(readonly why: string, readonly text: string, readonly position: number) {
    super(`Cannot take the filter as ${why}\n  ${text}\n  ${" ".repeat(position)}^`);
  }
}

export const OPERATORS = ["&&", "||", "==", "!=", "<=", ">=", "=~", "!~", "<", ">", "!", "(", ")"] as const;
export type Operator = (typeof OPERATORS)[number];

export interface Token {
  readonly kind: "operator" | "word" | "string" | "end";
  /** The operator, the word as it stands, or the string without quotation marks. */
  readonly text: string;
  readonly position: number;
}

/** What ends a word: the rest may stand in it, so that names of devices, registers and rules need no quotation marks. */
const WORD_END = /[\s!=<>&|()"'~]/;

/** Takes a filter apart. The last token is the end. Throws FilterError. */
export function tokenize(text: string): Token[] {
  const tokens: Token[] = [];
  for (let at = 0; at < text.length;) {
    if (/\s/.test(text[at])) at++;
    else if (text[at] === '"' || text[at] === "'") {
      const token = readString(text, at);
      tokens.push(token.token);
      at = token.end;
    } else {
      const operator = OPERATORS.find((o) => text.startsWith(o, at));
      let end = at + (operator?.length ?? 0);
      if (operator === undefined) { while (end < text.length && !WORD_END.test(text[end])) end++; }
      if (end === at) {
        const hint = { "=": "; did you mean ==?", "&": "; did you mean &&?", "|": "; did you mean ||?" }[text[at]] ??
          "";
        throw new FilterError(`"${text[at]}" is no operator${hint}`, text, at);
      }
      tokens.push({ kind: operator ? "operator" : "word", text: text.slice(at, end), position: at });
      at = end;
    }
  }
  tokens.push({ kind: "end", text: "", position: text.length });
  return tokens;
}

function readString(text: string, start: number): { token: Token; end: number } {
  const quote = text[start];
  let value = "";
  for (let at = start + 1; at < text.length; at++) {
    if (text[at] === quote) return { token: { kind: "string", text: value, position: start }, end: at + 1 };
    if (text[at] === "\\" && at + 1 < text.length) at++;
    value += text[at];
  }
  throw new FilterError("this text has no end", text, start);
}
