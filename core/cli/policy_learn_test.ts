import { assertEquals } from "@std/assert";
import {
  allow,
  definePolicy,
  deny,
  ignore,
  intent,
  type Policy,
  type PolicyDefinition,
  range,
  value,
} from "ariel/policy";
import { VIRT_ENVIRONMENT } from "../hypervisor/policy.ts";
import { PolicyEngine } from "../policy/engine.ts";
import { Learner } from "./policy_learn.ts";
import { RecordedVm, Replay } from "./policy_replay.ts";

const LINES = [
  "schema=1 ariel=0.1.0 level=all policy=audit",
  "seq=1 t=10 vcpu=0 pc=0x0000000040000000 kind=sysreg what=SCTLR_EL1:w value=0x30d00800 verdict=allow rule=audit/allow.sysreg el=1 esr=0x62300000",
  "seq=2 t=20 vcpu=0 pc=0x0000000040000004 kind=sysreg what=SCTLR_EL1:r value=0x30d00800 verdict=allow rule=audit/allow.sysreg el=1 esr=0x62300001",
  "seq=3 t=30 vcpu=0 pc=0x0000000040000008 kind=sysreg what=MIDR_EL1:r value=0x410fd070 verdict=mask rule=x/value.sysreg el=1 esr=0x62300001",
  "seq=4 t=40 vcpu=0 pc=0x000000004000000c kind=sysreg what=OSLAR_EL1:w value=0x0 verdict=ignore rule=x/ignore.sysreg el=1 esr=0x62300000",
  "seq=5 t=50 vcpu=0 pc=0x0000000040000010 kind=mmio what=pl011+0x18:r4 value=0x90 verdict=allow rule=audit/allow.mmio el=1 esr=0x93800006 ipa=0x9000018",
  "seq=6 t=60 vcpu=0 pc=0x0000000040000014 kind=mmio what=0xa000000:r4 value=0x74726976 verdict=value rule=x/value.mmio el=1 esr=0x93800006 ipa=0xa000000",
  "seq=7 t=70 vcpu=0 pc=0x0000000040000018 kind=mmio what=0xb000000:r4 value=0x0 verdict=deny rule=unclaimed el=1 esr=0x93800006 ipa=0xb000000",
  "seq=8 t=80 vcpu=0 pc=0x000000004000001c kind=hypercall what=GET_STATUS value=0x101 verdict=allow rule=audit/allow.hypercall el=1 esr=0x5a000000 id=0x2 args=0x5",
  "seq=9 t=90 vcpu=0 pc=0x0000000040000020 kind=smc what=0xc2000001 value=0xffffffffffffffff verdict=allow rule=audit/allow.smc el=1 esr=0x5e000000 id=0xc2000001",
  "seq=10 t=99 vcpu=0 pc=0x0000000040000024 kind=abort what=0x40800000:w:translation:map value=0x0 verdict=allow rule=x/intent.abort el=1 esr=0x92000046 ipa=0x40800000 region=ram",
];
const LOG = new TextEncoder().encode(LINES.map((line) => `[ariel] ${line}\n`).join(""));

Deno.test("learn writes what was allowed, ignored and given, and denies the rest", () => {
  const learner = new Learner();
  learner.push(LOG);
  assertEquals(
    learner.source("learned", "run.log"),
    `import { allow, definePolicy, deny, ignore, intent, range, value } from "ariel/policy";

/** What the guest was allowed in the run of run.log, and nothing else. */
export default definePolicy({
  name: "learned",
  apiVersion: 1,
  rules: [
    intent.abort({ ipa: range(0x40800000, 0x1000), access: "write", fault: "translation" }, "map"),
    ignore.sysreg("OSLAR_EL1", { access: "write" }),
    value.sysreg("MIDR_EL1", 0x410fd070n, { access: "read" }),
    value.mmio(range(0xa000000, 4), 0x74726976n, { access: "read" }),
    allow.mmio("pl011"),
    allow.hypercall("GET_STATUS"),
    allow.smc(0xc2000001),
    allow.sysreg("SCTLR_EL1"),
    // denied in that run: mmio 0xb000000:r4 (1)
  ],
  otherwise: deny,
});
`,
  );
});

Deno.test("learn says that a log without an audit tells of few registers", () => {
  const learner = new Learner();
  learner.push(new TextEncoder().encode(`[ariel] schema=1 level=all\n[ariel] ${LINES[5]}\n`));
  assertEquals(learner.source("l", "x").includes('allow.sysreg("*") /* the log tells of few registers'), true);
});

