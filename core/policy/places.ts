import { originalPosition, type SourceMap } from "./source_map.ts";

/** A place in a policy's source. */
export interface Place {
  readonly file: string;
  /** From 1, as editors count. */
  readonly line: number;
  readonly column: number;
}

/** Where a loaded module comes from. */
interface ModuleSource {
  readonly file: string;
  /** Where lines and columns are not those of the file. */
  readonly map: SourceMap | null;
}

/** Plugins' modules by the URL under which they were loaded. */
const modules = new Map<string, ModuleSource>();
const BUILT_IN = /\/policies\/(default|strict|permissive|audit)\.ts$/;

/** Makes the places of a module known: from now on stack traces and messages name its file. */
export function registerModule(url: string, source: ModuleSource): void {
  modules.set(url, source);
}

function sourceOf(url: string): ModuleSource | null {
  const builtIn = BUILT_IN.exec(url);
  return modules.get(url) ?? (builtIn ? { file: `policies/${builtIn[1]}.ts`, map: null } : null);
}

function placeIn(url: string, line: number, column: number): Place | null {
  const source = sourceOf(url);
  if (source === null) return null;
  const position = source.map === null ? { line, column } : originalPosition(source.map, line, column);
  return { file: source.file, ...position };
}

/** The places of a policy in an error's stack, innermost first; empty when it did not pass through one. */
export function placesOf(error: unknown): Place[] {
  const stack = error instanceof Error ? String(error.stack) : "";
  const places: Place[] = [];
  for (const line of stack.split("\n")) {
    const m = /((?:data|file|https?):\S+?):(\d+):(\d+)\)?$/.exec(line);
    const place = m && placeIn(m[1], Number(m[2]), Number(m[3]));
    if (place) places.push(place);
  }
  return places;
}

/** The innermost place of a policy in an error's stack, or null. */
export function placeOf(error: unknown): Place | null {
  return placesOf(error)[0] ?? null;
}

/** As editors and terminals link it: "strict.ts:12:7". */
export function formatPlace({ file, line, column }: Place): string {
  return `${file}:${line}:${column}`;
}

/** Text in which the URLs of modules are their file names again. */
export function withFileNames(text: string): string {
  let result = text;
  for (const [url, { file }] of modules) result = result.replaceAll(url, file);
  return result.replaceAll(/data:(?:text\/javascript|application\/json);base64,[\w+/=]{40,}/g, "a module");
}

/** What went wrong in a policy, with the place: "strict.ts:12:7: TypeError: x is not a function". */
export function describeError(error: unknown): string {
  const place = placeOf(error);
  const text = withFileNames(error instanceof Error ? `${error.name}: ${error.message}` : `threw ${String(error)}`);
  return place ? `${formatPlace(place)}: ${text}` : text;
}
