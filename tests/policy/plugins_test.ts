import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { ariel, FROM_SOURCE, onTerminal } from "../cli/ariel.ts";
import { guestFile } from "../cli/guests.ts";
import { needs } from "../needs.ts";
import { type Ariel, PROGRAMS, withFiles } from "./programs.ts";

const IMPORT = 'import { allow, ask, definePolicy, deny, range, value } from "ariel/policy";\n';
const RUN = ["run", "--time", "virtual", "--policy", "p.ts", "--log", "run.log"];

/** A test of the program from its sources, and of the compiled one. */
function check(name: string, fn: (ariel: Ariel) => Promise<void>): void {
  for (const { suffix, ariel, options } of PROGRAMS) {
    Deno.test({
      name: name + suffix,
      ...options,
      fn: () => fn(ariel),
    });
  }
}

/** A policy whose handler of GET_HV_ID has this body; it begins in line 3. */
function handler(body: string): string {
  return `${IMPORT}export default definePolicy({ name: "p", apiVersion: 1, rules: [ask.hypercall("GET_HV_ID")], on: { hypercall: (trap, vm) => {\n${body}\n} } });`;
}

/** A policy with these rules in line 3. */
function rules(text: string): string {
  return `${IMPORT}export default definePolicy({ name: "p", apiVersion: 1, rules: [\n${text}\n] });`;
}

check("A plugin with types, an enum, an import and a handler decides", async (ariel) => {
  const files = {
    "p.ts": `import { ask, definePolicy, deny, value } from "ariel/policy";
import type { HypercallTrap, Verdict } from "ariel/policy";
import { Answer, describe } from "./lib/answers.ts";
import table from "./lib/table.json" with { type: "json" };
let count: number = 0;
export default definePolicy({
  name: "p",
  apiVersion: 1,
  rules: [ask.hypercall(table.function as "GET_HV_ID"), deny.mmio("pl031", { because: "no clock" })],
  on: {
    hypercall(trap: HypercallTrap, vm): Verdict {
      if (count++ === 0) vm.tell(\`\${describe(Answer.Yes)} to \${trap.functionName}\`);
      return value(0x4c45_4952_4100n satisfies bigint);
    },
  },
});`,
    "lib/answers.ts":
      "export enum Answer { No, Yes }\nexport const describe = (a: Answer): string => `answer ${Answer[a]}`;\n",
    "lib/table.json": '{ "function": "GET_HV_ID" }',
  };
  await withFiles(files, async (dir) => {
    const { stdout, stderr } = await ariel(RUN, dir);
    assertStringIncludes(stderr, "ariel: answer Yes to GET_HV_ID");
    assertStringIncludes(stderr, "lib/answers.ts: TypeScript enum is more than a type");
    assertStringIncludes(stdout, "FAIL");
    const log = await Deno.readTextFile(`${dir}/run.log`);
    assertStringIncludes(log, "what=GET_HV_ID value=0x4c4549524100 verdict=value rule=p/on.hypercall");
    assertStringIncludes(log, "verdict=deny rule=p/deny.mmio:pl031");
  });
});

/** What goes wrong while the guest runs: the trap is denied, the guest goes on, the record has the error. */
const HANDLER_ERRORS: Readonly<Record<string, { body: string; message: string }>> = {
  "throws": {
    body: '  if (trap.functionId === 0) throw new Error("broken");\n  return allow;',
    message: "p.ts:3:36: Error: broken",
  },
  "throws deep inside": {
    body: "  const f = (x: number | null) => x!.toFixed(2);\n  return value(BigInt(f(null)));",
    message: "p.ts:3:38: TypeError: Cannot read properties of null (reading 'toFixed')",
  },
  "returns a promise": {
    body: "  return Promise.resolve(allow) as never;",
    message: "TypeError: a promise is no verdict: a handler answers at once",
  },
  "returns nonsense": { body: "  return 42 as never;", message: "TypeError: 42 is no verdict" },
  "reads a file": {
    body: '  return value(BigInt(Deno.readTextFileSync("/etc/hostname").length));',
    message: "p.ts:3:23: ReferenceError: Deno is not defined; a policy has no access to the host",
  },
  "reads a file by code made from text": {
    body: "  return new ((() => {}).constructor as FunctionConstructor)(\"return import('file:///etc/passwd')\")();",
    message: "TypeError: Cannot make code from text in a policy",
  },
  "asks for a process": {
    body: "  (globalThis as any).process.exit(0);\n  return allow;",
    message: "p.ts:3:31: TypeError: Cannot read properties of undefined (reading 'exit')",
  },
  "asks V8 to collect garbage": {
    body: "  (globalThis as any).gc();\n  return allow;",
    message: "p.ts:3:23: TypeError: globalThis.gc is not a function",
  },
  "reads memory that is not the guest's": {
    body: "  vm.read(0x3fff_fff8, 16);\n  return allow;",
    message:
      "p.ts:3:6: RangeError: Cannot read 0x10 bytes at IPA 0x3ffffff8 as they are not all in guest RAM [0x40000000, 0x70000000)",
  },
};

