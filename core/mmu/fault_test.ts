import { assertEquals } from "@std/assert";
import { ACCESS, encodeLdfsc, FAULT, Fault } from "./fault.ts";

Deno.test("fault status codes", () => {
  assertEquals([0, 1, 2, 3].map((level) => encodeLdfsc(FAULT.translation, level)), [4, 5, 6, 7]);
  assertEquals(encodeLdfsc(FAULT.translation, -1), 0b101011);
  assertEquals(encodeLdfsc(FAULT.addressSize, 0), 0);
  assertEquals(encodeLdfsc(FAULT.accessFlag, 3), 0b001011);
  assertEquals(encodeLdfsc(FAULT.permission, 1), 0b001101);
  assertEquals(encodeLdfsc(FAULT.syncExternal, 3), 0b010000);
  assertEquals(encodeLdfsc(FAULT.syncExternalOnWalk, 2), 0b010110);
  assertEquals(encodeLdfsc(FAULT.alignment, 2), 0b100001);
});

Deno.test("ISS and HPFAR_EL2 of a record", () => {
  const fault = new Fault();
  fault.statusCode = FAULT.permission;
  fault.level = 3;
  fault.write = true;
  fault.secondStage = true;
  fault.s2fs1walk = true;
  fault.ipa = 0xab_1234_5678;
  assertEquals(fault.iss, 1 << 7 | 1 << 6 | 0b001111);
  assertEquals([fault.hpfarHi, fault.hpfarLo], [0, 0xab123450]);
  fault.accessType = ACCESS.execute;
  assertEquals(fault.iss, 1 << 7 | 0b001111);
  fault.clear();
  assertEquals(fault.isFault, false);
});

Deno.test("A settled record says what it said, and says anew what it becomes", () => {
  const fault = new Fault(), other = new Fault();
  const syndrome = ({ iss, hpfarLo, hpfarHi }: Fault) => [iss, hpfarLo, hpfarHi];
  fault.statusCode = FAULT.translation;
  fault.level = 2;
  fault.write = true;
  fault.secondStage = true;
  fault.ipa = 0xf_ab12_3456_7000;
  const before = syndrome(fault);
  fault.settle();
  fault.ipa += 0x48;
  assertEquals(syndrome(fault), before);
  assertEquals(before, [1 << 6 | 0b000110, 0x1234_5670, 0xfab]);
  other.copyFrom(fault);
  other.ipa = 0x5000;
  assertEquals(syndrome(other), [1 << 6 | 0b000110, 0x50, 0]);
  fault.copyFrom(other);
  assertEquals(syndrome(fault), [1 << 6 | 0b000110, 0x50, 0]);
  fault.settle();
  fault.clear();
  fault.statusCode = FAULT.alignment;
  assertEquals(syndrome(fault), [0b100001, 0, 0]);
});
