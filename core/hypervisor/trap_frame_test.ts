import { assertEquals } from "@std/assert";
import { stored, testVcpu } from "../cpu/test_vcpu.ts";
import { FRAME, TRAP_FRAME_BYTES, TRAP_FRAME_FIELDS, TrapFrame } from "./trap_frame.ts";

Deno.test("TrapFrame has the documented fields in order", () => {
  assertEquals(TRAP_FRAME_BYTES, 304);
  assertEquals(TRAP_FRAME_FIELDS.slice(0, 2), ["x0", "x1"]);
  assertEquals(TRAP_FRAME_FIELDS.slice(30), [
    "x30",
    "sp_el0",
    "sp_el1",
    "elr_el2",
    "spsr_el2",
    "esr_el2",
    "far_el2",
    "hpfar_el2",
  ]);
  for (const [name, place] of Object.entries(FRAME)) assertEquals(TRAP_FRAME_FIELDS[place], name);
});

Deno.test("TrapFrame is a view of the vCPU at EL2", () => {
  const { vcpu } = testVcpu(2);
  const frame = new TrapFrame(vcpu);
  frame.set(3, 0x1234, 0xffff_ffff);
  assertEquals([vcpu.xLo(3), vcpu.xHi(3)], [0x1234, 0xffff_ffff]);
  frame.set(FRAME.sp_el1, 0x4010_0000, 1);
  assertEquals(stored(vcpu, "SP_EL1"), 0x1_4010_0000n);
  frame.set(FRAME.elr_el2, 0xffff_fffc, 0x10);
  frame.advance();
  assertEquals(stored(vcpu, "ELR_EL2"), 0x11_0000_0000n);
  const view = new DataView(frame.bytes().buffer);
  assertEquals(view.getBigUint64(24, true), 0xffff_ffff_0000_1234n);
  assertEquals(view.getBigUint64(8 * FRAME.elr_el2, true), 0x11_0000_0000n);
});
