import { assertEquals } from "@std/assert";
import { sysregIndex } from "../cpu/sysregs.ts";
import { decodeFields, REGISTERS_WITH_FIELDS, showFields } from "./register_fields.ts";
import { findRegister, registerNames } from "./registers.ts";
import { describeSyndrome } from "./syndrome_text.ts";

Deno.test("fields are of registers that there are, from the top down, and do not overlap", () => {
  for (const name of REGISTERS_WITH_FIELDS) {
    if (name !== "cpsr") sysregIndex(name);
    let limit = 64;
    for (const { name: field, high, low, meaning } of decodeFields(name, 0n)) {
      assertEquals(high < limit && low <= high && low >= 0, true, `${name}.${field}`);
      assertEquals(typeof meaning, "string");
      limit = low;
    }
  }
});

Deno.test("values in a line", () => {
  assertEquals(showFields("cpsr", 0x6000_03c5n), "Z C D A I F M=EL1h");
  assertEquals(
    showFields("TCR_EL1", 25n | 2n << 30n | 5n << 32n),
    "AS=8bit IPS=256TB TG1=4K SH1=non ORGN1=NC IRGN1=NC TG0=4K SH0=non ORGN0=NC IRGN0=NC T0SZ=0x19",
  );
  assertEquals(showFields("TPIDR_EL1", 5n), "");
});

Deno.test("names of registers", () => {
  assertEquals(findRegister("$X30"), findRegister("lr"));
  assertEquals(findRegister("s3_0_c1_c0_0")?.name, "SCTLR_EL1");
  assertEquals(findRegister("x31"), null);
  assertEquals(registerNames().includes("cntvct_el0"), true);
});

Deno.test("syndromes in words", () => {
  assertEquals(describeSyndrome(0x56000007), "SVC #0x7");
  assertEquals(
    describeSyndrome(0x93c08046),
    "Data Abort from a lower Exception level: Translation fault, level 2 on a write, 8 bytes from X0",
  );
  assertEquals(
    describeSyndrome(0x82000007),
    "Instruction Abort from a lower Exception level: Translation fault, level 3",
  );
  assertEquals(describeSyndrome(0x623004a1), "Trapped MSR, MRS or System instruction: read of SCTLR_EL1, X5");
});
