import { assertEquals } from "@std/assert";
import { debuggedMachine } from "./fixture.ts";
import { registerNamed } from "./registers.ts";
import { mappedRanges, stage1Tables, walkSteps } from "./table_walk.ts";

const ROOT = 0x4010_0000n, LEVEL2 = 0x4010_1000n, LEVEL3 = 0x4010_2000n;
const AF = 1n << 10n, READ_ONLY = 1n << 7n, USER = 1n << 6n, UXN = 1n << 54n, PXN = 1n << 53n;
const MAIR = 0x00ffn;

/** 39-bit addresses: a block of 1 GiB of devices, RAM in blocks and pages. */
function machine() {
  const target = debuggedMachine("b .\n");
  const { vcpu, debugger: dbg } = target;
  const put = (table: bigint, index: number, descriptor: bigint) =>
    dbg.memory.writeNumber(vcpu, "physical", table + BigInt(8 * index), 8, descriptor);
  put(ROOT, 0, 0x0n | AF | 1n << 2n | UXN | PXN | 1n);
  put(ROOT, 1, LEVEL2 | 3n);
  put(LEVEL2, 0, 0x4000_0000n | AF | 1n);
  put(LEVEL2, 1, 0x4020_0000n | AF | 1n);
  put(LEVEL2, 2, LEVEL3 | 3n | 1n << 60n);
  put(LEVEL3, 0, 0x4040_0000n | AF | READ_ONLY | USER | 3n);
  put(LEVEL3, 1, 0x4050_0000n | AF | USER | 3n);
  put(LEVEL3, 2, 0x4050_1000n | AF | USER | 3n);
  const set = (name: string, value: bigint) => registerNamed(name).write(vcpu, value);
  set("TCR_EL1", 25n | 1n << 23n | 5n << 32n);
  set("TTBR0_EL1", ROOT);
  set("MAIR_EL1", MAIR);
  set("SCTLR_EL1", 0x30d0_1805n);
  const read = (address: number) => dbg.memory.readNumber(vcpu, "physical", BigInt(address), 8);
  return { ...target, read };
}

Deno.test("the ranges of stage 1, neighbours joined, permissions of table descriptors applied", () => {
  const { vcpu, read } = machine();
  const [set, ...none] = stage1Tables(vcpu, 1);
  assertEquals(none, []);
  assertEquals([set.name, set.inputBits, set.startLevel], ["TTBR0_EL1", 39, 1]);
  const ranges = [...mappedRanges(set, read, MAIR)].map((r) =>
    `${r.start.toString(16)}-${r.end.toString(16)} ${r.output.toString(16)} ${r.level} ${r.attributes}`
  );
  assertEquals(ranges, [
    "0-40000000 0 1 EL1 rw- EL0 --- nGnRnE",
    "40000000-40400000 40000000 2 EL1 rwx EL0 --x WB",
    "40400000-40401000 40400000 3 EL1 r-x EL0 r-- WB",
    "40401000-40403000 40500000 3 EL1 rwx EL0 rw- WB",
  ]);
});

Deno.test("what the walk says is what the MMU does", () => {
  const { vcpu, read, debugger: dbg } = machine();
  const [set] = stage1Tables(vcpu, 1);
  for (
    const address of [0x0900_0000n, 0x4012_3456n, 0x4030_0000n, 0x4040_0ff8n, 0x4040_2010n, 0x4040_3000n, 0x8000_0000n]
  ) {
    const last = walkSteps(set, address, read, MAIR).at(-1)!.meaning;
    const physical = dbg.memory.physicalOf(vcpu, "virtual", address);
    const shown = /^(?:page|block), 0x([\da-f]+)/.exec(last)?.[1];
    assertEquals(shown === undefined ? -1 : parseInt(shown, 16), physical, `0x${address.toString(16)}: ${last}`);
  }
});

Deno.test("no tables while the MMU is off", () => {
  const { vcpu } = debuggedMachine("b .\n");
  assertEquals(stage1Tables(vcpu, 1), []);
});
