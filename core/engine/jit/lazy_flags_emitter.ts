import type { I32, I64, Int } from "../builder.ts";
import { FLAGS, type FlagState, STATE } from "../../cpu/layout.ts";
import type { Operand } from "../emitter.ts";
import { conditionHolds, GuestEmitter } from "../guest_emitter.ts";
import { is64, makeFlagsExact } from "../lazy_flags.ts";
import { lazyCondition } from "./flags.ts";

/** Locals that hold what the flags are to be computed of: operands of 64 and 32 bits. NZCV itself is in `a32`. */
interface FlagLocals {
  readonly a64: Operand<"i64">;
  readonly b64: Operand<"i64">;
  readonly a32: Operand<"i32">;
  readonly b32: Operand<"i32">;
}

/** Where FLAGS.conditional comes from: the state, and NZCV where the condition did not hold. */
interface ConditionalFlags {
  readonly state: FlagState;
  readonly nzcv: number;
}

/** What is known of the flags at one place of the code. */
export interface KnownFlags {
  readonly flags: FlagState;
  readonly isPending: boolean;
  readonly conditional: ConditionalFlags;
}

/** Keeps flags as the operands of what set them, in locals within a block, and computes them where they are read. */
export abstract class LazyFlagsEmitter extends GuestEmitter {
  /** Index of the function that computes the flags in the state block. */
  protected abstract readonly exactFlags: number;
  readonly #flagLocals: FlagLocals = {
    a64: this.newLocal("i64"),
    b64: this.newLocal("i64"),
    a32: this.newLocal("i32"),
    b32: this.newLocal("i32"),
  };
  flags: FlagState = FLAGS.memory;
  /** Where `flags` is FLAGS.conditional; the condition is in a local. */
  #conditional: ConditionalFlags = { state: FLAGS.sub64, nzcv: 0 };
  readonly #condition = this.newLocal("i32");
  /** The flags are in locals only: the state block has older ones. */
  flagsPending = false;

  /** To be kept before other code is written that does not come back, and set behind it. */
  get knownFlags(): KnownFlags {
    return { flags: this.flags, isPending: this.flagsPending, conditional: this.#conditional };
  }
  set knownFlags({ flags, isPending, conditional }: KnownFlags) {
    this.flags = flags;
    this.flagsPending = isPending;
    this.#conditional = conditional;
  }

  /** The operands of a lazy state. */
  #operandsOf(state: FlagState): [Int, Int] {
    const { a64, b64, a32, b32 } = this.#flagLocals;
    return is64(state) ? [a64 as I64, b64 as I64] : [a32 as I32, b32 as I32];
  }
  #setLazy(state: FlagState, a: Int, b: Int): void {
    const [la, lb] = this.#operandsOf(state);
    this.get(a);
    this.set(la as Operand);
    this.get(b);
    this.set(lb as Operand);
    this.flags = state;
    this.flagsPending = true;
  }
  override setFlagsAdd<T extends Int>(a: T, b: T): void {
    this.#setLazy(a.type === "i64" ? FLAGS.add64 : FLAGS.add32, a, b);
  }
  override setFlagsSub<T extends Int>(a: T, b: T): void {
    this.#setLazy(a.type === "i64" ? FLAGS.sub64 : FLAGS.sub32, a, b);
  }
  override setFlagsLogic<T extends Int>(result: T): void {
    this.#setLazy(result.type === "i64" ? FLAGS.logic64 : FLAGS.logic32, result, this.const(result, 0));
  }
  override setFlagsIf(condition: I32, isSub: boolean, a: Int, b: Int, nzcv: I32): void {
    this.get(condition);
    this.set(this.#condition);
    const is64Bit = a.type === "i64";
    const state = isSub ? is64Bit ? FLAGS.sub64 : FLAGS.sub32 : is64Bit ? FLAGS.add64 : FLAGS.add32;
    this.#setLazy(state, a, b);
    this.#conditional = { state, nzcv: (nzcv as Operand).lo };
    this.flags = FLAGS.conditional;
  }
  override setNzcv(nzcv: I32): void {
    this.get(nzcv);
    this.set(this.#flagLocals.a32);
    this.flags = FLAGS.exact;
    this.flagsPending = true;
  }
  override nzcv(): I32 {
    switch (this.flags) {
      case FLAGS.memory:
        makeFlagsExact(this, this.cpu, this.exactFlags);
        return super.nzcv();
      case FLAGS.exact: {
        this.get(this.#flagLocals.a32);
        return this.take("i32");
      }
      case FLAGS.conditional:
        return this.#ifHeld(() => this.nzcv(), this.#conditional.nzcv);
    }
    const [a, b] = this.#operandsOf(this.flags);
    return this.lazyNzcv(this.flags, a, b);
  }
  /** What the state of a conditional comparison gives where its condition held, else a constant. */
  #ifHeld(compute: () => I32, otherwise: number): I32 {
    this.flags = this.#conditional.state;
    const value = compute();
    this.flags = FLAGS.conditional;
    return this.select(this.#condition as I32, value, this.i32(otherwise)) as I32;
  }
  override carry(): I32 {
    if (this.flags === FLAGS.conditional) return this.#ifHeld(() => this.carry(), this.#conditional.nzcv >> 1 & 1);
    const [a, b] = this.#operandsOf(this.flags);
    switch (this.flags) {
      case FLAGS.sub32:
      case FLAGS.sub64:
        return this.geU(a, b);
      case FLAGS.add32:
      case FLAGS.add64:
        return this.ltU(this.add(a, b), a);
      default:
        return super.carry();
    }
  }
  override condition(cond: number): I32 {
    if (cond >= 14) return this.i32(1);
    if (this.flags === FLAGS.conditional) {
      return this.#ifHeld(() => this.condition(cond), Number(conditionHolds(cond, this.#conditional.nzcv)));
    }
    const [a, b] = this.#operandsOf(this.flags);
    return lazyCondition(this, this.flags, cond, a, b) ?? super.condition(cond);
  }
  /** Puts the flags in the state block, where other code finds them. */
  storeFlags(): void {
    if (!this.flagsPending) return;
    switch (this.flags) {
      case FLAGS.exact:
        this.setState32("nzcv", this.#flagLocals.a32 as I32);
        return this.setState32("flagKind", this.i32(FLAGS.exact));
      case FLAGS.conditional: {
        const { state, nzcv } = this.#conditional;
        this.#storeOperands(state);
        this.setState32("nzcv", this.i32(nzcv));
        const kind = this.select(this.#condition as I32, this.i32(state), this.i32(FLAGS.exact));
        return this.setState32("flagKind", kind as I32);
      }
      default:
        this.#storeOperands(this.flags);
        this.setState32("flagKind", this.i32(this.flags));
    }
  }
  #storeOperands(state: FlagState): void {
    const [a, b] = this.#operandsOf(state), bytes = is64(state) ? 8 : 4;
    this.storeMemory(bytes, this.cpu, STATE.flagA.offset, a);
    if (state === FLAGS.logic32 || state === FLAGS.logic64) return;
    this.storeMemory(bytes, this.cpu, STATE.flagB.offset, b);
  }
}
