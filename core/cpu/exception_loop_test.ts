import { assertEquals } from "@std/assert";
import { ExceptionLoop } from "./exception_loop.ts";
import { takeUndefined } from "./exceptions.ts";
import { store, testVcpu } from "./test_vcpu.ts";

const VBAR = 0xffff_8000_0001_0000n;

/** A vCPU at EL1 that is undefined at its vector already. */
function looping() {
  const { vcpu } = testVcpu(1);
  store(vcpu, "VBAR_EL1", VBAR);
  const loop = new ExceptionLoop(vcpu);
  const fail = (count: number) => {
    for (let i = 0; i < count; i++) {
      takeUndefined(vcpu);
      vcpu.instructions++;
    }
  };
  fail(2);
  return { vcpu, loop, fail };
}

Deno.test("A vCPU that takes a hundred exceptions at its own vector is in an endless loop", () => {
  const { loop, fail } = looping();
  assertEquals(loop.isEndless(), false);
  fail(99);
  assertEquals(loop.isEndless(), false);
  fail(1);
  assertEquals(loop.isEndless(), true);
  assertEquals(loop.place, { el: 1, pc: VBAR + 0x200n, esr: 0x0200_0000 });
  loop.forget();
  assertEquals(loop.isEndless(), false);
});

Deno.test("A vCPU that has executed an instruction meanwhile is in none", () => {
  const { vcpu, loop, fail } = looping();
  assertEquals(loop.isEndless(), false);
  fail(200);
  vcpu.instructions++;
  assertEquals(loop.isEndless(), false);
  fail(200);
  vcpu.set64("pc", VBAR + 0x204n);
  assertEquals(loop.isEndless(), false);
  fail(1);
  assertEquals(loop.isEndless(), false);
});

Deno.test("Exceptions whose vector executes something are no loop", () => {
  const { vcpu, loop, fail } = looping();
  for (let i = 0; i < 5; i++) {
    fail(100);
    vcpu.set64("pc", 0x1000n);
    fail(1);
    assertEquals(loop.isEndless(), false);
  }
});
