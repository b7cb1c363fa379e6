import { assertEquals, assertStringIncludes } from "@std/assert";
import $ from "dax";
import { type Ariel, PROGRAMS, withFiles } from "./programs.ts";

function check(name: string, fn: (ariel: Ariel) => Promise<void>): void {
  for (const { suffix, ariel, options } of PROGRAMS) {
    Deno.test({
      name: name + suffix,
      ...options,
      fn: () => fn(ariel),
    });
  }
}

check("policy new writes a policy that loads and runs, with its types, and overwrites nothing", async (ariel) => {
  await withFiles({}, async (dir) => {
    const made = await ariel(["policy", "new", "my.ts"], dir);
    assertEquals([made.code, made.stderr], [0, ""]);
    assertStringIncludes(made.stdout, "wrote my.ts\nwrote .ariel/policy/*\nwrote deno.json\nwrote tsconfig.json\n");
    const checked = await ariel(["policy", "check", "my.ts"], dir);
    assertEquals(checked.code, 0, checked.stderr);
    assertStringIncludes(checked.stdout, "my: 9 rules");
    assertStringIncludes(checked.stdout, "calls JavaScript: my/ask.mmio:pl031");
    await $`${Deno.execPath()} check --quiet my.ts`.cwd(dir);
    const again = await ariel(["policy", "new", "my.ts"], dir);
    assertEquals([again.code, again.stderr], [2, "ariel: Cannot write my.ts: it is there already\n"]);
    const second = await ariel(["policy", "new", "other.ts"], dir);
    const third = await ariel(["policy", "new", "my first.ts"], dir);
    assertStringIncludes(third.stdout, "ariel run --policy 'my first.ts'\n");
    assertStringIncludes(second.stdout, 'kept  deno.json: let it map "ariel/policy" to');
  });
});

check("a plugin that fails outside its handlers is named", async (ariel) => {
  const source = (wait: string) =>
    `import { definePolicy } from "ariel/policy";\nPromise.reject(new Error("late"));\n${wait}\n` +
    'export default definePolicy({ name: "p", apiVersion: 1, rules: [] });';
  const files = {
    "p.ts": source("await new Promise(() => {});"),
    "late.ts": source(""),
  };
  await withFiles(files, async (dir) => {
    const why = "policy p.ts failed outside its handlers: Error: late\n";
    const checked = await ariel(["policy", "check", "p.ts"], dir);
    assertEquals([checked.code, checked.stderr.endsWith(`\nariel: ${why}`)], [2, true], checked.stderr);
    const run = await ariel(["run", "--policy", "p.ts", "--policy-timeout", "10"], dir);
    assertEquals([run.code, run.stderr.endsWith(`\nariel: The guest was ended: ${why}`)], [4, true], run.stderr);
    // Between two questions, or when all are answered
    const late = await ariel(["policy", "check", "late.ts"], dir);
    assertEquals([0, 2].includes(late.code), true, late.stderr);
  });
});

check("policy explain tells who decides and where that stands", async (ariel) => {
  const source = 'import { definePolicy, ignore } from "ariel/policy";\n' +
    'export default definePolicy({ name: "p", apiVersion: 1, rules: [\n  ignore.sysreg("OS*", { because: "no lock" })] });';
  await withFiles({ "p.ts": source }, async (dir) => {
    const { code, stdout } = await ariel(["policy", "explain", "p.ts", "--sysreg", "OSLAR_EL1:w"], dir);
    assertEquals([code, stdout], [
      0,
      "OSLAR_EL1:w: ignore, by p/ignore.sysreg:OS*\n  because no lock\n  trapped: yes: a rule asks for it\n" +
      "  1. p/ignore.sysreg:OS* (p.ts:3:10): ignore\n",
    ]);
    const wrong = await ariel(["policy", "explain", "p.ts", "--mmio", "nowhere"], dir);
    assertEquals([wrong.code, wrong.stdout], [2, ""]);
    assertStringIncludes(wrong.stderr, 'Cannot take "nowhere" for --mmio as it must be PLACE[:r|w[SIZE]]');
  });
});

check("A run that was audited, learned from and run again passes, and test says that it would", async (ariel) => {
  await withFiles({}, async (dir) => {
    const run = ["run", "--time", "virtual", "--stats", "stats.json"];
    const audit = await ariel([...run, "--policy", "audit", "--log", "run.log"], dir);
    assertEquals(audit.code, 0);
    const same = await ariel(["policy", "test", "audit", "run.log"], dir);
    assertEquals(same.code, 0, same.stdout);
    assertStringIncludes(same.stdout, "no verdict differs");
    const strict = await ariel(["policy", "test", "strict", "run.log"], dir);
    assertEquals(strict.code, 3);
    assertStringIncludes(strict.stdout, "allow -> kill");
    const learned = await ariel(["policy", "learn", "run.log"], dir);
    assertEquals([learned.code, learned.stderr], [0, ""]);
    await Deno.writeTextFile(`${dir}/learned.ts`, learned.stdout);
    const tested = await ariel(["policy", "test", "learned.ts", "run.log"], dir);
    assertEquals(tested.code, 0, tested.stdout);
    const again = await ariel([...run, "--policy", "learned.ts", "--log-level", "none"], dir);
    const passed = /\d+ passed, 0 failed/;
    assertEquals([again.code, passed.exec(again.stdout)?.[0]], [0, passed.exec(audit.stdout)![0]], again.stdout);
  });
});

check("No policy, permissive, default and rules that allow everything execute the same instructions", async (ariel) => {
  const all = 'import { allow, definePolicy } from "ariel/policy";\n' +
    'export default definePolicy({ name: "all", apiVersion: 1, rules: [allow.mmio(), allow.sysreg("*"), allow.sysreg("DBG*"), allow.hypercall(), allow.smc(), allow.wfx(), allow.exception()] });';
  await withFiles({ "all.ts": all }, async (dir) => {
    const counts: number[] = [];
    for (const policy of [[], ["--policy", "permissive"], ["--policy", "default"], ["--policy", "all.ts"]]) {
      const { code } = await ariel(
        ["run", "--time", "virtual", "--log-level", "none", "--stats", "s.json", ...policy],
        dir,
      );
      assertEquals(code, 0);
      counts.push(JSON.parse(await Deno.readTextFile(`${dir}/s.json`)).instructions);
    }
    assertEquals(counts, counts.map(() => counts[0]));
  });
});

check("The example in the API's documentation loads", async (ariel) => {
  const documentation = Deno.readTextFileSync(new URL("../../policies/mod.ts", import.meta.url));
  const example = [...documentation.matchAll(/^ \* {5}(.*)$/gm)].map(([, line]) => line).join("\n");
  await withFiles({ "strict.ts": example }, async (dir) => {
    const { code, stdout, stderr } = await ariel(["policy", "check", "strict.ts"], dir);
    assertEquals([code, stderr], [0, ""]);
    assertStringIncludes(stdout, "strict: 7 rules");
    assertStringIncludes(stdout, "calls JavaScript: strict/ask.mmio:0xa000000+0x200");
  });
});
