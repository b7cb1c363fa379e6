import type { I32, Int } from "../builder.ts";
import { FLAGS, type FlagState } from "../../cpu/layout.ts";

/** What a lazily computed condition is written with. */
export interface FlagOperations {
  sub<T extends Int>(a: T, b: T): T;
  add<T extends Int>(a: T, b: T): T;
  and<T extends Int>(a: T, b: T): T;
  eq<T extends Int>(a: T, b: T): I32;
  ne<T extends Int>(a: T, b: T): I32;
  ltU<T extends Int>(a: T, b: T): I32;
  geU<T extends Int>(a: T, b: T): I32;
  gtU<T extends Int>(a: T, b: T): I32;
  ltS<T extends Int>(a: T, b: T): I32;
  geS<T extends Int>(a: T, b: T): I32;
  gtS<T extends Int>(a: T, b: T): I32;
  eqz(a: Int): I32;
  i32(value: number): I32;
  const<T extends Int>(like: T, value: number): T;
}

/**
 * ConditionHolds(cond) from the operands of the instruction that set the flags, or null where the flags themselves are
 * easier. Arm DDI 0487, ConditionHolds().
 */
export function lazyCondition(o: FlagOperations, state: FlagState, cond: number, a: Int, b: Int): I32 | null {
  switch (state) {
    case FLAGS.sub32:
    case FLAGS.sub64:
      return afterSub(o, cond, a, b);
    case FLAGS.logic32:
    case FLAGS.logic64:
      return afterLogic(o, cond, a);
    case FLAGS.add32:
    case FLAGS.add64:
      return afterAdd(o, cond, a, b);
    default:
      return null;
  }
}

function afterSub(o: FlagOperations, cond: number, a: Int, b: Int): I32 | null {
  switch (cond) {
    case 0:
      return o.eq(a, b);
    case 1:
      return o.ne(a, b);
    case 2:
      return o.geU(a, b);
    case 3:
      return o.ltU(a, b);
    case 4:
      return o.ltS(o.sub(a, b), o.const(a, 0));
    case 5:
      return o.geS(o.sub(a, b), o.const(a, 0));
    case 8:
      return o.gtU(a, b);
    case 9:
      return o.geU(b, a);
    case 10:
      return o.geS(a, b);
    case 11:
      return o.ltS(a, b);
    case 12:
      return o.gtS(a, b);
    case 13:
      return o.geS(b, a);
    default:
      return null;
  }
}

function afterLogic(o: FlagOperations, cond: number, result: Int): I32 {
  const zero = o.const(result, 0);
  switch (cond) {
    case 0:
    case 9:
      // LS: C is 0, so it always holds
      return cond === 0 ? o.eqz(result) : o.i32(1);
    case 1:
      return o.ne(result, zero);
    case 4:
    case 11:
      return o.ltS(result, zero);
    case 5:
    case 10:
      return o.geS(result, zero);
    case 12:
      return o.gtS(result, zero);
    case 13:
      return o.geS(zero, result);
    case 3:
    case 7:
      return o.i32(1);
    default:
      // CS, VS, HI: C and V are 0
      return o.i32(0);
  }
}

function afterAdd(o: FlagOperations, cond: number, a: Int, b: Int): I32 | null {
  const result = o.add(a, b), zero = o.const(a, 0);
  switch (cond) {
    case 0:
      return o.eqz(result);
    case 1:
      return o.ne(result, zero);
    case 2:
      return o.ltU(result, a);
    case 3:
      return o.geU(result, a);
    case 4:
      return o.ltS(result, zero);
    case 5:
      return o.geS(result, zero);
    default:
      return null;
  }
}