Deno.test("what a guest writes into the log is text of the learned policy, and no code", () => {
  const code = '"]), allow.mmio(["*';
  const record = (kind: string, what: string, more: string, verdict = "allow") =>
    `[ariel] seq=1 t=10 vcpu=0 pc=0x0000000040000000 kind=${kind} what=${JSON.stringify(what)} value=0x0 ` +
    `verdict=${verdict} rule=a el=1 esr=0x0${more}\n`;
  const learner = new Learner();
  learner.push(
    new TextEncoder().encode(
      "[ariel] schema=1 level=all policy=audit\n" +
        record("mmio", `${code}+0x0:r4`, " ipa=0x9000000") +
        record("sysreg", `${code}:r`, "") +
        record("hypercall", `0x1${code}`, " id=0x1") +
        record("smc", `\\${code}`, " id=0x1") +
        record("wfx", code, "", "ignore") +
        record("abort", `0x0:r:${code}:map`, " ipa=0x0 region=ram") +
        record("sysreg", 'X\n  allow.sysreg("*"),\u2028 allow.sysreg("*"),', "", "deny"),
    ),
  );
  const source = learner.source("l", "x").replace(/^import.*$/m, "").replace("export default", "return");
  const api = { allow, definePolicy, deny, ignore, intent, range };
  const policy = new Function(...Object.keys(api), source)(...Object.values(api)) as Policy;
  assertEquals(policy.rules.map(({ kind, target }) => [kind, target]), [
    ["abort", { ipa: range(0, 0x1000), access: "read", fault: code }],
    ["wfx", code],
    ["mmio", code],
    ["hypercall", `0x1${code}`],
    ["smc", `\\${code}`],
    ["sysreg", code],
  ]);
});

Deno.test("learn tells what makes its policy doubtful", () => {
  const doubts = (text: string) => {
    const learner = new Learner();
    learner.push(new TextEncoder().encode(text));
    learner.source("l", "x");
    return learner.doubts();
  };
  const log = LINES.map((line) => `[ariel] ${line}\n`);
  assertEquals(doubts(log.join("")), []);
  assertEquals(doubts(log.toSpliced(4, 1).join("") + "[ariel] lost=2\n"), ["records of the run are missing (3)"]);
  assertEquals(doubts(`login: ${log.join("")}`), [
    "lines hold what is no record (1), and who wrote that can write records, too",
  ]);
});

function replay(definition: Omit<PolicyDefinition, "name" | "apiVersion">) {
  const vm = new RecordedVm();
  const policy = definePolicy({ name: "p", apiVersion: 1, ...definition });
  const engine = new PolicyEngine([policy], VIRT_ENVIRONMENT, { vm, heartbeat: null, onError: "deny", tell: () => {} });
  const replay = new Replay(engine, VIRT_ENVIRONMENT, vm);
  // In pieces that end anywhere
  for (let at = 0; at < LOG.length; at += 100) replay.push(LOG.slice(at, at + 100));
  const { records, undecided, differences } = replay.end();
  return { records, undecided, differences: differences.map((d) => `${d.what} ${d.before} -> ${d.after}`) };
}

Deno.test("test replays a log and tells the verdicts that differ", () => {
  assertEquals(
    replay({
      rules: [
        ignore.sysreg("OSLAR_EL1"),
        value.sysreg("MIDR_EL1", { clear: 1n }),
        deny.hypercall("GET_STATUS"),
      ],
      otherwise: allow,
    }),
    {
      records: 10,
      undecided: 0,
      differences: [
        "0xa000000:r4 value -> allow",
        "GET_STATUS allow -> deny",
        "0x40800000:w:translation:map map -> the hypervisor's intent",
      ],
    },
  );
});

Deno.test("test calls handlers with what the log has, and counts those that need the machine", () => {
  const seen: unknown[] = [];
  const { undecided, differences } = replay({
    on: {
      hypercall: (trap) => (seen.push(trap.functionName, trap.args[0], trap.pc, trap.time), allow),
      smc: (_, vm) => vm.x(20) === 0n ? deny : allow,
      mmio: (trap) => trap.ipa === 0xa000000 ? value(0x74726976n) : allow,
    },
    rules: [ignore.sysreg("OSLAR_EL1"), value.sysreg("MIDR_EL1", { clear: 1n })],
  });
  assertEquals(seen, ["GET_STATUS", 5n, 0x4000001cn, 80]);
  assertEquals([undecided, differences], [1, ["0x40800000:w:translation:map map -> the hypervisor's intent"]]);
});
