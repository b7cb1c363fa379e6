import { fromBase64 } from "./base64.ts";
import { PREBUILT_HANDLERS } from "./prebuilt_handlers.ts";
import type { Handlers, Shape } from "./handlers.ts";
import { helperTable } from "./helpers.ts";

/** A module of handlers that was generated when the program was compiled. */
export interface PrebuiltHandlers {
  /** What it was generated from, as prebuiltKey() has it. */
  readonly key: string;
  /** The module, in base 64. */
  readonly base64: string;
  /** Where the sizes of the memory, minimum and maximum, stand in it. */
  readonly memoryPagesAt: number;
}

/** All that the handlers' code depends on and that is not the same in each run of one program. */
export function prebuiltKey({ profile, soleVcpu }: Handlers, shapes: readonly Shape[]): string {
  let hash = 0x811c9dc5; // FNV-1a
  const add = (value: number) => hash = Math.imul(hash ^ value, 0x01000193);
  for (const { word, variant } of shapes) {
    add(word);
    add(variant);
  }
  for (const { name } of helperTable) for (let i = 0; i < name.length; i++) add(name.charCodeAt(i));
  return [profile, soleVcpu, shapes.length, helperTable.length, hash >>> 0].join(" ");
}

/**
 * The module for these shapes if one was generated beforehand, fitted to the memory; else null. Without shapes it is
 * that of Handlers.encodeSpecial().
 */
export function prebuiltModule(handlers: Handlers, shapes: readonly Shape[]): Uint8Array<ArrayBuffer> | null {
  const known = PREBUILT_HANDLERS as readonly PrebuiltHandlers[] | null;
  if (known === null) return null;
  const key = prebuiltKey(handlers, shapes);
  const found = known.find((module) => module.key === key);
  if (found === undefined) return null;
  const bytes = fromBase64(found.base64);
  for (let i = 0, pages = handlers.memoryPages; i < 4; i++, pages >>>= 7) {
    for (const at of [found.memoryPagesAt, found.memoryPagesAt + 5]) bytes[at + i] = pages & 0x7f | 0x80;
  }
  return bytes;
}
