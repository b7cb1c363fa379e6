import { PolicyError } from "./policy_error.ts";

/** JavaScript of a TypeScript file. */
export interface Stripped {
  readonly code: string;
  /** A source map as JSON; null where lines and columns are those of the file. */
  readonly map: string | null;
  /** What could not be blanked out, in TypeScript's words. */
  readonly transformed: string | null;
}

/** What the stripper throws. */
interface StripError {
  readonly code?: string;
  readonly message: string;
  readonly snippet?: string;
  readonly startLine?: number;
  readonly startColumn?: number;
}

/**
 * Blanks the types of a TypeScript file out, so that what remains stays where it was; with enums and other things that
 * are more than types, it is rewritten instead. Throws PolicyError, with the place, for what is no TypeScript.
 */
export async function stripTypes(source: string, file: string): Promise<Stripped> {
  // 3.7 MB that take 25 ms to load: only for those who need them
  const { default: { transformSync } } = await import("@swc/wasm-typescript");
  try {
    const { code } = transformSync(source, { filename: file, mode: "strip-only" });
    return { code, map: null, transformed: null };
  } catch (error) {
    const { code, message } = error as StripError;
    if (code !== "UnsupportedSyntax") throw syntaxError(error as StripError, file);
    try {
      const result = transformSync(source, { filename: file, mode: "transform", sourceMap: true });
      return { code: result.code, map: result.map ?? null, transformed: message.replace(/ is not supported.*/, "") };
    } catch (second) {
      throw syntaxError(second as StripError, file);
    }
  }
}

function syntaxError({ message, snippet, startLine, startColumn }: StripError, file: string): PolicyError {
  const place = startLine === undefined ? file : `${file}:${startLine}:${(startColumn ?? 0) + 1}`;
  const lines = snippet ? `\n${snippet.trimEnd().split("\n").map((line) => `    ${line}`).join("\n")}` : "";
  return new PolicyError(`${place}: SyntaxError: ${message}${lines}`);
}
