/** Where generated code comes from: for each generated line its segments, each [column, source line, source column]. */
export interface SourceMap {
  readonly lines: readonly (readonly (readonly [number, number, number])[])[];
}

const DIGITS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/** The numbers of a segment in base 64 variable-length quantities. */
function decodeSegment(text: string): number[] {
  const numbers: number[] = [];
  let value = 0, shift = 0;
  for (const char of text) {
    const digit = DIGITS.indexOf(char);
    value |= (digit & 31) << shift;
    shift += 5;
    if ((digit & 32) !== 0) continue;
    numbers.push((value & 1) !== 0 ? -(value >>> 1) : value >>> 1);
    value = shift = 0;
  }
  return numbers;
}

/** Reads a source map of one source, as JSON. ECMA-426, "Source map format". */
export function parseSourceMap(json: string): SourceMap {
  const { mappings } = JSON.parse(json) as { mappings: string };
  let sourceLine = 0, sourceColumn = 0;
  const lines = mappings.split(";").map((line) => {
    let column = 0;
    return line.split(",").flatMap((text): [number, number, number][] => {
      const [columns, source, rows, sourceColumns] = decodeSegment(text);
      if (columns === undefined) return [];
      column += columns;
      if (source === undefined) return [];
      sourceLine += rows;
      sourceColumn += sourceColumns;
      return [[column, sourceLine, sourceColumn]];
    });
  });
  return { lines };
}

/** The place in the source of one in the generated code, both counted from 1; the nearest before it. */
export function originalPosition(map: SourceMap, line: number, column: number): { line: number; column: number } {
  for (let at = Math.min(line, map.lines.length) - 1; at >= 0; at--) {
    const segments = map.lines[at];
    const before = at === line - 1 ? segments.filter(([start]) => start <= column - 1) : segments;
    const found = before.at(-1) ?? (at === line - 1 ? segments[0] : undefined);
    if (found) return { line: found[1] + 1, column: found[2] + 1 };
  }
  return { line, column };
}
