import { FIELD, type Field, type FieldName, FIELDS } from "./fields.ts";
import { Interner } from "./interner.ts";
import type { RecordKind } from "./record_layout.ts";

/** What `what` says, taken apart. A part that the kind has not is "" or 0. */
export interface Subject {
  /** The place, register, function, instruction or class alone. */
  readonly name: string;
  /** r, w or x. */
  readonly access: string;
  /** Bytes of an access to a device. */
  readonly size: number;
  readonly device: string;
  /** Kind of fault, and intent, of an abort. */
  readonly fault: string;
  readonly intent: string;
}

const NO_SUBJECT = { name: "", access: "", size: 0, device: "", fault: "", intent: "" };

/** Takes the `what` of a record apart. */
export function parseWhat(kind: string, what: string): Subject {
  const parts = what.split(":");
  switch (kind) {
    case "mmio": {
      const [name, access = ""] = parts, plus = name.indexOf("+");
      const device = plus < 0 ? "" : name.slice(0, plus);
      return { ...NO_SUBJECT, name, access: access[0] ?? "", size: Number(access.slice(1)) || 0, device };
    }
    case "sysreg":
      return { ...NO_SUBJECT, name: parts[0], access: parts[1] ?? "" };
    case "abort":
      return {
        ...NO_SUBJECT,
        name: parts[0],
        access: parts[1] ?? "",
        fault: parts[2] ?? "",
        intent: parts[3] ?? "",
      };
    default:
      return { ...NO_SUBJECT, name: what };
  }
}

/** A record as it was read from a line. The object is reused for the next one. */
export class LogRecord {
  /** By field, bit n for FIELDS[n]: the record has it. */
  present = 0;
  /** By field: low and high half of a number; or the number of a text. */
  readonly words = new Uint32Array(2 * FIELDS.length);
  /** By field: the texts. */
  readonly interners: readonly (Interner | null)[] = FIELDS.map((f: Field) =>
    f.type === "text" ? new Interner(f.capacity!, f.texts) : null
  );
  readonly #subjects: (Subject | undefined)[] = [];

  has(field: number): boolean {
    return (this.present & 1 << field) !== 0;
  }
  /** A number; exact below 2^53. */
  number(field: number): number {
    return this.words[2 * field + 1] * 2 ** 32 + this.words[2 * field];
  }
  bigint(field: number): bigint {
    return BigInt(this.words[2 * field + 1]) << 32n | BigInt(this.words[2 * field]);
  }
  textId(field: number): number {
    return this.words[2 * field];
  }
  text(field: number): string {
    return this.interners[field]!.text(this.words[2 * field]);
  }

  /** The field by its name: a number (bigint from 2^53 on), a text, or undefined. */
  get(name: FieldName): number | bigint | string | undefined {
    const field = FIELD[name];
    if (!this.has(field)) return undefined;
    if (this.interners[field] !== null) return this.text(field);
    const number = this.number(field);
    return number < 2 ** 53 ? number : this.bigint(field);
  }
  get kind(): RecordKind {
    return this.text(FIELD.kind) as RecordKind;
  }

  /** What the record's `what` says, taken apart. */
  get subject(): Subject {
    const id = this.textId(FIELD.what);
    if (id === this.interners[FIELD.what]!.other) return parseWhat(this.kind, this.text(FIELD.what));
    // The same text means different things in different kinds
    const index = id * 64 + this.textId(FIELD.kind);
    return this.#subjects[index] ??= parseWhat(this.kind, this.text(FIELD.what));
  }
}
