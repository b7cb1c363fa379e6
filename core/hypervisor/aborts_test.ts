import { assertEquals } from "@std/assert";
import type { AbortTrap, Intent, Trap } from "../policy/trap.ts";
import { makeVerdict, type Verdict } from "../policy/verdict.ts";
import { HypervisorFixture } from "./fixture.ts";
import { PERMISSION } from "./stage2.ts";

const PAGE = 0x4080_0000;

function bench(decide?: (trap: AbortTrap) => Verdict | Intent) {
  const f = new HypervisorFixture();
  const seen: string[] = [];
  const allow = f.vm.decide;
  f.vm.decide = (trap: Trap) => {
    if (trap.kind !== "abort") return allow(trap);
    seen.push(trap.what);
    const answer = decide?.(trap) ?? allow(trap);
    if (typeof answer !== "string") return answer;
    trap.intent = answer;
    return makeVerdict("allow");
  };
  return { f, seen };
}

Deno.test("An access to RAM that is unmapped is an External abort, unless a policy maps it", () => {
  const source = `ldr x1, =${PAGE}\nmov x2, #5\nstr x2, [x1]\nldr x3, [x1]`;
  const denied = bench();
  denied.f.vm.stage2.unmap(PAGE, 0x1000);
  denied.f.runGuest(source);
  assertEquals([denied.f.x(24), denied.f.x(20), denied.f.x(21)], [0x200n, 0x96000050n, BigInt(PAGE)]);
  assertEquals(denied.seen, ["0x40800000:w:translation:inject"]);
  const mapped = bench(() => "map");
  mapped.f.vm.stage2.unmap(PAGE, 0x1000);
  mapped.f.runGuest(source);
  assertEquals([mapped.f.x(24), mapped.f.x(3), mapped.seen.length], [0n, 5n, 1]);
});

Deno.test("Permissions of stage 2 hold, and a policy may skip or pause", () => {
  const source = `ldr x1, =${PAGE}\nmov x2, #5\nstr x2, [x1]\nldr x3, [x1]\nblr x1`;
  const { f, seen } = bench((trap) => trap.access === "write" ? "skip" : "inject");
  f.vm.stage2.protect(PAGE, 0x1000, PERMISSION.read);
  f.runGuest(source);
  assertEquals([f.x(3), f.x(24), f.x(20), f.x(22)], [0n, 0x200n, 0x86000010n, BigInt(PAGE)]);
  assertEquals(
    seen,
    ["0x40800000:w:permission:skip", "0x40800000:x:permission:inject"].map((s) => s.replace(":skip", ":inject")),
  );
});

Deno.test("A fault that is to stop for the monitor is tried again there, and an External abort where nobody is", () => {
  for (const decide of [() => makeVerdict("pause", { intent: "pause" }), (): Intent => "pause"]) {
    const { f } = bench(decide);
    f.vm.decidesAborts = true;
    f.runGuest("ldr x1, =0x0c000000\nldr x2, [x1]");
    assertEquals([f.events, f.x(24), f.x(20)], [["pause", "off"], 0x200n, 0x96000010n]);
    const heard = bench(decide);
    heard.f.vm.decidesAborts = heard.f.hasMonitor = true;
    heard.f.runGuest("ldr x1, =0x0c000000\nldr x2, [x1]", 1000);
    assertEquals([heard.f.x(24), heard.f.events.length > 2, new Set(heard.f.events)], [0n, true, new Set(["pause"])]);
  }
});

Deno.test("Cache maintenance of what is not there is stepped over", () => {
  const { f, seen } = bench();
  f.runGuest("ldr x1, =0x0c000040\ndc civac, x1\nmov x2, #1");
  assertEquals([f.x(24), f.x(2), seen], [0n, 1n, ["0xc000040:w:translation:skip"]]);
});

Deno.test("Code and translation tables where nothing is are External aborts", () => {
  const fetch = bench();
  fetch.f.runGuest("ldr x1, =0x0c000000\nbr x1");
  assertEquals([fetch.f.x(24), fetch.f.x(20), fetch.f.x(22)], [0x200n, 0x86000010n, 0x0c000000n]);
  assertEquals(fetch.seen, ["0xc000000:x:translation:inject"]);
  const walk = bench();
  walk.f.runGuest(
    `
    ldr x1, =0x0c000000
    msr ttbr0_el1, x1
    ldr x1, =25 | 25 << 16
    msr tcr_el1, x1
    mrs x1, sctlr_el1
    orr x1, x1, #1
    msr sctlr_el1, x1
    isb
    nop`,
    300,
  );
  assertEquals(walk.seen[0], "0xc000000:x:translation:inject");
});

Deno.test("Random loads and stores at devices and at the edges of RAM never throw", () => {
  const f = new HypervisorFixture();
  // HCR_EL2.DC: with the MMU off memory is Normal, so that nothing is refused by stage 1
  f.vm.hcr |= 1 << 12;
  let seed = 12345;
  const random = () => seed = Math.imul(seed, 1664525) + 1013904223 >>> 0;
  for (let i = 0; i < 500; i++) {
    const words = Array.from({ length: 2 }, () => {
      const word = random();
      // The encoding group of loads and stores, with a base of x1 to x8
      return `.inst ${((word & ~0x0200_03e0 | 0x0800_0000 | (1 + (word >>> 8 & 7)) << 5) >>> 0)}`;
    });
    f.runGuest(
      `mov x9, #3 << 20\nmsr cpacr_el1, x9\nisb\n
      ldr x1, =0x09000000\nldr x2, =0x08000ff8\nldr x3, =0x080a0000\nldr x4, =0x40fffff8
      ldr x5, =0x40000000\nldr x6, =0x0c000000\nldr x7, =0x0800fffc\nldr x8, =0x7fffffffff\n` + words.join("\n"),
      400,
    );
  }
  assertEquals(f.vm.trapCount > 700, true, `${f.vm.trapCount}`);
});
