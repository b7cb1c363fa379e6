import { assertEquals } from "@std/assert";
import { allow, ask, definePolicy, deny, ignore, type PolicyDefinition, range, value } from "ariel/policy";
import { checkPolicies } from "./check.ts";
import { PolicyEngine } from "./engine.ts";
import type { PolicyEnvironment } from "./environment.ts";
import { explainTrap } from "./explain.ts";
import { showHits } from "./hits.ts";
import type { HandlerHost } from "./handlers.ts";
import { parseTrap } from "./trap_text.ts";
import type { TrapKind } from "./trap.ts";

const ENVIRONMENT: PolicyEnvironment = {
  devices: [{ name: "pl011", base: 0x0900_0000, bytes: 0x1000 }],
  functions: {
    hypercall: [{ id: 0, name: "GET_HV_ID" }],
    smc: [{ id: 0x8400_0000, name: "PSCI_VERSION" }, { id: 0x8400_0001, name: "PSCI_CPU_SUSPEND" }],
  },
  ram: { start: 0x4000_0000, end: 0x7000_0000 },
};

function engine(...definitions: Omit<PolicyDefinition, "name" | "apiVersion">[]): PolicyEngine {
  const policies = definitions.map((d, n) => definePolicy({ name: `p${n}`, apiVersion: 1, ...d }));
  return new PolicyEngine(
    policies,
    ENVIRONMENT,
    { vm: null, heartbeat: null, onError: "deny", tell: () => {} } as unknown as HandlerHost,
  );
}

Deno.test("check tells what calls JavaScript, and what is never reached or only in part", () => {
  const { policies: [report], trappedSysregs, trapsWaits, decidesAborts } = checkPolicies(engine({
    rules: [
      allow.smc("PSCI_*"),
      deny.smc("PSCI_VERSION"),
      deny.smc(range(0x8400_0000, 0x100)),
      deny.sysreg("OSLAR_EL1"),
      ignore.sysreg("OSLAR_EL1"),
      allow.sysreg("OS*"),
      ask.mmio("pl011", { access: "write" }),
      value.mmio("pl011", 0n),
      ignore.wfx("WFE"),
      allow.abort({ region: "ram" }),
    ],
    on: { mmio: () => deny, hypercall: () => allow },
  }));
  assertEquals(report.calls, ["p0/ask.mmio:pl011:write", "p0/on.hypercall"]);
  assertEquals(report.shadowed.map(({ rule, by, isUnreachable }) => [rule, by, isUnreachable]), [
    ["p0/deny.smc:PSCI_VERSION", "p0/allow.smc:PSCI_*", true],
    ["p0/deny.smc:0x84000000+0x100", "p0/allow.smc:PSCI_*", false],
    ["p0/ignore.sysreg:OSLAR_EL1", "p0/deny.sysreg:OSLAR_EL1", true],
    ["p0/allow.sysreg:OS*", "p0/deny.sysreg:OSLAR_EL1", false],
    ["p0/value.mmio:pl011", "p0/ask.mmio:pl011:write", false],
  ]);
  assertEquals([trappedSysregs, trapsWaits, decidesAborts], [1, true, true]);
});

Deno.test("check tells of rules that cannot do what they say", () => {
  const { policies: [{ remarks }] } = checkPolicies(engine({
    rules: [
      deny.mmio(range(0x4100_0000, 0x1000)),
      deny.mmio([range(0x3fff_f000, 0x2000)]),
      deny.mmio("virtio-blk"),
      deny.mmio("v*x"),
      deny.mmio([]),
      deny.sysreg([]),
      deny.exception(0x3c),
      deny.exception([0x15, 0x3c]),
      ignore.exception(),
      allow.exception(0x15),
      deny.mmio("pl011"),
      deny.mmio(),
    ],
  }));
  const ram = "loads and stores of guest RAM do not trap", undo = "cannot undo what the guest takes itself";
  assertEquals(remarks.map(({ rule, text }) => [rule, text.split(/: it/)[0]]), [
    ["p0/deny.mmio:0x41000000+0x1000", `never takes effect: ${ram}`],
    ["p0/deny.mmio:0x3ffff000+0x2000", `takes effect in part: ${ram}`],
    ["p0/deny.mmio:virtio-blk", "matches nothing on this machine"],
    ["p0/deny.mmio:v*x", "matches nothing on this machine"],
    ["p0/deny.mmio", "matches nothing on this machine"],
    ["p0/deny.sysreg", "matches nothing on this machine"],
    ["p0/deny.exception:21,60", undo],
    ["p0/ignore.exception", undo],
  ]);
});

