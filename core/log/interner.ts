/** Texts longer than this are not kept. */
const TEXT_MAX_BYTES = 512;
const decoder = new TextDecoder();

/**
 * Numbers for texts that come as bytes, the same text the same number, without a string being made of those that are
 * known. Memory is bounded: when it is full, what is new shares the number `other`, and only the latest can be read.
 */
export class Interner {
  /** The number of all texts that found no room. */
  readonly other: number;
  readonly #texts: string[] = [];
  #otherText = "";
  /** By hash: a text's number and one more, 0 for a free place. */
  #table: Int32Array;
  /** By number: where its bytes begin; the next one's place is their end. */
  readonly #starts: number[] = [0];
  #bytes = new Uint8Array(1024);

  /** @param known texts that get the numbers from 0 on. */
  constructor(capacity: number, known: readonly string[] = []) {
    this.other = capacity;
    this.#table = new Int32Array(1 << (33 - Math.clz32(2 * capacity)));
    for (const text of known) this.id(text);
  }

  /** Numbers given so far, without `other`. */
  get size(): number {
    return this.#texts.length;
  }
  text(id: number): string {
    return id === this.other ? this.#otherText : this.#texts[id];
  }

  /** The number of a text. */
  id(text: string): number {
    const bytes = new TextEncoder().encode(text);
    return this.idOfBytes(bytes, 0, bytes.length);
  }

  /** The number of the text that `bytes` hold from `start` to `end`. */
  idOfBytes(bytes: Uint8Array, start: number, end: number): number {
    let hash = 0x811c9dc5;
    for (let i = start; i < end; i++) hash = Math.imul(hash ^ bytes[i], 0x01000193);
    hash ^= hash >>> 15;
    const mask = this.#table.length - 1;
    let slot = hash & mask;
    for (; this.#table[slot] !== 0; slot = (slot + 1) & mask) {
      if (this.#isText(this.#table[slot] - 1, bytes, start, end)) return this.#table[slot] - 1;
    }
    if (this.#texts.length === this.other || end - start > TEXT_MAX_BYTES) {
      this.#otherText = decoder.decode(bytes.slice(start, end));
      return this.other;
    }
    return this.#add(slot, bytes, start, end);
  }

  #isText(id: number, bytes: Uint8Array, start: number, end: number): boolean {
    const first = this.#starts[id];
    if (this.#starts[id + 1] - first !== end - start) return false;
    for (let i = start; i < end; i++) if (this.#bytes[first + i - start] !== bytes[i]) return false;
    return true;
  }

  #add(slot: number, bytes: Uint8Array, start: number, end: number): number {
    const id = this.#texts.length, first = this.#starts[id], last = first + end - start;
    if (last > this.#bytes.length) {
      const grown = new Uint8Array(Math.max(last, 2 * this.#bytes.length));
      grown.set(this.#bytes);
      this.#bytes = grown;
    }
    this.#bytes.set(bytes.subarray(start, end), first);
    this.#starts.push(last);
    this.#texts.push(decoder.decode(bytes.slice(start, end)));
    this.#table[slot] = id + 1;
    return id;
  }
}
