import { dirname, join, relative, resolve, sep } from "node:path";
import { init, parse } from "es-module-lexer";
import type { BundledImport, BundledModule, PolicyBundle } from "./bundle.ts";
import { PolicyError } from "./policy_error.ts";
import { originalPosition, parseSourceMap } from "./source_map.ts";
import { stripTypes } from "./strip_types.ts";

const FILE_BYTES_MAX = 1 << 20;
const FILES_MAX = 200;
const TYPESCRIPT = /\.m?ts$/, JAVASCRIPT = /\.m?js$/, JSON_FILE = /\.json$/;
/** What plugins import by name: ours. */
const OWN = "ariel/policy";

/** Reads a plugin's file and what it imports. It runs nothing. Throws PolicyError with the place of what is wrong. */
export async function readPlugin(path: string): Promise<PolicyBundle> {
  await init;
  const reader = new PluginReader(path);
  await reader.read(reader.entry, []);
  return { modules: reader.modules, notices: reader.notices };
}

class PluginReader {
  readonly modules: BundledModule[] = [];
  readonly notices: string[] = [];
  readonly entry: string;
  /** The folder that holds everything a plugin may import. */
  readonly #root: string;
  readonly #given: string;
  /** Places in `modules`, by real path. */
  readonly #places = new Map<string, number>();

  constructor(path: string) {
    this.entry = realPath(path, (why) => `Cannot read the policy ${path}: ${why}`);
    this.#root = dirname(this.entry);
    this.#given = path;
  }

  /** A file's name as the user would write it. */
  #name(path: string): string {
    return path === this.entry ? this.#given : join(dirname(this.#given), relative(this.#root, path));
  }

  /** Adds a file and, before it, what it imports. @returns its place. @param importers who is being read, from the entry on. */
  async read(path: string, importers: readonly string[]): Promise<number> {
    const known = this.#places.get(path);
    if (known !== undefined) return known;
    const file = this.#name(path);
    if (importers.includes(path)) {
      const circle = [...importers.slice(importers.indexOf(path)), path].map((p) => this.#name(p)).join(" -> ");
      throw new PolicyError(
        `${file}: Cannot import in a circle (${circle}): put what both need in a third file, or use "import type"`,
      );
    }
    if (this.#places.size >= FILES_MAX) throw new PolicyError(`${file}: Cannot load more than ${FILES_MAX} files`);
    const source = readText(path, file);
    const module = JSON_FILE.test(path)
      ? { file, code: jsonModule(source, file), map: null, imports: [] }
      : await this.#readCode(path, file, source, [...importers, path]);
    this.#places.set(path, this.modules.length);
    return this.modules.push(module) - 1;
  }

  async #readCode(path: string, file: string, source: string, importers: readonly string[]): Promise<BundledModule> {
    const { code, map, transformed } = TYPESCRIPT.test(path)
      ? await stripTypes(source, file)
      : { code: source, map: null, transformed: null };
    if (transformed !== null) {
      this.notices.push(`${file}: ${transformed} is more than a type: the file is rewritten before it runs`);
    }
    const at = (offset: number) => `${file}:${lineAndColumn(code, offset, map)}`;
    const imports: BundledImport[] = [];
    for (const found of findImports(code, at)) {
      if (found.specifier === OWN) continue;
      const isDynamic = found.type === "dynamic";
      const target = this.#resolve(found.specifier, path, at(found.start));
      if (isDynamic && JSON_FILE.test(target)) {
        throw new PolicyError(`${at(found.start)}: Cannot import JSON by import(): use an import declaration`);
      }
      const { start, end } = found, attributesEnd = found.attributesStart >= 0 ? found.importEnd : end;
      imports.push({ start, end, attributesEnd, module: await this.read(target, importers), isDynamic });
    }
    return { file, code, map, imports };
  }

  /** The real path that a specifier means in the file at `from`. */
  #resolve(specifier: string | undefined, from: string, place: string): string {
    if (specifier === undefined) {
      throw new PolicyError(`${place}: Cannot import what is only known at run time: the name must be text in quotes`);
    }
    if (!/^\.\.?\//.test(specifier)) {
      throw new PolicyError(
        `${place}: Cannot import "${specifier}" as a policy may import only "${OWN}" and files beside it, by ./NAME`,
      );
    }
    const path = resolve(dirname(from), decodeURI(specifier));
    const text = `${place}: Cannot import "${specifier}"`;
    // First by name, so that nothing is told of what is outside
    this.#checkInside(path, text);
    if (![TYPESCRIPT, JAVASCRIPT, JSON_FILE].some((extension) => extension.test(path))) {
      throw new PolicyError(`${text} as its name must end in .ts, .js or .json`);
    }
    const real = realPath(path, (why) => `${text}: ${why}`);
    this.#checkInside(real, text);
    return real;
  }

  #checkInside(path: string, text: string): void {
    const root = this.#root.endsWith(sep) ? this.#root : this.#root + sep;
    if (!path.startsWith(root)) {
      throw new PolicyError(`${text} as it is not in the folder of the policy, ${this.#root}`);
    }
  }
}

/** An import of a file, static or by `import()`; `start` and `end` enclose the specifier. */
interface FoundImport {
  readonly type: string;
  readonly specifier?: string;
  readonly start: number;
  readonly end: number;
  readonly importEnd: number;
  /** -1 where it has none. */
  readonly attributesStart: number;
}

function findImports(code: string, at: (offset: number) => string): readonly FoundImport[] {
  try {
    return (parse(code)[0] as readonly FoundImport[]).filter(({ type }) => type !== "import-meta");
  } catch (error) {
    const { idx } = error as { idx?: number };
    throw new PolicyError(`${at(idx ?? 0)}: SyntaxError: this is no JavaScript`);
  }
}

/** A JSON file as a module: not every Deno knows such ones. */
function jsonModule(source: string, file: string): string {
  try {
    JSON.parse(source);
  } catch (error) {
    throw new PolicyError(`${file}: ${(error as Error).message}`);
  }
  return `export default ${source.trim()};`;
}

/** "12:7", in the file that the code was made from. */
function lineAndColumn(code: string, offset: number, map: string | null): string {
  const before = code.slice(0, offset).split("\n");
  const line = before.length, column = before.at(-1)!.length + 1;
  const position = map === null ? { line, column } : originalPosition(parseSourceMap(map), line, column);
  return `${position.line}:${position.column}`;
}

function realPath(path: string, message: (why: string) => string): string {
  try {
    const real = Deno.realPathSync(path);
    const { isFile } = Deno.statSync(real);
    if (!isFile) throw new PolicyError(message("it is not a file"));
    return real;
  } catch (error) {
    if (error instanceof PolicyError) throw error;
    throw new PolicyError(
      message(error instanceof Deno.errors.NotFound ? "there is no such file" : "it cannot be read"),
    );
  }
}

function readText(path: string, file: string): string {
  const { size } = Deno.statSync(path);
  if (size > FILE_BYTES_MAX) throw new PolicyError(`${file}: Cannot load ${size} bytes: a file may have 1 MiB`);
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: false }).decode(Deno.readFileSync(path));
  } catch (error) {
    throw new PolicyError(
      `${file}: Cannot read it: ${error instanceof TypeError ? "it is not UTF-8" : "no permission"}`,
    );
  }
}