for (const [what, { body, message }] of Object.entries(HANDLER_ERRORS)) {
  check(`A handler that ${what} is told with its place, and denies`, async (ariel) => {
    await withFiles({ "p.ts": handler(body) }, async (dir) => {
      const { code, stderr } = await ariel(RUN, dir);
      assertStringIncludes(stderr, `ariel: policy p, on.hypercall: `);
      assertStringIncludes(stderr, `${message}; the trap is denied`);
      assertEquals(code, 0);
      const log = await Deno.readTextFile(`${dir}/run.log`);
      const record = log.split("\n").find((line) => line.includes("rule=p/on.hypercall"))!;
      assertStringIncludes(record, "value=0xfffffffffffffffd verdict=deny");
      assertStringIncludes(record.replaceAll('\\"', '"'), message);
    });
  });
}

check("--on-policy-error halt ends the run with exit code 4", async (ariel) => {
  await withFiles({ "p.ts": handler('  throw new Error("broken");') }, async (dir) => {
    const { code, stderr } = await ariel([...RUN, "--on-policy-error", "halt"], dir);
    assertEquals(code, 4);
    assertStringIncludes(stderr, "p.ts:3:9: Error: broken; the guest is ended (--on-policy-error halt)");
    assertStringIncludes(await Deno.readTextFile(`${dir}/run.log`), "verdict=kill rule=p/on.hypercall");
  });
});

check("A handler that loops for ever ends the run with exit code 4, and the log is saved", async (ariel) => {
  await withFiles({ "p.ts": handler("  for (;;);") }, async (dir) => {
    const { code, stderr } = await ariel([...RUN, "--policy-timeout", "0.5"], dir);
    assertEquals(code, 4);
    assertStringIncludes(stderr, "policy p.ts did not return from on.hypercall within 0.5 s (--policy-timeout)");
    const records = (await Deno.readTextFile(`${dir}/run.log`)).trimEnd().split("\n");
    assertStringIncludes(records[1], "kind=mmio");
    const last =
      /^\[ariel\] seq=(\d+) .* kind=hypercall what=GET_HV_ID .*verdict=kill rule=p\/on.hypercall .*error="did/;
    assertEquals(Number(last.exec(records.at(-2)!)?.[1]), records.length - 2, records.at(-2));
    assertStringIncludes(records.at(-1)!, `end=${records.length - 2} `);
  });
});

check("What a handler leaves to run later is not waited for, either", async (ariel) => {
  const files = { "p.ts": handler("  Promise.resolve().then(() => { for (;;); });\n  return allow;") };
  await withFiles(files, async (dir) => {
    const { code, stderr } = await ariel([...RUN, "--policy-timeout", "0.5"], dir);
    assertEquals(code, 4);
    assertStringIncludes(stderr, "what a policy has left to run later did not end within 0.5 s (--policy-timeout)");
    const { code: explained, stderr: told } = await ariel(
      ["policy", "explain", "p.ts", "--hypercall", "GET_HV_ID", "--hypercall", "GET_STATUS"],
      dir,
    );
    assertEquals(explained, 0, told);
  });
});

