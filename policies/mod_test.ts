import { assertEquals, assertThrows } from "@std/assert";
import {
  allow,
  ask,
  definePolicy,
  deny,
  ignore,
  intent,
  kill,
  pass,
  pause,
  type PolicyDefinition,
  range,
  value,
} from "ariel/policy";
import { BUILT_IN_POLICIES } from "../core/policy/built_in.ts";

Deno.test("A verdict is itself a verdict, and a function that makes it with options", () => {
  for (const [verdict, action] of [[allow, "allow"], [ignore, "ignore"], [pass, "pass"], [pause, "pause"]] as const) {
    assertEquals(verdict.action, action);
    assertEquals(verdict({ log: "never", because: "so" }), { action, log: "never", because: "so" });
  }
  assertEquals(deny({ inject: "abort" }), { action: "deny", inject: "abort" });
  assertEquals(kill(), { action: "kill" });
  assertEquals(kill(7, { because: "no" }), { action: "kill", code: 7, because: "no" });
  assertEquals(intent("map"), { action: "intent", intent: "map" });
});

Deno.test("value takes numbers, bigints and masks, as 64 bits without sign", () => {
  assertEquals(value(5), { action: "value", value: 5n });
  assertEquals(value(5n), { action: "value", value: 5n });
  assertEquals(value(-1).value, 2n ** 64n - 1n);
  assertEquals(value({ clear: 0xf0, set: 1n }), { action: "value", value: 1n, clear: 0xf0n });
  assertEquals(value({ set: 1n }, { log: "once" }), { action: "value", value: 1n, clear: 0n, log: "once" });
  assertThrows(() => value(1n << 64n), RangeError, "does not fit in 64 bits");
  assertThrows(() => value(1.5), TypeError, "a whole number or bigint: it is 1.5");
  assertThrows(() => value("1" as never), TypeError, 'it is "1"');
  assertThrows(() => value({} as never), TypeError, "it needs a value");
  assertThrows(() => value({ mask: 1 } as never), TypeError, 'a value has no "mask"');
});

Deno.test("Rules hold their kind, target, verdict and options", () => {
  const { origin, ...rule } = deny.sysreg("DBG*", { log: "once", access: "write", limit: { count: 1, perSeconds: 2 } });
  assertEquals(rule, {
    kind: "sysreg",
    target: "DBG*",
    verdict: { action: "deny", log: "once" },
    access: "write",
    limit: { count: 1, perSeconds: 2 },
  } as never);
  assertEquals(origin instanceof Error, true);
  assertEquals(ask.mmio().verdict, "ask");
  assertEquals(value.mmio("pl011", { clear: 1 }).verdict, { action: "value", value: 0n, clear: 1n });
  assertEquals(intent.abort({ region: "ram" }, "skip", { because: "so" }).verdict, {
    action: "intent",
    intent: "skip",
    because: "so",
  });
});

Deno.test("Options that mean nothing are refused where they stand", () => {
  const cases: [() => unknown, string][] = [
    [() => allow({ log: "sometimes" as never }), 'log must be default or always or once or never: it is "sometimes"'],
    [() => allow({ limit: 1 } as never), "allow as limit must be { count, perSeconds }"],
    [() => allow({ access: "read" } as never), 'allow as it has no option "access"'],
    [() => allow.smc("PSCI_*", { access: "read" } as never), 'allow.smc as it has no option "access"'],
    [() => allow.mmio("pl011", { inject: "abort" } as never), 'it has no option "inject"'],
    [() => deny({ inject: "serror" as never }), "inject must be default or undefined or abort or notSupported"],
    [() => kill(256), "code must be 0 to 255: it is 256"],
    [() => allow.smc("PSCI_*", { limit: { count: 1 } as never }), "limit must be { count, perSeconds }"],
    [() => allow.smc("PSCI_*", 7 as never), "its options must be an object: they are 7"],
    [() => allow({ because: 1 as never }), "because must be text: it is 1"],
    [() => intent("jump" as never), "the intent must be map or emulate or inject or skip or pause or kill"],
    [() => intent.abort({}, undefined as never), "it needs an intent"],
  ];
  for (const [make, message] of cases) assertThrows(make, Error, message);
});

