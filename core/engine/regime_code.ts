import { REGIME_BYTES, REGIMES, SITE_COUNT, SPAN_BYTES, SPANS, STATE, type StateField, SYSREG } from "../cpu/layout.ts";
import { sysregIndex } from "../cpu/sysregs.ts";
import type { I32 } from "./builder.ts";
import { cpuOperand } from "./code_flow.ts";
import { Emitter, Operand } from "./emitter.ts";

/** Writes `enterRegime(cpu, regime)`: what cpu/regime.ts and mmu/tlb.ts do for a regime that is known. */
export function emitEnterRegime(soleVcpu: number): Emitter {
  const e = new Emitter(2);
  const cpu = cpuOperand(soleVcpu), regime = new Operand("i32", 1);
  const place = (number: I32): I32 => e.add(cpu as I32, e.mul(number, e.i32(REGIME_BYTES)));
  const at = place(regime as I32);
  const copy = (bytes: 4 | 8, from: number, to: number): void => {
    e.storeMemory(bytes, cpu, to, e.loadMemory(bytes === 4 ? "i32" : "i64", bytes, at, REGIMES + from));
  };
  const get = (field: StateField): I32 => e.loadMemory("i32", 4, cpu, STATE[field].offset);
  const isSame = (field: StateField, from: number): I32 =>
    e.eq(get(field), e.loadMemory("i32", 4, at, REGIMES + from) as I32);
  e.beginIf(e.eqz(e.and(isSame("tlb", 8), isSame("tlbUpper", 12))));
  forgetPages(e, cpu);
  e.endBlock();
  copy(4, 8, STATE.tlb.offset);
  copy(4, 12, STATE.tlbUpper.offset);
  copy(4, 16, STATE.tlbUnprivileged.offset);
  copy(4, 20, STATE.guarded.offset);
  const sameWords = (number: I32): I32 => e.loadMemory("i32", 4, place(number), REGIMES + 4);
  e.beginIf(e.ne(sameWords(regime as I32), sameWords(get("regime"))));
  copy(4, 24, STATE.fpTrap.offset);
  copy(4, 28, STATE.zvaTrap.offset);
  copy(4, 32, STATE.pauth.offset);
  [STATE.pacMaskLow, STATE.pacMaskHigh, STATE.pacMaskDataLow, STATE.pacMaskDataHigh].forEach(({ offset }, i) =>
    copy(8, 40 + 8 * i, offset)
  );
  const dzp = e.shl(get("zvaTrap"), e.i32(4));
  e.storeMemory(8, cpu, SYSREG + 8 * sysregIndex("DCZID_EL0"), e.zeroExtend(e.or(dzp, e.i32(4))));
  e.endBlock();
  e.storeMemory(4, cpu, STATE.regime.offset, regime);
  return e;
}

/** Forgets the pages of one context, as cpu/sites.ts does. */
function forgetPages(e: Emitter, cpu: Operand<"i32">): void {
  const zero = e.v128(0n, 0n);
  for (let at = 0; at < SITE_COUNT * SPAN_BYTES; at += 16) e.storeMemory(16, cpu, SPANS + at, zero);
}
