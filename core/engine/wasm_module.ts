import { WasmBytes } from "./wasm_bytes.ts";
import type { WasmType } from "./builder.ts";

export const TYPE_CODE: Record<WasmType, number> = { i32: 0x7f, i64: 0x7e, f32: 0x7d, f64: 0x7c, v128: 0x7b };

export interface Signature {
  readonly params: readonly WasmType[];
  readonly results: readonly WasmType[];
}

export interface FunctionImport {
  readonly name: string;
  readonly type: number;
}

/** A function's code: its own locals in order, and its instructions without the closing `end`. */
export interface FunctionBody {
  readonly type: number;
  readonly locals: readonly WasmType[];
  readonly code: WasmBytes;
  /** Places of `if` and `br_if` (offset in `code`) whose condition is nearly always false (0) or true (1). */
  readonly hints: readonly { offset: number; likely: 0 | 1 }[];
}

/**
 * Assembles a module that imports the machine's memory and handler table. WebAssembly Core Specification, "Modules".
 */
export interface ModuleSpec {
  readonly types: readonly Signature[];
  readonly imports: readonly FunctionImport[];
  /** Size of the imported memory, in 64 KiB pages: V8 checks bounds best when minimum and maximum are the real size. */
  readonly memoryPages: number;
  readonly functions: readonly FunctionBody[];
  /** Exported functions by name: indices that count imports first. */
  readonly exports: Readonly<Record<string, number>>;
  /** Table slots to fill: `functions[function]` (imports not counted) at `slot`. */
  readonly elements: readonly { slot: number; function: number }[];
}

/** What a module begins with: its types and imports. */
export function encodeHead(spec: Pick<ModuleSpec, "types" | "imports" | "memoryPages">): Uint8Array<ArrayBuffer> {
  const out = new WasmBytes(1024);
  out.raw([0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00]);
  section(out, 1, typeSection(spec.types));
  section(out, 2, importSection(spec.imports, spec.memoryPages));
  return out.view();
}

/** @param head of the specification, for who has many with the same. */
export function encodeModule(spec: ModuleSpec, head = encodeHead(spec)): Uint8Array<ArrayBuffer> {
  const out = new WasmBytes(4096);
  out.raw(head);
  section(out, 3, vector(spec.functions, (s, f) => s.u32(f.type)));
  section(out, 7, exportSection(spec));
  if (spec.elements.length) section(out, 9, elementSection(spec));
  const bodies = spec.functions.map(encodeBody);
  const hints = hintSection(spec, bodies);
  if (hints) section(out, 0, hints);
  section(out, 10, vector(bodies, (s, b) => s.sized(b.bytes)));
  return out.view();
}

function section(out: WasmBytes, id: number, content: WasmBytes): void {
  out.u8(id);
  out.sized(content);
}

function vector<T>(items: readonly T[], write: (s: WasmBytes, item: T) => void): WasmBytes {
  const s = new WasmBytes(1024);
  s.u32(items.length);
  for (const item of items) write(s, item);
  return s;
}

function typeSection(types: readonly Signature[]): WasmBytes {
  return vector(types, (s, t) => {
    s.u8(0x60);
    s.u32(t.params.length);
    for (const p of t.params) s.u8(TYPE_CODE[p]);
    s.u32(t.results.length);
    for (const r of t.results) s.u8(TYPE_CODE[r]);
  });
}

function importSection(imports: readonly FunctionImport[], memoryPages: number): WasmBytes {
  const s = new WasmBytes(256);
  s.u32(imports.length + 2);
  for (const f of imports) {
    s.name("env");
    s.name(f.name);
    s.u8(0x00);
    s.u32(f.type);
  }
  s.name("env");
  s.name("memory");
  s.raw([0x02, 0x03]); // shared, with a maximum
  s.u32InFive(memoryPages);
  s.u32InFive(memoryPages);
  s.name("env");
  s.name("table");
  s.raw([0x01, 0x70, 0x00, 0x00]); // funcref, no maximum
  return s;
}

function exportSection(spec: ModuleSpec): WasmBytes {
  return vector(Object.entries(spec.exports), (s, [name, index]) => {
    s.name(name);
    s.u8(0x00);
    s.u32(index);
  });
}

function elementSection(spec: ModuleSpec): WasmBytes {
  const runs: { slot: number; functions: number[] }[] = [];
  for (const e of spec.elements) {
    const last = runs.at(-1);
    if (last && last.slot + last.functions.length === e.slot) last.functions.push(e.function);
    else runs.push({ slot: e.slot, functions: [e.function] });
  }
  return vector(runs, (s, r) => {
    s.raw([0x00, 0x41]); // active, table 0, i32.const
    s.s32(r.slot);
    s.u8(0x0b);
    s.u32(r.functions.length);
    for (const f of r.functions) s.u32(spec.imports.length + f);
  });
}

interface EncodedBody {
  readonly bytes: WasmBytes;
  /** Bytes in front of the instructions: the local declarations. */
  readonly prefix: number;
}

function encodeBody(f: FunctionBody): EncodedBody {
  const runs: { type: WasmType; count: number }[] = [];
  for (const type of f.locals) {
    const last = runs.at(-1);
    if (last && last.type === type) last.count++;
    else runs.push({ type, count: 1 });
  }
  const bytes = vector(runs, (s, r) => {
    s.u32(r.count);
    s.u8(TYPE_CODE[r.type]);
  });
  const prefix = bytes.length;
  bytes.raw(f.code.view());
  bytes.u8(0x0b);
  return { bytes, prefix };
}

/** Branch hints: "metadata.code.branch_hint" of the branch-hinting proposal; it must stand before the code section. */
function hintSection(spec: ModuleSpec, bodies: readonly EncodedBody[]): WasmBytes | null {
  const hinted = spec.functions.map((f, index) => ({ f, index })).filter((x) => x.f.hints.length > 0);
  if (!hinted.length) return null;
  const s = new WasmBytes(1024);
  s.name("metadata.code.branch_hint");
  s.u32(hinted.length);
  for (const { f, index } of hinted) {
    s.u32(spec.imports.length + index);
    s.u32(f.hints.length);
    for (const h of f.hints) {
      s.u32(bodies[index].prefix + h.offset);
      s.raw([0x01, h.likely]);
    }
  }
  return s;
}
