/*
 * The packets of the GDB remote serial protocol: `$data#checksum`, acknowledged by "+" or "-" until both sides agree not
 * to. GDB manual, appendix "GDB Remote Serial Protocol".
 */

const PLUS = 0x2b, MINUS = 0x2d;
const DOLLAR = 0x24, HASH = 0x23, ESCAPE = 0x7d, STAR = 0x2a, INTERRUPT = 0x03;
/** Longer packets are nonsense: they are dropped. */
const PACKET_MAX = 0x10000;

/** What comes in: a packet's data, or the byte that asks for a stop. */
export type Incoming = { readonly kind: "packet"; readonly data: Uint8Array } | { readonly kind: "interrupt" };

/** Both directions of a connection: takes packets out of a stream of bytes and acknowledges them, and sends packets. */
export class PacketLink {
  /** Both sides have agreed on QStartNoAckMode. */
  noAck = false;
  readonly #write: (bytes: Uint8Array) => void;
  #data: number[] = [];
  #state: "idle" | "data" | "checksum" = "idle";
  #digits = "";
  /** What was sent last and is not acknowledged yet, and the packet that came before it. */
  #unacknowledged: Uint8Array | null = null;
  #taken = "";

  constructor(write: (bytes: Uint8Array) => void) {
    this.#write = write;
  }

  reset(): void {
    this.noAck = false;
    this.#state = "idle";
    this.#unacknowledged = null;
  }

  send(data: Uint8Array): void {
    const packet = encodePacket(data);
    if (!this.noAck) this.#unacknowledged = packet;
    this.#write(packet);
  }

  /** The next byte; what it completes, or null. */
  read(byte: number): Incoming | null {
    if (this.#state === "idle") {
      if (byte === INTERRUPT) return { kind: "interrupt" };
      if (byte === DOLLAR) this.#begin();
      else if (byte === PLUS) this.#unacknowledged = null;
      else if (byte === MINUS && this.#unacknowledged) this.#write(this.#unacknowledged);
      return null;
    }
    if (this.#state === "data") {
      // A new packet begins where the last one was cut off
      if (byte === DOLLAR) this.#begin();
      else if (byte === HASH) [this.#state, this.#digits] = ["checksum", ""];
      else if (this.#data.push(byte) > PACKET_MAX) this.#state = "idle";
      return null;
    }
    this.#digits += String.fromCharCode(byte);
    if (this.#digits.length < 2) return null;
    this.#state = "idle";
    const isIntact = Number.parseInt(this.#digits, 16) === checksum(this.#data);
    if (!this.noAck) this.#write(Uint8Array.of(isIntact ? PLUS : MINUS));
    if (!isIntact || this.#isRepeated()) return null;
    return { kind: "packet", data: unescape(this.#data) };
  }

  /** The packet came again because its first answer was late: who has seen that acknowledges it before going on. */
  #isRepeated(): boolean {
    const previous = this.#taken;
    this.#taken = String.fromCharCode(...this.#data);
    return this.#unacknowledged !== null && this.#taken === previous;
  }

  #begin(): void {
    this.#state = "data";
    this.#data = [];
  }
}

function checksum(data: Iterable<number>): number {
  let sum = 0;
  for (const byte of data) sum += byte;
  return sum & 0xff;
}

function unescape(data: readonly number[]): Uint8Array {
  const result: number[] = [];
  for (let i = 0; i < data.length; i++) {
    result.push(data[i] === ESCAPE && i + 1 < data.length ? data[++i] ^ 0x20 : data[i]);
  }
  return Uint8Array.from(result);
}

/** A packet with its frame; bytes that the protocol uses itself are escaped. */
export function encodePacket(data: Uint8Array): Uint8Array {
  const body: number[] = [];
  for (const byte of data) {
    if (byte === DOLLAR || byte === HASH || byte === ESCAPE || byte === STAR) body.push(ESCAPE, byte ^ 0x20);
    else body.push(byte);
  }
  const sum = checksum(body).toString(16).padStart(2, "0");
  return Uint8Array.from([DOLLAR, ...body, HASH, sum.charCodeAt(0), sum.charCodeAt(1)]);
}

export function toHex(bytes: Uint8Array): string {
  let text = "";
  for (const byte of bytes) text += byte.toString(16).padStart(2, "0");
  return text;
}

/** The bytes of pairs of hexadecimal digits, or null where they are none. */
export function fromHex(text: string): Uint8Array | null {
  if (text.length % 2 !== 0 || !/^[\da-f]*$/i.test(text)) return null;
  return Uint8Array.from({ length: text.length / 2 }, (_, i) => Number.parseInt(text.slice(2 * i, 2 * i + 2), 16));
}

/** The unsigned little-endian bytes of a value, and back. */
export function littleEndian(value: bigint, bytes: number): Uint8Array {
  return Uint8Array.from({ length: bytes }, (_, i) => Number(value >> BigInt(8 * i) & 0xffn));
}
export function fromLittleEndian(bytes: Uint8Array): bigint {
  return bytes.reduceRight((value, byte) => value << 8n | BigInt(byte), 0n);
}

/** Text as hexadecimal digits of its UTF-8 bytes. */
export function textToHex(text: string): string {
  return toHex(new TextEncoder().encode(text));
}

/** `address,length` in hexadecimal; null for the address where it is none. */
export function parseInterval(text: string): [address: bigint | null, length: number] {
  const match = /^([\da-f]{1,16}),([\da-f]{1,8})$/i.exec(text);
  return match ? [BigInt(`0x${match[1]}`), Number.parseInt(match[2], 16)] : [null, 0];
}

export function byteToHex(value: number): string {
  return value.toString(16).padStart(2, "0");
}

/** The part `offset,length` of a document, as qXfer answers: "m" before a part, "l" before the last; null for nonsense. */
export function documentPart(document: string, text: string, most: number): string | null {
  const [offset, length] = text.split(",").map((n) => Number.parseInt(n, 16));
  if (!Number.isInteger(offset) || !Number.isInteger(length)) return null;
  const part = document.slice(offset, offset + Math.min(length, most));
  return (offset + part.length < document.length ? "m" : "l") + part;
}
