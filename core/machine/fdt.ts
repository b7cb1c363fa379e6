/**
 * Flattened devicetrees: read, changed and written. Devicetree Specification v0.4, chapter 5, format version 17.
 */

const MAGIC = 0xd00dfeed;
const FDT_BEGIN_NODE = 1, FDT_END_NODE = 2, FDT_PROP = 3, FDT_NOP = 4, FDT_END = 9;
const HEADER_BYTES = 40;

/** A node: its name with unit address, its properties in order, its children in order. */
export class FdtNode {
  readonly properties = new Map<string, Uint8Array>();
  readonly children: FdtNode[] = [];

  constructor(readonly name: string) {}

  /** Sets a property: text becomes a string, a list of texts a string list, numbers big-endian cells, null is empty. */
  set(name: string, value: string | readonly string[] | readonly number[] | Uint8Array | null): this {
    this.properties.set(name, propertyBytes(value));
    return this;
  }

  /** Adds a child and returns it. */
  node(name: string): FdtNode {
    const child = new FdtNode(name);
    this.children.push(child);
    return child;
  }

  /** The child of that name, with or without its unit address, or undefined. */
  child(name: string): FdtNode | undefined {
    return this.children.find((c) => c.name === name || c.name.startsWith(`${name}@`));
  }

  /** A property's big-endian cells; [] when it is absent. */
  cells(name: string): number[] {
    const bytes = this.properties.get(name);
    if (!bytes) return [];
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    return Array.from({ length: bytes.length >> 2 }, (_, i) => view.getUint32(4 * i));
  }

  /** A property's text up to the first NUL, or undefined when it is absent. */
  text(name: string): string | undefined {
    const bytes = this.properties.get(name);
    return bytes && new TextDecoder().decode(bytes).split("\0")[0];
  }
}

function propertyBytes(value: string | readonly string[] | readonly number[] | Uint8Array | null): Uint8Array {
  if (value === null) return new Uint8Array(0);
  if (value instanceof Uint8Array) return value;
  if (typeof value === "string") return new TextEncoder().encode(value + "\0");
  if (typeof value[0] === "string") return new TextEncoder().encode((value as string[]).map((s) => s + "\0").join(""));
  const bytes = new Uint8Array(value.length * 4), view = new DataView(bytes.buffer);
  (value as number[]).forEach((cell, i) => view.setUint32(4 * i, cell));
  return bytes;
}

/** The two cells of an address or size below 2^53. */
export function cells64(value: number): [number, number] {
  return [Math.floor(value / 2 ** 32), value >>> 0];
}

/** A range of memory that the guest must leave alone: address and size. */
export type Reservation = readonly [address: number, size: number];

export interface Fdt {
  readonly root: FdtNode;
  readonly reservations: readonly Reservation[];
}

/** A name's bytes: a character each, whatever a damaged tree has there. */
function nameBytes(name: string): Uint8Array {
  return Uint8Array.from(name, (character) => character.charCodeAt(0));
}

/** Writes a flattened devicetree. */
export function encodeFdt({ root, reservations }: Fdt): Uint8Array {
  const strings = new Map<string, number>();
  let stringBytes = 0;
  const structure: number[] = [];
  const word = (n: number) => structure.push(n >>> 24, (n >>> 16) & 255, (n >>> 8) & 255, n & 255);
  const pad = () => {
    while (structure.length & 3) structure.push(0);
  };
  const visit = (node: FdtNode) => {
    word(FDT_BEGIN_NODE);
    structure.push(...nameBytes(node.name), 0);
    pad();
    for (const [name, value] of node.properties) {
      if (!strings.has(name)) {
        strings.set(name, stringBytes);
        stringBytes += name.length + 1;
      }
      word(FDT_PROP);
      word(value.length);
      word(strings.get(name)!);
      for (const byte of value) structure.push(byte);
      pad();
    }
    node.children.forEach(visit);
    word(FDT_END_NODE);
  };
  visit(root);
  word(FDT_END);

  const structureAt = HEADER_BYTES + 16 * (reservations.length + 1);
  const stringsAt = structureAt + structure.length;
  const total = stringsAt + stringBytes;
  const bytes = new Uint8Array(total), view = new DataView(bytes.buffer);
  [MAGIC, total, structureAt, stringsAt, HEADER_BYTES, 17, 16, 0, stringBytes, structure.length]
    .forEach((n, i) => view.setUint32(4 * i, n));
  reservations.forEach((r, i) => r.forEach((n, j) => view.setBigUint64(HEADER_BYTES + 16 * i + 8 * j, BigInt(n))));
  bytes.set(structure, structureAt);
  for (const [name, at] of strings) bytes.set(nameBytes(name), stringsAt + at);
  return bytes;
}

