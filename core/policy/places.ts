import { sandboxHint } from "./sandbox.ts";
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

/** Plugins' modules by the URL under which they were loaded, and by what stack traces make of it. */
const modules = new Map<string, ModuleSource>();
const BUILT_IN = /\/policies\/(default|strict|permissive|audit)\.ts$/;
/** Stack traces show so many characters of a data URL's beginning and end. */
const SHOWN_CHARACTERS = 20;
/** A URL of a module with line and column, as stack traces and messages have it. */
const LOCATION = /((?:data|file):[^\s()]+?):(\d+):(\d+)/;

/** Makes the places of a module known: from now on stack traces and messages name its file. */
export function registerModule(url: string, source: ModuleSource): void {
  modules.set(url, source);
  const comma = url.indexOf(",") + 1;
  modules.set(
    `${url.slice(0, comma + SHOWN_CHARACTERS)}......${url.slice(-SHOWN_CHARACTERS)}`,
    source,
  );
}

function placeIn(url: string, line: number, column: number): Place | null {
  const builtIn = BUILT_IN.exec(url);
  const source = modules.get(url) ?? (builtIn ? { file: `policies/${builtIn[1]}.ts`, map: null } : null);
  if (source === null) return null;
  const position = source.map === null ? { line, column } : originalPosition(source.map, line, column);
  return { file: source.file, ...position };
}

/** What V8 tells of a stack frame. */
interface CallSite {
  getFileName(): string | null;
  getLineNumber(): number | null;
  getColumnNumber(): number | null;
}

/** An error's stack as V8 has it: frames, unless it was made text before. */
function framesOf(error: Error): CallSite[] | string {
  const holder = Error as unknown as { prepareStackTrace?: (error: Error, sites: CallSite[]) => unknown };
  const before = holder.prepareStackTrace;
  let frames: CallSite[] | null = null;
  holder.prepareStackTrace = (_, sites) => (frames = sites, String(error));
  try {
    const stack = error.stack;
    return frames ?? String(stack);
  } finally {
    holder.prepareStackTrace = before;
  }
}

/** The places in policies of errors whose stack was looked at: that can be done once. */
const known = new WeakMap<Error, Place | null>();

/** The innermost place of a policy in an error's stack or, when it could not be loaded, message; null without one. */
export function placeOf(error: unknown): Place | null {
  if (!(error instanceof Error)) return null;
  let place = known.get(error);
  if (place === undefined) known.set(error, place = findPlace(error));
  return place;
}

function findPlace(error: Error): Place | null {
  const frames = framesOf(error);
  if (typeof frames === "string") {
    for (const line of frames.split("\n")) {
      const place = locate(line);
      if (place) return place;
    }
  } else {
    for (const frame of frames) {
      const place = placeIn(frame.getFileName() ?? "", frame.getLineNumber() ?? 1, frame.getColumnNumber() ?? 1);
      if (place) return place;
    }
  }
  return locate(error.message);
}

/** The place that a text tells, or null. */
function locate(text: string): Place | null {
  const m = LOCATION.exec(text);
  return m && placeIn(m[1], Number(m[2]), Number(m[3]));
}

/** As editors and terminals link it: "strict.ts:12:7". */
export function formatPlace({ file, line, column }: Place): string {
  return `${file}:${line}:${column}`;
}

/** Text in which modules are called by their files' names, without colours. */
function withFileNames(text: string): string {
  // deno-lint-ignore no-control-regex
  let result = text.replaceAll(/\x1b\[[\d;]*m/g, "").replace(new RegExp(` at ${LOCATION.source}`), "");
  for (const [url, { file }] of modules) result = result.replaceAll(url, file);
  return result;
}

/** What went wrong in a policy, with the place: "strict.ts:12:7: TypeError: x is not a function". */
export function describeError(error: unknown): string {
  const place = placeOf(error);
  const text = error instanceof Error
    ? withFileNames(`${error.name}: ${error.message}`) + sandboxHint(error.message)
    : withFileNames(`threw ${String(error)}`);
  return place ? `${formatPlace(place)}: ${text}` : text;
}
