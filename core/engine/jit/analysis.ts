import type { Decoder } from "../../a64/decoder.ts";
import { type Access, accessOf } from "../../a64/access.ts";
import { extractFields, type Fields, type Row } from "../../a64/row.ts";
import { type AccessKind, type ExitKind, FLAGS, type FlagState } from "../../cpu/layout.ts";
import type { I32, I64, Int, Value, WasmType } from "../builder.ts";
import { SYSREG_NZCV } from "../guest_emitter.ts";
import { findHelper } from "../helpers.ts";
import { NullBuilder } from "../null_builder.ts";

/** How an instruction ends. */
export type Ending = "next" | "branch" | "branchIf" | "call" | "callTo" | "jumpTo" | "return" | "exit" | "synchronize";

/** A load or store of plain memory, with a base register and a constant. */
export interface FixedAccess {
  /** 31 is SP. */
  readonly base: number;
  /** Bytes added to the base for the address, and to the base register in the end. */
  readonly offset: number;
  readonly writeback: number;
  readonly bytes: number;
  readonly isWrite: boolean;
}

/** What the JIT knows of an instruction before it is translated. */
export interface Facts {
  readonly row: Row;
  readonly fields: Fields;
  /** Sets of registers, bit n for Xn or Vn; bit 31 of the X sets is SP. A conditional write counts as a read too. */
  readonly xReads: number;
  readonly xWrites: number;
  readonly vReads: number;
  readonly vWrites: number;
  /** Those of the registers written that are written in any case. */
  readonly xAlways: number;
  readonly vAlways: number;
  /** State of the flags after it, or -1 when it leaves them alone. */
  readonly flags: FlagState | -1;
  readonly readsFlags: boolean;
  /** The region may be left at it, before or after it was executed. */
  readonly mayLeave: boolean;
  /** TypeScript may change what addresses mean. */
  readonly mayRemap: boolean;
  readonly ending: Ending;
  /** Of a direct branch, in bytes. */
  readonly offset: number;
  /** Null where it makes none, or others. */
  readonly access: FixedAccess | null;
}

/** Runs a meaning to see what it reads, writes and branches to. */
class AnalysisBuilder extends NullBuilder {
  xReads = 0;
  xWrites = 0;
  vReads = 0;
  vWrites = 0;
  xAlways = 0;
  vAlways = 0;
  flags: FlagState | -1 = -1;
  ending: Ending = "next";
  offset = 0;
  readsFlags = false;
  mayLeave = false;
  mayRemap = false;
  /** Accesses made, and whether any is more than plain. */
  accessCount = 0;
  isPlain = true;
  #depth = 0;

  reset(): void {
    this.xReads =
      this.xWrites =
      this.vReads =
      this.vWrites =
      this.xAlways =
      this.vAlways =
      this.offset =
      this.#depth =
        0;
    this.flags = -1;
    this.ending = "next";
    this.readsFlags = this.mayLeave = this.mayRemap = false;
    this.accessCount = 0;
    this.isPlain = true;
  }

  override if(condition: I32, then: () => void, otherwise?: () => void): void {
    this.#depth++;
    super.if(condition, then, otherwise);
    this.#depth--;
  }
  override loop(body: () => I32): void {
    this.#depth++;
    super.loop(body);
    this.#depth--;
  }

