import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { Decoder } from "../../a64/decoder.ts";
import { MEANINGS } from "../../a64/table.ts";
import { CPU_MODELS } from "../../cpu/features.ts";
import { HOT, HOT_COUNTERS } from "../../cpu/layout.ts";
import { type DebuggedMachine, debuggedMachine } from "../../debug/fixture.ts";
import { Machine } from "../../machine/machine.ts";
import { COOLING_INSTRUCTIONS, Jit } from "./jit.ts";
import { type CompiledBatch, type CompileRequest, type RegionCompilerService, Translator } from "./translator.ts";
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

Deno.test("what is met seldom does not become hot however long it takes", () => {
  const m = debuggedMachine(LOOP), { vcpu } = m, jit = jitOf(m), first = (vcpu.base + HOT) >>> 1;
  const counters = new Uint16Array(m.machine.buffer).subarray(first - 1, first + HOT_COUNTERS + 1);
  const after = (instructions: number) => {
    counters.fill(7);
    vcpu.instructions = instructions;
    jit.cool(vcpu);
    return [...new Set(counters.subarray(1, -1)), counters[0], counters.at(-1)];
  };
  const kept = [7, 7, 7], forgotten = [0, 7, 7];
  assertEquals(after(COOLING_INSTRUCTIONS - 1), kept);
  assertEquals(after(COOLING_INSTRUCTIONS), forgotten);
  assertEquals(after(2 * COOLING_INSTRUCTIONS - 1), kept);
  assertEquals(after(5 * COOLING_INSTRUCTIONS), forgotten);
  assertEquals(after(6 * COOLING_INSTRUCTIONS - 1), kept);
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
  assertEquals(jitOf(m).counts.dropped, { written: 1, recycled: 0, straddled: 0 });
  assertEquals(m.vcpu.xLo(0), 0);
});

Deno.test("Jit compiles anew where accesses that were checked together keep lying in two pages", () => {
  const m = debuggedMachine(`
    adr     x1, place
loop:
    ldr     x2, [x1]
    ldr     x3, [x1, #16]
    add     x4, x2, x3
    b       loop
    .balign 4096
    .skip   4096 - 16
place: .skip 32
`);
  m.run(1_000_000);
  const { counts } = jitOf(m);
  assertEquals([counts.regions, counts.dropped.straddled], [2, 1]);
  m.run(1_000_000);
  assertEquals([counts.regions, counts.dropped.straddled], [2, 1]);
});

Deno.test("Jit.compileAt() compiles a region before it is hot", () => {
  const m = debuggedMachine(LOOP), { code } = m.machine.engine;
  const host = m.machine.ram.hostOffset(Number(m.at("loop")));
  assertEquals(jitOf(m).compileAt(code.recordsOf(host >>> 12) + (host & 0xfff) * 4, m.vcpu), true);
  assertEquals(jitOf(m).counts.regions, 1);
  assertEquals([...jitOf(m).regionsOf(code.slotOf(code.recordsOf(host >>> 12)))].length, 1);
});

Deno.test("Jit makes no region of one instruction and an exception", () => {
  const compiles = (source: string) => {
    const m = debuggedMachine(source), { code } = m.machine.engine;
    const host = m.machine.ram.hostOffset(Number(m.at("start")));
    const isMade = jitOf(m).compileAt(code.recordsOf(host >>> 12) + (host & 0xfff) * 4, m.vcpu);
    return [isMade, jitOf(m).counts.tooShort];
  };
  assertEquals(compiles("start: mov x0, #1\nhvc #0"), [false, 1]);
  assertEquals(compiles("start: mov x0, #1\nmov x1, #2\nhvc #0"), [true, 0]);
  assertEquals(compiles("start: subs x0, x0, #1\nb.ne start\nhvc #0"), [true, 0]);
});