/** Reads a flattened devicetree. Throws SyntaxError, with the place, when it is damaged or truncated. */
export function decodeFdt(bytes: Uint8Array): Fdt {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (bytes.length < HEADER_BYTES) {
    throw new SyntaxError(`a devicetree has at least 40 bytes, this one ${bytes.length}`);
  }
  if (view.getUint32(0) !== MAGIC) throw new SyntaxError("it does not begin with the magic number 0xd00dfeed");
  const total = view.getUint32(4), structureAt = view.getUint32(8), stringsAt = view.getUint32(12);
  if (total > bytes.length) throw new SyntaxError(`it says it has ${total} bytes but is cut off after ${bytes.length}`);
  if (view.getUint32(24) > 17 || view.getUint32(20) < 16) {
    throw new SyntaxError(`its format version ${view.getUint32(20)} is not one that can be read`);
  }
  return {
    root: decodeStructure(bytes.subarray(0, total), structureAt, stringsAt),
    reservations: decodeReservations(view, view.getUint32(16), total),
  };
}

function decodeReservations(view: DataView, start: number, total: number): Reservation[] {
  const result: Reservation[] = [];
  for (let at = start; at + 16 <= total; at += 16) {
    const address = Number(view.getBigUint64(at)), size = Number(view.getBigUint64(at + 8));
    if (address === 0 && size === 0) return result;
    result.push([address, size]);
  }
  throw new SyntaxError("its memory reservation block has no end");
}

/** Depth of nodes that no devicetree comes near: a damaged one must not exhaust the stack. */
const DEPTH_MAX = 64;
/** Bytes of a name that no devicetree comes near. */
const NAME_MAX = 1024;

function decodeStructure(bytes: Uint8Array, start: number, stringsAt: number): FdtNode {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const stack: FdtNode[] = [];
  let at = start;
  const word = () => {
    if (at + 4 > bytes.length) throw new SyntaxError("its structure block is cut off");
    at += 4;
    return view.getUint32(at - 4);
  };
  const string = (from: number) => {
    const end = bytes.indexOf(0, from);
    if (end < 0 || from > bytes.length) throw new SyntaxError(`it has no string at offset 0x${from.toString(16)}`);
    if (end - from > NAME_MAX) throw new SyntaxError(`its name at offset 0x${from.toString(16)} has no end`);
    return String.fromCharCode(...bytes.subarray(from, end));
  };
  for (;;) {
    const token = word();
    if (token === FDT_BEGIN_NODE) {
      const name = string(at);
      at += (name.length + 4) & ~3;
      if (stack.length >= DEPTH_MAX) throw new SyntaxError(`its nodes are nested more than ${DEPTH_MAX} deep`);
      stack.push(stack.length ? stack.at(-1)!.node(name) : new FdtNode(name));
    } else if (token === FDT_END_NODE) {
      const node = stack.pop();
      if (!node) throw new SyntaxError(`a node ends at offset 0x${at.toString(16)} that did not begin`);
      if (stack.length === 0) return node;
    } else if (token === FDT_PROP) {
      const length = word(), name = string(stringsAt + word());
      if (!stack.length || at + length > bytes.length) throw new SyntaxError(`its property ${name} is cut off`);
      stack.at(-1)!.properties.set(name, bytes.slice(at, at + length));
      at += (length + 3) & ~3;
    } else if (token !== FDT_NOP) {
      throw new SyntaxError(`it has an unknown token 0x${token.toString(16)} at offset 0x${(at - 4).toString(16)}`);
    }
  }
}
