import type { I32, I64 } from "./builder.ts";
import { NullBuilder } from "./null_builder.ts";
import { readOffset, RecordSlots, spOffset, VARIANT, vectorOffset, writeOffset } from "./record.ts";

/**
 * Runs a meaning with the fields of one instruction word and writes the operands
 * that the handler will read into the record.
 */
export class CaptureBuilder extends NullBuilder {
  readonly #u16: Uint16Array;
  readonly #i32: Int32Array;
  readonly #slots = new RecordSlots();
  #record = 0;
  #pageOffset = 0;
  /** What the meaning turned out to need: bits of VARIANT. */
  variant = 0;
  /** Bytes that a direct branch goes; 0 where it was none. */
  branchOffset = 0;
  /** What follows in memory may not be what is executed next. */
  endsBlock = false;

  constructor(buffer: SharedArrayBuffer) {
    super();
    this.#u16 = new Uint16Array(buffer);
    this.#i32 = new Int32Array(buffer);
  }

  /**
   * @param record byte offset of the record.
   * @param pageOffset of the instruction in its 4 KiB page, 0 to 4092; NaN makes every direct branch a far one that looks at
   * the budget (for single steps).
   */
  begin(record: number, pageOffset: number): void {
    this.#record = record;
    this.#pageOffset = pageOffset;
    this.variant = this.branchOffset = 0;
    this.endsBlock = false;
    this.#slots.reset();
  }

  #small(value: number): void {
    this.#u16[(this.#record + this.#slots.small()) >>> 1] = value;
  }
  #wide(lo: number, hi: number): void {
    const i = (this.#record + this.#slots.wide()) >>> 2;
    this.#i32[i] = lo;
    this.#i32[i + 1] = hi;
  }

  override imm(value: number): I64 {
    this.#wide(value | 0, Math.floor(value / 2 ** 32));
    return super.imm(value);
  }
  override imm64(lo: number, hi: number): I64 {
    this.#wide(lo, hi);
    return super.imm64(lo, hi);
  }
  override imm16(value: number): I32 {
    this.#small(value);
    return super.imm16(value);
  }
  override imm16s(value: number): I64 {
    this.#small(value);
    return super.imm16s(value);
  }

  override x(n: number): I64 {
    this.#small(readOffset(n));
    return super.x(n);
  }
  override w(n: number): I32 {
    this.#small(readOffset(n));
    return super.w(n);
  }
  override xsp(n: number): I64 {
    this.#small(spOffset(n));
    return super.xsp(n);
  }
  override wsp(n: number): I32 {
    this.#small(spOffset(n));
    return super.wsp(n);
  }
  override base(n: number): I64 {
    if (n === 31) this.variant |= VARIANT.spBase;
    return super.base(n);
  }
  override setX(n: number): void {
    this.#small(writeOffset(n));
  }
  override setXsp(n: number): void {
    this.#small(spOffset(n));
  }
  protected override readVector(n: number): void {
    this.#small(vectorOffset(n));
  }
  protected override writeVector(n: number): void {
    this.#small(vectorOffset(n));
  }

  override pcPlus(offset: number): I64 {
    return this.imm(offset);
  }
  override pagePlus(offset: number): I64 {
    return this.imm(offset);
  }
  /** Near: the distance in the record area; far: the distance in the guest's addresses. */
  #branch(offset: number): void {
    this.branchOffset = offset;
    this.endsBlock = true;
    if (offset <= 0 || Number.isNaN(this.#pageOffset)) this.variant |= VARIANT.backward;
    const target = this.#pageOffset + offset;
    if (target >= 0 && target < 4096) {
      this.#wide(offset * 4, 0);
    } else {
      this.variant |= VARIANT.far;
      this.imm(offset);
    }
  }
  override branch(offset: number): void {
    this.#branch(offset);
  }
  override branchIf(_condition: I32, offset: number): void {
    this.#branch(offset);
  }
  override branchLink(offset: number): void {
    this.#branch(offset);
  }
  override branchTo(): void {
    this.endsBlock = true;
  }
  override exit(): void {
    this.endsBlock = true;
  }
  override synchronize(): void {
    this.endsBlock = true;
  }
}
