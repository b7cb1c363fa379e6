import { assert, assertEquals, assertMatch } from "@std/assert";
import { HypervisorFixture } from "../core/hypervisor/fixture.ts";
import { GUEST_IPA } from "../core/machine/memory_map.ts";
import { diagnosticGuest } from "./diagnostic.ts";

/** More than the guest needs, which is about a million. */
const INSTRUCTIONS_MAX = 50_000_000;
const GUEST_RAM_BYTES = 0x400_0000;

/** Runs the guest to its end, as a user would with virtual time. */
function run(model: string, vcpus = 1): HypervisorFixture {
  const fixture = new HypervisorFixture({ model, vcpus, ramBytes: GUEST_RAM_BYTES });
  const { bytes, origin, entry } = diagnosticGuest();
  fixture.load(origin, bytes);
  fixture.vm.start({ pc: entry });
  fixture.run(INSTRUCTIONS_MAX);
  return fixture;
}

Deno.test("the diagnostic guest begins where RAM begins and stays below its stack and tables", () => {
  const { bytes, origin, entry } = diagnosticGuest();
  assertEquals(origin, GUEST_IPA);
  assertEquals(entry, GUEST_IPA);
  assert(bytes.length < 0xf0000);
});

for (const [model, vcpus] of [["max", 1], ["cortex-a57", 1], ["max", 2]] as const) {
  Deno.test(`every check of the diagnostic guest passes (${model}, vCPUs: ${vcpus})`, () => {
    const { console, events } = run(model, vcpus);
    const failures = console.split("\n").filter((line) => line.includes("FAIL"));
    assertEquals(failures, []);
    assertMatch(console, /\n\d\d+ passed, 0 failed\n$/);
    assertEquals(events, ["pause", "off"]);
  });
}

Deno.test("the diagnostic guest says what it is told to and nothing that it may not", () => {
  const { console } = run("max");
  assert(console.startsWith("Ariel diagnostic guest\n  at EL1, "));
  assert(console.includes("\n  The next line's check said this through the hypervisor.\n  GUEST_CONSOLE_WRITE ."));
  assert(!console.includes("MUST NOT BE PRINTED"));
});

Deno.test("two runs of the diagnostic guest in virtual time are the same", () => {
  const [a, b] = [run("max"), run("max")];
  assertEquals(a.console, b.console);
  assertEquals(a.machine.instructions, b.machine.instructions);
});
