import { assertEquals } from "@std/assert";
import { allow, definePolicy, deny, ignore, kill, pause, type PolicyDefinition } from "ariel/policy";
import { PolicyEngine } from "../policy/engine.ts";
import { HypervisorFixture } from "./fixture.ts";
import { attachPolicy, environmentOf, PolicyView } from "./policy.ts";

/** A guest whose exceptions at EL1 go on behind the instruction, with x19 counting them. */
function run(definition: Omit<PolicyDefinition, "name" | "apiVersion"> | null, source: string) {
  const f = new HypervisorFixture();
  if (definition !== null) {
    const policy = definePolicy({ name: "p", apiVersion: 1, ...definition });
    const host = { vm: new PolicyView(f.vm, () => {}), heartbeat: null, onError: "deny", tell: () => {} } as const;
    attachPolicy(f.vm, new PolicyEngine([policy], environmentOf(f.vm), host));
  }
  f.runGuest(`
    mov x19, #0
    adr x1, table
    msr vbar_el1, x1
    isb
    ${source}
    off
    .balign 2048
table:
${
    Array.from({ length: 16 }, () => `
    .balign 128
    add x19, x19, #1
    mrs x18, esr_el1
    mrs x17, elr_el1
    lsr x16, x18, #26
    cmp x16, #0x15
    b.eq 1f
    add x17, x17, #4
    msr elr_el1, x17
1:  eret`).join("")
  }`);
  const records = f.lines.filter((line) => line.includes("kind=exception")).map((line) =>
    /pc=0x0*([\da-f]+) .*what=(\S+) .*verdict=(\w+) rule=(\S+) el=(\d)/.exec(line)!.slice(1).join(" ")
  );
  return { f, records, taken: f.x(19) };
}

const EXCEPTIONS = "svc #3\nbrk #7\nudf #0\nmov x1, #0x123\nldr x2, [x1, xzr]";

Deno.test("Exceptions that a guest takes are told to policy and log, each of them, and cost nothing where nobody asks", () => {
  const source = `${EXCEPTIONS}\nsvc #4`;
  const { records, taken, f } = run({ rules: [allow.exception(undefined, { log: "always" })] }, source);
  assertEquals(taken, 5n);
  assertEquals(records.map((record) => record.split(" ").slice(1).join(" ")), [
    "SVC allow p/allow.exception 1",
    "BRK allow p/allow.exception 1",
    "Unknown_reason allow p/allow.exception 1",
    "Data_Abort allow p/allow.exception 1",
    "SVC allow p/allow.exception 1",
  ]);
  const counts = [null, {}, { rules: [allow.exception()] }].map((definition) => {
    const { f, taken } = run(definition, source);
    return [f.machine.instructions, f.vm.trapCount, taken];
  });
  assertEquals(counts, counts.map(() => counts[0]));
  assertEquals(f.machine.instructions, counts[0][0]);
});

Deno.test("Exceptions of EL0 are seen, too, and only those that rules are about", () => {
  const { records } = run(
    { rules: [allow.exception(0x15, { log: "always" })] },
    "adr x1, 2f\nmsr elr_el1, x1\nmsr spsr_el1, xzr\neret\n2: svc #1\nudf #0\nsvc #2\nldr x0, =0x84000008\n3: svc #5\nb 3b",
  );
  assertEquals(records.slice(0, 3).map((record) => record.slice(-1)), ["0", "0", "0"]);
  assertEquals(records.every((record) => record.includes("SVC")), true);
});

Deno.test("An exception of the guest can end it, stop it, and is handed to handlers", () => {
  const killed = run({ rules: [kill.exception(0, { code: 9 })] }, EXCEPTIONS);
  assertEquals([killed.f.events, killed.taken, killed.records.length], [["kill 9"], 2n, 1]);
  assertEquals(run({ rules: [pause.exception(0x15)] }, EXCEPTIONS).f.events, ["pause", "off"]);
  const seen: unknown[] = [];
  const { taken } = run({
    on: {
      exception: (trap, vm) => {
        seen.push([trap.syndrome >>> 26, trap.isTaken, vm.x(1)]);
        return deny;
      },
    },
  }, "mov x1, #5\nsvc #3\nbrk #7");
  // Refused before the guest takes it, BRK is UNDEFINED
  assertEquals([seen, taken], [[[0x15, true, 5n], [0x3c, false, 5n]], 2n]);
});

Deno.test("Debug exceptions can be refused, and are the guest's where they are allowed", () => {
  const denied = run({ rules: [deny.exception(0x3c)] }, "brk #7");
  assertEquals([denied.f.x(18) >> 26n, denied.taken, denied.records.length], [0n, 1n, 1]);
  const ignored = run({ rules: [ignore.exception(0x3c)] }, "brk #7");
  assertEquals([ignored.taken, ignored.records.length], [0n, 0]);
  const other = run({ rules: [deny.exception(0x30)] }, "brk #7");
  assertEquals([other.f.x(18), other.taken], [0xf200_0007n, 1n]);
});

Deno.test("Exceptions that a guest reports are decided on", () => {
  const report = "mov x0, #5\nmov x1, #0xf2000000\nmov x2, #0x100\nhvc #0\nmov x2, x0";
  const denied = run({ rules: [deny.exception(0x3c)] }, report);
  assertEquals(BigInt.asIntN(64, denied.f.x(2)), -3n);
  assertEquals(denied.records, ["100 BRK deny p/deny.exception:60 1"]);
  assertEquals(run({ rules: [kill.exception()] }, report).f.events, ["kill 4"]);
  assertEquals(run(null, report).f.x(2), 0n);
});
