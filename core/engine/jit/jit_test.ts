import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { CPU_MODELS } from "../../cpu/features.ts";
import { type DebuggedMachine, debuggedMachine } from "../../debug/fixture.ts";
import { Machine } from "../../machine/machine.ts";
import { engineReport, hottestRegions, jitReport } from "./report.ts";

const LOOP = `
    movz    x0, #20, lsl #16
loop:
    add     x2, x2, x0
    eor     x3, x3, x2, ror #7
    mul     x4, x3, x2
    subs    x0, x0, #1
    b.ne    loop
    adr     x3, loop                    // its page, behind the code
    str     wzr, [x3, #0x100]
end: b      end
`;

function jitOf({ machine }: DebuggedMachine) {
  return machine.engine.jit!;
}

Deno.test("Jit compiles what is hot and puts it in place; most instructions then run in regions", () => {
  const m = debuggedMachine(LOOP);
  m.run(6_000_000);
  const { counts } = jitOf(m), { shares, jit } = engineReport(m.machine.engine, m.machine.vcpus);
  assertEquals([counts.regions, counts.requested, counts.tooShort, counts.late], [1, 1, 0, 0]);
  assert(shares.translated > 0.9, `translated: ${shares.translated}`);
  assertEquals(jit, counts);
});

Deno.test("jitReport() shows the hottest region from its root on", () => {
  const m = debuggedMachine(LOOP);
  m.run(6_000_000);
  const [region] = hottestRegions(m.machine.engine, 5, 3);
  assertEquals(region.address, m.at("loop"));
  assert(region.share > 0.9);
  const address = m.at("loop").toString(16);
  assertEquals(region.listing[0], `${address}  add x2, x2, x0`);
  assertEquals(region.listing.length, 3);
  assertStringIncludes(jitReport(m.machine.engine, m.machine.vcpus), `${address}: ${region.instructions} instructions`);
});

Deno.test("Jit drops the regions of a page that is written to, and says why", () => {
  const m = debuggedMachine(LOOP);
  m.run(10_000_000);
  assertEquals(jitOf(m).counts.dropped, { written: 1, recycled: 0 });
  assertEquals(m.vcpu.xLo(0), 0);
});

Deno.test("Jit.compileAt() compiles a region before it is hot", () => {
  const m = debuggedMachine(LOOP), { code } = m.machine.engine;
  const host = m.machine.ram.hostOffset(Number(m.at("loop")));
  assertEquals(jitOf(m).compileAt(code.recordsOf(host >>> 12) + (host & 0xfff) * 4), true);
  assertEquals(jitOf(m).counts.regions, 1);
  assertEquals([...jitOf(m).regionsOf(code.slotOf(code.recordsOf(host >>> 12)))].length, 1);
});

Deno.test("jitReport() of a machine without JIT says so", () => {
  const machine = new Machine({
    ramBytes: 1 << 20,
    cpuCount: 1,
    model: CPU_MODELS.max,
    highestEl: 1,
    time: "virtual",
    jit: false,
  });
  assertEquals(engineReport(machine.engine, machine.vcpus).jit, null);
  assertStringIncludes(jitReport(machine.engine, machine.vcpus), "the JIT is off");
});
