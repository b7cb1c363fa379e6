import { assertEquals } from "@std/assert";
import { sampleDecisions } from "./fixture.ts";
import { LogReader } from "./log_reader.ts";
import { TrapReplay } from "./replay.ts";
import { TrapCommon } from "../policy/trap.ts";
import { testingStored } from "../../tests/needs.ts";

/** All that a trap says of itself. */
function dump(trap: object): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(trap).map(([key, value]) => [
      key,
      ArrayBuffer.isView(value) ? String(value) : value instanceof TrapCommon ? { ...value } : value,
    ]),
  );
}

testingStored("Traps come out of a log as they went in", async () => {
  const replay = new TrapReplay(), seen: Record<string, unknown>[] = [];
  const reader = new LogReader({
    record: (record) => {
      const trap = replay.trap(record);
      if (trap) seen.push(dump(trap));
    },
  });
  reader.push(await Deno.readFile(new URL("./golden/all.text.log", import.meta.url)));
  const expected = sampleDecisions().map(([trap]) => {
    // X0 is the function identifier, of which only W0 is recorded
    if (trap.kind === "hypercall" || trap.kind === "smc") trap.registers[0] = trap.functionId;
    return dump(trap);
  });
  assertEquals(seen, expected);
});