Deno.test("range is a half-open interval of at most 52 bits", () => {
  assertEquals(range(0x1000, 0x10), { start: 0x1000, bytes: 0x10 });
  assertEquals(range(0x1000n, 16n), { start: 0x1000, bytes: 16 });
  assertEquals(range(2 ** 52 - 1, 1).start, 2 ** 52 - 1);
  for (
    const [start, bytes] of [[-1, 1], [0, 0], [0, -1], [1.5, 1], [NaN, 1], [2 ** 52, 1], [2 ** 52 - 1, 2], [
      0n,
      1n << 60n,
    ]]
  ) {
    assertThrows(() => range(start, bytes), RangeError, "Cannot use range(");
  }
});

Deno.test("definePolicy gives what is left out, and refuses what is no policy", () => {
  const policy = definePolicy({ name: "p", apiVersion: 1 });
  assertEquals([policy.rules, policy.on, policy.otherwise.action, Object.isFrozen(policy)], [[], {}, "pass", true]);
  const define = (definition: unknown) => () => definePolicy(definition as PolicyDefinition);
  const cases: [unknown, string][] = [
    [7, "Cannot define a policy from 7"],
    [{ apiVersion: 1 }, "its name must be one word: it is undefined"],
    [{ name: "two words", apiVersion: 1 }, 'its name must be one word: it is "two words"'],
    [{ name: "p" }, "it is for apiVersion undefined: this Ariel has 1"],
    [{ name: "p", apiVersion: 1, rule: [] }, 'a policy has no "rule"'],
    [{ name: "p", apiVersion: 1, rules: {} }, "its rules must be an array"],
    [{ name: "p", apiVersion: 1, rules: [allow] }, "rules[0] is no rule: it is a verdict, which needs a kind"],
    [{ name: "p", apiVersion: 1, rules: [allow.smc(), 3] }, "rules[1] is no rule"],
    [{ name: "p", apiVersion: 1, on: { mmoi: () => allow } }, 'there is no kind of trap "mmoi"'],
    [{ name: "p", apiVersion: 1, on: { mmio: allow.mmio() } }, "on.mmio must be a function"],
    [{ name: "p", apiVersion: 1, on: { mmio: function* () {} } }, "is async or a generator"],
    [{ name: "p", apiVersion: 1, rules: [ask.wfx()] }, "ask.wfx has nobody to ask: it needs on.wfx"],
    [{ name: "p", apiVersion: 1, otherwise: value(0n) }, "otherwise must be allow or ignore or deny"],
  ];
  for (const [definition, message] of cases) assertThrows(define(definition), TypeError, message);
});

Deno.test("Every rule of a built-in policy says why", () => {
  for (const [name, { rules }] of BUILT_IN_POLICIES) {
    for (const { verdict, kind, target } of rules) {
      const why = verdict === "ask" ? "" : verdict.because;
      assertEquals(Boolean(why), true, `${name}: ${kind} ${target}`);
    }
  }
});

Deno.test("Names are checked by the compiler, and completed by editors", () => {
  deny.sysreg(["OSLAR_EL1", "DBG*", "S3_1_C15_C2_0"]);
  // @ts-expect-error there is no such register
  deny.sysreg("OSLAR_EL2");
  allow.smc(["PSCI_CPU_ON", "SDEI_*", 0x8400_0000, range(0xc200_0000, 0x100)]);
  // @ts-expect-error there is no such function
  allow.smc("PSCI_CPU_NO");
  // @ts-expect-error there is no such wait
  ignore.wfx("WFA");
  // @ts-expect-error a handler answers at once
  definePolicy({ name: "p", apiVersion: 1, on: { smc: (trap) => Promise.resolve(trap.functionId ? allow : deny) } });
  definePolicy({
    name: "p",
    apiVersion: 1,
    on: { mmio: (trap) => trap.isWrite ? deny : trap.size === 4 ? value(0n) : undefined },
  });
});
