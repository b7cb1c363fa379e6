import { FLAGS, type FlagState, STATE } from "../cpu/layout.ts";
import type { Int } from "./builder.ts";
import type { Emitter, Operand } from "./emitter.ts";
import { GuestEmitter } from "./guest_emitter.ts";

/** The states that stand for something to be computed. */
const LAZY = [FLAGS.sub64, FLAGS.sub32, FLAGS.logic64, FLAGS.logic32, FLAGS.add64, FLAGS.add32] as const;

/** Whether the operands of a lazy state have 64 bits. */
export function is64(state: FlagState): boolean {
  return state === FLAGS.add64 || state === FLAGS.sub64 || state === FLAGS.logic64;
}

/** Calls the function that {@link ExactFlags} writes where the flags in the state block are still to be computed. */
export function makeFlagsExact(e: Emitter, cpu: Operand<"i32">, exactFlags: number): void {
  e.beginIf(e.loadMemory("i32", 4, cpu, STATE.flagKind.offset));
  e.callFunction(exactFlags, "i32", cpu);
  e.endBlock();
}

/** Writes `exactFlags(cpu)`: computes NZCV in the state block, which is the result too. */
export class ExactFlags extends GuestEmitter {
  constructor(readonly cpu: Operand<"i32">) {
    super(1);
  }

  write(): this {
    const kind = this.state32("flagKind");
    for (const state of LAZY) {
      this.beginIf(this.eq(kind, this.i32(state)));
      const [type, bytes] = is64(state) ? ["i64", 8] as const : ["i32", 4] as const;
      const a = this.loadMemory(type, bytes, this.cpu, STATE.flagA.offset) as Int;
      const b = this.loadMemory(type, bytes, this.cpu, STATE.flagB.offset) as Int;
      this.setNzcv(this.lazyNzcv(state, a, b));
      this.endBlock();
    }
    this.setState32("flagKind", this.i32(FLAGS.exact));
    this.get(this.nzcv());
    return this;
  }

  protected spill(): void {}
  protected reload(): void {}
  protected leave(): void {}
  checkInterrupts(): void {}
}