Deno.test("explain tells what does not come to EL2", () => {
  const trapped = (e: PolicyEngine, kind: TrapKind, text: string) =>
    explainTrap(e, parseTrap(kind, text, ENVIRONMENT)!).trapped;
  const e = engine({ rules: [deny.exception(0x15), deny.mmio()] }), debug = engine({ rules: [deny.exception(0x3c)] });
  assertEquals(trapped(e, "exception", "0x15"), "the guest takes it: deny and ignore cannot undo it");
  assertEquals([trapped(e, "exception", "0x3c"), trapped(debug, "exception", "0x3c")], [
    "no: no rule asks for it",
    "yes: before the guest takes it",
  ]);
  assertEquals([trapped(e, "mmio", "0x41000000:r4"), trapped(e, "mmio", "pl011")], ["no: there is guest RAM", "yes"]);
});

Deno.test("explain tells the verdict, who gives it, and the turns", () => {
  const e = engine(
    {
      rules: [
        value.sysreg("MIDR_EL1", { clear: 0xf }, { because: "no revision" }),
        deny.smc("PSCI_VERSION", { limit: { count: 2, perSeconds: 1 } }),
      ],
    },
    { rules: [deny.mmio("pl011")], otherwise: allow },
  );
  const ask = (kind: TrapKind, text: string) => explainTrap(e, parseTrap(kind, text, ENVIRONMENT)!);
  const midr = ask("sysreg", "MIDR_EL1");
  assertEquals([midr.what, midr.verdict, midr.rule, midr.because, midr.trapped], [
    "MIDR_EL1:r",
    "mask (clear 0xf, set 0x0)",
    "p0/value.sysreg:MIDR_EL1",
    "no revision",
    "yes: a rule asks for it",
  ]);
  assertEquals(ask("smc", "PSCI_VERSION").steps.map(({ rule, what }) => `${rule}: ${what}`), [
    "p0/deny.smc:PSCI_VERSION: deny, 2 times in 1 s",
    "p1/otherwise: allow",
  ]);
  assertEquals([ask("mmio", "pl011+0x18:r4").verdict, ask("mmio", "0x09000018:w").rule], [
    "deny",
    "p1/deny.mmio:pl011",
  ]);
  assertEquals(
    ask("sysreg", "MIDR_EL1:w").trapped,
    "yes: a guest has nothing there, and gets UNDEFINED unless a policy gives it more",
  );
  assertEquals([ask("wfx", "wfi").rule, ask("exception", "0x3c").rule], ["", ""]);
});

Deno.test("The hits of rules, handlers and otherwise are shown", () => {
  const e = engine({
    rules: [allow.mmio("pl011", { because: "the console" }), ask.smc()],
    on: { smc: () => undefined, hypercall: (trap) => trap.functionId === 0 ? allow : undefined },
    otherwise: deny({ because: "the rest" }),
  });
  const traps = [["mmio", "pl011"], ["smc", "PSCI_VERSION"], ["hypercall", "0"], ["hypercall", "1"], [
    "sysreg",
    "MIDR_EL1",
  ]];
  for (const [kind, text] of traps) e.decide(parseTrap(kind as TrapKind, text, ENVIRONMENT)!);
  assertEquals(
    showHits(e),
    `p0: 2 rules
         1  p0/allow.mmio:pl011  (the console)
         1  p0/ask.smc
         2  p0/on.hypercall
         3  p0/otherwise  (the rest)`,
  );
});

Deno.test("Texts that mean no trap are told", () => {
  for (
    const [kind, text] of [
      ["mmio", "pl012"],
      ["mmio", "0x10000000000000"],
      ["sysreg", "FOO_EL1"],
      ["sysreg", "MIDR_EL1:x"],
      ["smc", "PSCI"],
      ["smc", "0x100000000"],
      ["wfx", "WFA"],
      ["exception", "64"],
      ["abort", "0x40000000:jump:permission"],
    ] as const
  ) {
    assertEquals(parseTrap(kind, text, ENVIRONMENT), null, text);
  }
  assertEquals(parseTrap("abort", "0x40000000:x:permission", ENVIRONMENT)!.what, "0x40000000:x:permission:inject");
});

Deno.test("Ten thousand rules are compiled in a moment", () => {
  const rules = Array.from({ length: 10_000 }, (_, i) => deny.mmio(range(0x1000_0000 + 16 * i, 8)));
  const start = performance.now();
  const e = engine({ rules });
  const at = 0x1000_0000 + 16 * 9999;
  assertEquals(e.mmioChain(at, true).steps.map(({ label }) => label), [`p0/deny.mmio:0x${at.toString(16)}+0x8`]);
  assertEquals(e.mmioChain(at + 8, true).steps, []);
  assertEquals(performance.now() - start < 2000, true);
});