check("A plugin cannot run code when nobody watches, nor speak with the program", async (ariel) => {
  const sources = ["setTimeout(() => {}, 0)", "queueMicrotask(() => {})", 'addEventListener("message", () => {})'];
  for (const source of sources) {
    await withFiles({ "p.ts": `${IMPORT}${source};` }, async (dir) => {
      const { code, stderr } = await ariel(["policy", "check", "p.ts"], dir);
      const name = /^\w+/.exec(source);
      assertStringIncludes(
        stderr,
        `p.ts:2:1: ReferenceError: ${name} is not defined; a policy has no access to the host`,
      );
      assertEquals(code, 2);
    });
  }
  const quiet = `${IMPORT}(globalThis as any).onmessage = () => { for (;;); };
export default definePolicy({ name: "p", apiVersion: 1 });`;
  await withFiles({ "p.ts": quiet }, async (dir) => {
    assertEquals((await ariel(["policy", "check", "p.ts"], dir)).code, 0);
  });
});

check("What a plugin writes on the console is told on stderr, where it is not taken for the guest's", async (ariel) => {
  const files = {
    "p.ts": `${IMPORT}console.log("at the top", [1]);\n` +
      'export default definePolicy({ name: "p", apiVersion: 1, rules: [ask.hypercall("GET_HV_ID")], on: { hypercall: () => {\n' +
      '  console.error("in a handler", { a: 1n });\n  return allow;\n} } });',
  };
  await withFiles(files, async (dir) => {
    const { stdout, stderr } = await ariel(RUN, dir);
    assertStringIncludes(stderr, "ariel: at the top [ 1 ]\n");
    assertStringIncludes(stderr, "ariel: in a handler { a: 1n }\n");
    assertEquals(stdout.includes("at the top") || stdout.includes("in a handler"), false);
  });
});

Deno.test({
  name: "A handler that keeps more and more ends the run with exit code 4, and the terminal is as it was",
  ...needs({ permissions: ["read", "write", "run", "env"], programs: ["python3"] }),
  async fn() {
    const files = {
      "p.ts":
        `${IMPORT}const kept = [];\nexport default definePolicy({ name: "p", apiVersion: 1, rules: [ask.mmio("pl011")],
        on: { mmio() { kept.push(new Array(4096).fill(1.5)); return allow; } } });`,
    };
    const [deno, run, ...rest] = FROM_SOURCE;
    await withFiles(files, async (dir) => {
      const command = onTerminal([deno, run, "--v8-flags=--max-old-space-size=150", ...rest]);
      const args = ["run", guestFile("flood"), "--policy", "p.ts", "--log", "run.log"];
      const { code, stdout } = await ariel(args, { command, cwd: dir });
      assertEquals(code, 4);
      assertMatch(stdout, /The guest was ended: p\/on\.mmio: \d+ of the 150 MiB that JavaScript may keep are in use/);
      assertMatch(await Deno.readTextFile(`${dir}/run.log`), /verdict=kill rule=p\/on\.mmio .*JavaScript may keep/);
    });
  },
});

check("A plugin that loops for ever while it is loaded ends the run with exit code 4", async (ariel) => {
  await withFiles({ "p.ts": `${IMPORT}for (;;);` }, async (dir) => {
    const { code, stderr } = await ariel([...RUN, "--policy-timeout", "0.5"], dir);
    assertEquals(code, 4);
    assertStringIncludes(stderr, "policy p.ts did not finish loading within 0.5 s (--policy-timeout)");
  });
});