Deno.test("Jit finds exception handlers hot, and what they return to", () => {
  const m = debuggedMachine(`
        adr     x1, vectors
        msr     vbar_el1, x1
        adr     x1, loop
        msr     elr_el1, x1
        msr     spsr_el1, xzr
        eret
loop:   svc     #0
behind: add     x0, x0, #1
        add     x2, x2, #1
        b       loop
        .balign 2048
vectors:
        .space  0x400
handler: add    x3, x3, #1
        add     x4, x4, #1
        eret`);
  m.run(1_000_000);
  const { code } = m.machine.engine;
  for (const label of ["handler", "behind"]) {
    const host = m.machine.ram.hostOffset(Number(m.at(label))), records = code.recordsOf(host >>> 12);
    const roots = [...jitOf(m).regionsOf(code.slotOf(records))].map(({ record }) => record);
    assertEquals(roots.includes(records + (host & 0xfff) * 4), true, label);
  }
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

/** Compiles when it is told to, as another thread would. */
class SlowCompiler implements RegionCompilerService {
  readonly #translator: Translator;
  readonly #waiting: (readonly CompileRequest[])[] = [];
  #done: CompiledBatch | null = null;

  constructor({ machine }: DebuggedMachine) {
    const decoder = new Decoder(MEANINGS, CPU_MODELS.max.features);
    this.#translator = new Translator(machine.buffer, decoder, machine.vcpus[0].base);
  }
  submit(requests: readonly CompileRequest[]): void {
    this.#waiting.push(requests);
  }
  trapSysregs(encodings: readonly number[]): void {
    this.#translator.trapSysregs(encodings);
  }
  finish(): void {
    this.#done = this.#translator.compile(this.#waiting.shift()!);
  }
  poll(): CompiledBatch | null {
    const done = this.#done;
    this.#done = null;
    return done;
  }
}

/** A Jit with such a compiler, and the record of the loop, which has become hot. */
function slowJit() {
  const m = debuggedMachine(LOOP), { code, handlers } = m.machine.engine, compiler = new SlowCompiler(m);
  const host = m.machine.ram.hostOffset(Number(m.at("loop"))), page = host >>> 12;
  const jit = new Jit(code, handlers, compiler), record = code.recordsOf(page) + (host & 0xfff) * 4;
  code.onDrop = (slot, reason) => jit.drop(slot, reason);
  jit.hot(record, m.vcpu);
  jit.compile();
  return { m, code, compiler, jit, record, page };
}

Deno.test("Jit puts a region in place when its compiler is ready", () => {
  const { m, compiler, jit, record } = slowJit();
  jit.compile();
  assertEquals(jit.counts.regions, 0);
  compiler.finish();
  jit.compile();
  assertEquals([jit.counts.regions, jit.counts.late], [1, 0]);
  jit.hot(record, m.vcpu);
  jit.compile();
  assertEquals(jit.counts.requested, 1);
});

Deno.test("Jit asks for a loop that runs on in its slice, and puts its region in place there", () => {
  const { m, compiler, jit, record } = slowJit();
  const other = record + 16;
  jit.hot(other, m.vcpu);
  compiler.finish();
  jit.hot(other, m.vcpu);
  assertEquals([jit.counts.regions, jit.counts.requested], [1, 2]);
  compiler.finish();
  jit.hot(other, m.vcpu);
  assertEquals(jit.counts.regions + jit.counts.tooShort + jit.counts.postponed, 2);
});

Deno.test("Jit takes no region of a page that was written to meanwhile", () => {
  const { code, compiler, jit, record, page } = slowJit();
  code.invalidate(page);
  assertEquals(code.recordsOf(page) === record, false);
  compiler.finish();
  jit.compile();
  assertEquals([jit.counts.regions, jit.counts.late, jit.counts.dropped.written], [0, 1, 0]);
});

Deno.test("Jit takes no region while there are breakpoints, and asks again when there are none", () => {
  const { m, code, compiler, jit, record } = slowJit();
  code.breakpoints.add(0x1000);
  compiler.finish();
  jit.compile();
  assertEquals([jit.counts.regions, jit.counts.late], [0, 1]);
  code.breakpoints.clear();
  jit.hot(record, m.vcpu);
  jit.compile();
  compiler.finish();
  jit.compile();
  assertEquals(jit.counts.regions, 1);
});
