import { makeAddressing } from "./access.ts";
import { type AddressingMode, signed, type With } from "./addressing.ts";
import { doubleword, load } from "./loads_stores_general.ts";
import { authenticate, type PauthKey } from "./pointer_authentication.ts";
import { group, type Row, row } from "./row.ts";

/*
 * LDRAA and LDRAB, Arm DDI 0487, "Load/store register (pac)". The base is authenticated with the modifier zero; a
 * pointer that fails makes an address that faults.
 */

type F = With<"Rn" | "immS" | "imm9">;

function offsetOf(f: F): number {
  return signed(f.immS * 512 + f.imm9, 10) * 8;
}

/** `[Xn|SP, #simm]` of a signed pointer. */
function offset(key: PauthKey): AddressingMode<F> {
  return {
    address: (o, f) => o.add(authenticate(o, o.base(f.Rn), o.i64(0), key), o.imm(offsetOf(f))),
    writeBack() {},
    describe: (f) => ({ ...makeAddressing(f.Rn, offsetOf(f)), isAuthenticated: true }),
  };
}

/** `[Xn|SP, #simm]!` of a signed pointer: the base becomes the address, without its code. */
function preIndex(key: PauthKey): AddressingMode<F> {
  return {
    address: offset(key).address,
    writeBack: (o, f, _bytes, address) => o.setXsp(f.Rn, address),
    describe: (f) => ({ ...makeAddressing(f.Rn, offsetOf(f), offsetOf(f)), isAuthenticated: true }),
  };
}

/** Loads through signed pointers. */
// deno-fmt-ignore
export const LOADS_STORES_AUTHENTICATED: readonly Row[] = group({ feature: "FEAT_PAuth" }, [
  row("LDRAA", "11 111 0 00 0 immS:1 1 imm9:9 0 1 Rn:5 Rt:5", "ldraa Xt, [Xn|SP+S:imm9*8]",  load(doubleword, offset("DA"))),
  row("LDRAA", "11 111 0 00 0 immS:1 1 imm9:9 1 1 Rn:5 Rt:5", "ldraa Xt, [Xn|SP+S:imm9*8]!", load(doubleword, preIndex("DA"))),
  row("LDRAB", "11 111 0 00 1 immS:1 1 imm9:9 0 1 Rn:5 Rt:5", "ldrab Xt, [Xn|SP+S:imm9*8]",  load(doubleword, offset("DB"))),
  row("LDRAB", "11 111 0 00 1 immS:1 1 imm9:9 1 1 Rn:5 Rt:5", "ldrab Xt, [Xn|SP+S:imm9*8]!", load(doubleword, preIndex("DB"))),
]);