  override x(n: number): I64 {
    if (n !== 31) this.xReads |= 1 << n;
    return super.x(n);
  }
  override w(n: number): I32 {
    if (n !== 31) this.xReads |= 1 << n;
    return super.w(n);
  }
  override xsp(n: number): I64 {
    this.xReads |= 1 << n;
    return super.xsp(n);
  }
  override wsp(n: number): I32 {
    this.xReads |= 1 << n;
    return super.wsp(n);
  }
  override setX(n: number): void {
    if (n !== 31) this.setXsp(n);
  }
  override setXsp(n: number): void {
    this.xWrites |= 1 << n;
    if (this.#depth > 0) this.xReads |= 1 << n;
    else this.xAlways |= 1 << n;
  }
  protected override readVector(n: number): void {
    this.vReads |= 1 << n;
  }
  protected override writeVector(n: number): void {
    this.vWrites |= 1 << n;
    if (this.#depth > 0) this.vReads |= 1 << n;
    else this.vAlways |= 1 << n;
  }
  override setVElement(n: number): void {
    this.vReads |= 1 << n;
    this.vWrites |= 1 << n;
  }

  override base(n: number): I64 {
    // SP may be misaligned
    if (n === 31) this.mayLeave = true;
    return super.base(n);
  }
  protected override access(_write: boolean, kind: AccessKind = "normal"): void {
    this.mayLeave = true;
    this.accessCount++;
    if (kind !== "normal" || this.#depth > 0) this.isPlain = false;
  }
  override checkInterrupts(): void {
    this.mayLeave = true;
  }

  override nzcv(): I32 {
    this.readsFlags = true;
    return super.nzcv();
  }
  override carry(): I32 {
    this.readsFlags = true;
    return super.carry();
  }
  override condition(): I32 {
    this.readsFlags = true;
    return super.condition();
  }
  override readSysreg(): I64 {
    this.readsFlags = this.mayLeave = true;
    return super.readSysreg();
  }

  #setFlags(state: FlagState): void {
    if (this.#depth > 0) throw new TypeError("Cannot set flags on some paths only");
    this.flags = state;
  }
  override setNzcv(): void {
    this.#setFlags(FLAGS.exact);
  }
  override writeSysreg(encoding?: number): void {
    this.mayLeave = true;
    if (encoding === SYSREG_NZCV) this.setNzcv();
  }
  override setFlagsAdd<T extends Int>(a?: T): void {
    this.#setFlags(a!.type === "i64" ? FLAGS.add64 : FLAGS.add32);
  }
  override setFlagsSub<T extends Int>(a?: T): void {
    this.#setFlags(a!.type === "i64" ? FLAGS.sub64 : FLAGS.sub32);
  }
  override setFlagsAdc(): void {
    this.#setFlags(FLAGS.exact);
  }
  override setFlagsLogic<T extends Int>(result?: T): void {
    this.#setFlags(result!.type === "i64" ? FLAGS.logic64 : FLAGS.logic32);
  }

  override setFlagsIf(): void {
    this.#setFlags(FLAGS.memory);
  }

  #end(ending: Ending, offset = 0): void {
    if (this.ending === "exit") return;
    this.ending = ending;
    this.offset = offset;
  }
  override branch(offset: number): void {
    this.#end("branch", offset);
  }
  override branchIf(_condition: I32, offset: number): void {
    this.#end("branchIf", offset);
  }
  override link(): void {
    this.setX(30);
  }
  override branchLink(offset: number): void {
    this.link();
    this.#end("call", offset);
  }
  override branchTo(_address: I64, kind: "br" | "blr" | "ret"): void {
    this.#end(({ br: "jumpTo", blr: "callTo", ret: "return" } as const)[kind]);
  }
  override exit(_kind: ExitKind): void {
    this.mayLeave = true;
    if (this.#depth === 0) this.#end("exit");
  }
  override synchronize(): void {
    this.#end("synchronize");
  }
  override helper<T extends WasmType>(name: string, result: T, ...operands: Value[]): Value<T>;
  override helper(name: string, result: null, ...operands: Value[]): void;
  override helper(name: string, result: WasmType | null): Value | void {
    const { mayExit, isWhole } = findHelper(name);
    if (mayExit) this.mayLeave = true;
    if (isWhole) {
      this.mayRemap = true;
      this.#setFlags(FLAGS.memory);
    } else if (mayExit && this.#depth === 0) this.#end("exit"); // left to tier 1
    return super.helper(name, result as WasmType);
  }
}

/** Words whose facts are remembered at most. */
const KNOWN_MAX = 1 << 16;

/** Knows the facts of instruction words, which say all of them: most words of code come again and again. */
export class Analyst {
  readonly #builder = new AnalysisBuilder();
  readonly #known = new Map<number, Facts>();

  /** @param undefinedRow what words mean that no row claims. */
  constructor(readonly decoder: Decoder, readonly undefinedRow: Row) {}

  factsOf(word: number): Facts {
    let facts = this.#known.get(word);
    if (facts) return facts;
    if (this.#known.size === KNOWN_MAX) this.#known.clear();
    this.#known.set(word, facts = this.#analyse(this.decoder.decode(word) ?? this.undefinedRow, word));
    return facts;
  }

  #analyse(row: Row, word: number): Facts {
    const fields = extractFields(row, word), builder = this.#builder;
    builder.reset();
    row.semantics!(builder, fields);
    const { xReads, xWrites, xAlways, vReads, vWrites, vAlways, flags, readsFlags, ending, offset } = builder;
    const { mayRemap } = builder, mayLeave = builder.mayLeave || row.options.trap === "fp";
    const access = builder.accessCount === 1 && builder.isPlain ? fixedAccess(accessOf(row, word)) : null;
    return {
      row,
      fields,
      xReads,
      xWrites,
      xAlways,
      vReads,
      vWrites,
      vAlways,
      flags,
      readsFlags,
      mayLeave,
      mayRemap,
      ending,
      offset,
      access,
    };
  }
}

function fixedAccess(access: Access | null): FixedAccess | null {
  if (!access || access.base === null || access.index || access.isAuthenticated) return null;
  if (access.kind === "atomic" || access.isExclusive || access.isUnprivileged) return null;
  if (access.isAcquire || access.isRelease) return null;
  if (access.writeback !== null && typeof access.writeback !== "number") return null;
  const { base, offset, writeback, transfers } = access;
  const bytes = transfers.reduce((sum, t) => sum + t.bytes, 0);
  return { base, offset, writeback: writeback ?? 0, bytes, isWrite: access.kind === "store" };
}
