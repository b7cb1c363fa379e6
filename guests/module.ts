import { assemble } from "../core/a64/assembler.ts";
import { GUEST_IPA } from "../core/machine/memory_map.ts";

/** What a guest module makes: an image, where it belongs and where it begins. */
export interface GuestImage {
  readonly bytes: Uint8Array;
  /** The intermediate physical address of the first byte. */
  readonly origin: number;
  /** The intermediate physical address of the first instruction. */
  readonly entry: number;
}

/** A guest written as assembly source, or one that makes its image itself. */
export type GuestDefinition =
  | {
    readonly name: string;
    /** In the syntax of GNU as. The guest begins at the label `_start`, or where there is none at its first byte. */
    readonly source: string;
    /** The first byte's address, 0x40000000 by default, where guest RAM begins. */
    readonly origin?: number;
    /** Symbols that the source may use. */
    readonly symbols?: Readonly<Record<string, bigint>>;
  }
  | { readonly name: string; build(): GuestImage };

/** A guest that is a module: what `ariel run guest.ts` finds as the file's default export. */
export interface GuestModule {
  readonly name: string;
  /** Throws SyntaxError, with the line, when the source is wrong. */
  build(): GuestImage;
}

/**
 * Makes a guest module:
 *
 *     export default defineGuest({ name: "hello", source: "_start: mov x0, #0 ..." });
 *
 * It is entered at EL1 with the MMU off, interrupts masked, and the address of its devicetree or 0 in x0.
 */
export function defineGuest(definition: GuestDefinition): GuestModule {
  if ("build" in definition) return definition;
  return { name: definition.name, build: () => assembleGuest(definition) };
}

function assembleGuest(definition: Extract<GuestDefinition, { source: string }>): GuestImage {
  const origin = definition.origin ?? GUEST_IPA;
  const { bytes, labels } = assemble(definition.source, { origin: BigInt(origin), symbols: definition.symbols });
  return { bytes, origin, entry: Number(labels.get("_start") ?? BigInt(origin)) };
}