/** What keeps a plugin from being used at all: exit code 2, and no guest. */
const LOAD_ERRORS: Readonly<Record<string, { files: Record<string, string>; message: string; args?: string[] }>> = {
  "a syntax error": {
    files: { "p.ts": `${IMPORT}export default definePolicy({ name: 3 + });` },
    message: "p.ts:2:41: SyntaxError: ",
  },
  "an error that only the engine sees": {
    files: { "p.ts": `${IMPORT}let a = 1;\nlet a = 2;` },
    message: "p.ts:3:5: SyntaxError: ",
  },
  "a type imported as a value": {
    files: {
      "p.ts": 'import { definePolicy, MmioTrap } from "ariel/policy";\nexport default definePolicy({ name: "p" });',
    },
    message:
      "does not provide an export named 'MmioTrap'; where MmioTrap is a type, write \"import type { MmioTrap }\"",
  },
  "a wrong apiVersion": {
    files: { "p.ts": `${IMPORT}export default definePolicy({ name: "p", apiVersion: 2 });` },
    message: "p.ts:2:16: TypeError: Cannot define policy p as it is for apiVersion 2: this Ariel has 1",
  },
  "no default export": {
    files: { "p.ts": `${IMPORT}export const p = 1;` },
    message: 'p.ts: Cannot find a policy: it must have "export default definePolicy({ ... })"',
  },
  "a default export that is no policy": {
    files: { "p.ts": "export default 7;" },
    message: "p.ts: Cannot define a policy from 7",
  },
  "a throw at its top": {
    files: { "p.ts": `${IMPORT}\nenum A { B }\n\nthrow new Error("early " + A.B);` },
    message: "p.ts:5:7: Error: early 0",
  },
  "a change to what belongs to all": {
    files: { "p.ts": `${IMPORT}(Array.prototype as any).flatMap = () => { throw new Error("polluted"); };` },
    message: "p.ts:2:34: TypeError: Cannot assign to read only property 'flatMap'",
  },
  "another Map for all": {
    files: { "p.ts": `${IMPORT}(globalThis as any).Map = class {};` },
    message: "p.ts:2:25: TypeError: Cannot assign to read only property 'Map'",
  },
  "a file read at its top": {
    files: { "p.ts": `${IMPORT}const secret: string = Deno.readTextFileSync("/etc/passwd");` },
    message: "p.ts:2:24: ReferenceError: Deno is not defined; a policy has no access to the host",
  },
  "an async handler": {
    files: {
      "p.ts": `${IMPORT}export default definePolicy({ name: "p", apiVersion: 1, on: { smc: async () => allow } });`,
    },
    message: "on.smc is async or a generator: a handler answers at once",
  },
  "ask without a handler": {
    files: { "p.ts": rules("ask.mmio()") },
    message: "ask.mmio has nobody to ask: it needs on.mmio",
  },
  "a register that does not exist": {
    files: { "p.ts": rules('allow.smc(),\n  deny.sysreg("SCTRL_EL1" as never)') },
    message:
      "p.ts:4:8: Cannot use deny.sysreg:SCTRL_EL1 of policy p as there is no system register SCTRL_EL1; did you mean SCTLR_EL1?",
  },
  "a register of EL2": {
    files: { "p.ts": rules('deny.sysreg("HCR_EL2" as never)') },
    message: "HCR_EL2 is a register of EL2 or EL3",
  },
  "a pattern without a register": {
    files: { "p.ts": rules('deny.sysreg("QQ*")') },
    message: 'no system register of a guest has a name like "QQ*"',
  },
  "a device that does not exist": {
    files: { "p.ts": rules('deny.mmio("pl11")') },
    message: 'there is no device "pl11"; did you mean pl011?',
  },
  "a range that wraps": {
    files: { "p.ts": rules("deny.mmio(range(0xf_ffff_ffff_f000, 0x2000))") },
    message: "p.ts:3:11: RangeError: Cannot use range(0xffffffffff000, 0x2000) as it wraps",
  },
  "an empty range": {
    files: { "p.ts": rules("deny.mmio(range(0x1000, 0))") },
    message: "p.ts:3:11: RangeError: Cannot use range(0x1000, 0x0)",
  },
  "functions beyond 32 bits": {
    files: { "p.ts": rules("deny.smc(range(0xffff_ff00, 0x200))") },
    message: "the range from 0xffffff00 on wraps",
  },
  "an option that does not exist": {
    files: { "p.ts": rules('deny.mmio("pl011", { lgo: "once" } as never)') },
    message: 'p.ts:3:6: TypeError: Cannot make deny.mmio as it has no option "lgo"',
  },
  "a package": {
    files: { "p.ts": 'import x from "npm:zod";' },
    message: 'p.ts:1:16: Cannot import "npm:zod" as a policy may import only "ariel/policy" and files beside it',
  },
  "an address": {
    files: { "p.ts": 'import "https://example.com/x.js";' },
    message: 'p.ts:1:9: Cannot import "https://example.com/x.js"',
  },
  "a module of the host": { files: { "p.ts": 'import fs from "node:fs";' }, message: 'Cannot import "node:fs"' },
  "an absolute path": { files: { "p.ts": 'import "/etc/passwd";' }, message: 'Cannot import "/etc/passwd"' },
  "a file outside its folder": {
    files: { "sub/p.ts": 'import "../x.ts";', "x.ts": "" },
    message: 'Cannot import "../x.ts" as it is not in the folder of the policy',
    args: ["sub/p.ts"],
  },
  "a computed import()": {
    files: { "p.ts": 'await import("./" + "x.ts");' },
    message: "p.ts:1:14: Cannot import what is only known at run time",
  },
  "a file without its extension": {
    files: { "p.ts": 'import "./x";', "x.ts": "" },
    message: 'Cannot import "./x" as its name must end in .ts, .js or .json',
  },
  "a file that is not there": {
    files: { "p.ts": 'import "./x.ts";' },
    message: 'p.ts:1:9: Cannot import "./x.ts": there is no such file',
  },
  "a circle": {
    files: { "p.ts": 'import "./q.ts";', "q.ts": 'import "./p.ts";' },
    message: "p.ts: Cannot import in a circle (p.ts -> q.ts -> p.ts)",
  },
  "an error in what it imports": {
    files: { "p.ts": 'import "./lib/q.ts";', "lib/q.ts": "\nconst = 1;" },
    message: "lib/q.ts:2:7: SyntaxError: ",
  },
  "itself missing": { files: {}, message: "Cannot read the policy p.ts: there is no such file" },
  "a misspelt name": {
    files: {},
    message:
      'Cannot find policy "strikt": there is no such file, and the built-in policies are default, strict, permissive, audit; did you mean strict?',
    args: ["strikt"],
  },
};

for (const [what, { files, message, args = ["p.ts"] }] of Object.entries(LOAD_ERRORS)) {
  check(`A policy with ${what} is refused with exit code 2`, async (ariel) => {
    await withFiles(files, async (dir) => {
      const { code, stdout, stderr } = await ariel(["policy", "check", ...args], dir);
      assertStringIncludes(stderr, message);
      assertEquals(
        [code, stdout, stderr.includes("base64"), stderr.includes("internal")],
        [2, "", false, false],
        stderr,
      );
    });
  });
}

check("A policy that does not load keeps the guest from starting", async (ariel) => {
  await withFiles({ "p.ts": rules('deny.mmio("pl11")') }, async (dir) => {
    const { code, stdout, stderr } = await ariel(RUN, dir);
    assertEquals([code, stdout], [2, ""]);
    assertStringIncludes(stderr, 'p.ts:3:6: Cannot use deny.mmio:pl11 of policy p as there is no device "pl11"');
  });
});

const KEEP_FROM_STARTING = [
  "a syntax error",
  "a throw at its top",
  "a file read at its top",
  "a wrong apiVersion",
  "a package",
];
for (const what of KEEP_FROM_STARTING) {
  const { files, message } = LOAD_ERRORS[what];
  check(`A policy with ${what} keeps the guest from starting`, async (ariel) => {
    await withFiles(files, async (dir) => {
      const { code, stdout, stderr } = await ariel(RUN, dir);
      assertEquals([code, stdout], [2, ""]);
      assertStringIncludes(stderr, message);
    });
  });
}

check("Types are taken away, not checked", async (ariel) => {
  const files = {
    "p.ts": rules('deny.mmio("pl031", { because: wrong })').replace("export", "const wrong: number = 'text';\nexport"),
  };
  await withFiles(files, async (dir) => {
    const { code, stdout, stderr } = await ariel(["policy", "check", "p.ts"], dir);
    assertEquals([code, stderr], [0, ""]);
    assertStringIncludes(stdout, "p: 1 rule (1 mmio)");
  });
});

check("A link that leads out of the folder is refused", async (ariel) => {
  await withFiles({ "sub/p.ts": 'import "./x.ts";', "secret.ts": "" }, async (dir) => {
    await Deno.symlink(`${dir}/secret.ts`, `${dir}/sub/x.ts`);
    const { code, stderr } = await ariel(["policy", "check", "sub/p.ts"], dir);
    assertEquals(code, 2);
    assertStringIncludes(stderr, 'Cannot import "./x.ts" as it is not in the folder of the policy');
  });
});
