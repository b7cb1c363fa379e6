import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { needs } from "../needs.ts";
import { guestFile } from "./guests.ts";
import { ariel, Dialog, FROM_SOURCE, onTerminal } from "./ariel.ts";

const process = needs({ permissions: ["run", "read", "write"] });
const terminal = needs({ permissions: ["run", "read", "write"], programs: ["python3"] });
const PASSED = /\n(\d+) passed, 0 failed\n$/;

Deno.test({
  name: "ariel run: the diagnostic guest passes and powers off, with stdin closed",
  ...process,
  async fn() {
    const { code, stdout, stderr } = await ariel(["run", "--log-level", "none"]);
    assertMatch(stdout, PASSED);
    assertEquals(stdout.includes("FAIL"), false, stdout);
    assertEquals([code, stderr], [0, "ariel: the guest asked for the monitor, and none is attached: it goes on\n"]);
  },
});

Deno.test({
  name: "ariel run: the diagnostic guest passes on a terminal, which is left as it was",
  ...terminal,
  async fn() {
    const dialog = new Dialog(["run"], { command: onTerminal(FROM_SOURCE) });
    await dialog.expect("(ariel) ");
    await dialog.send("continue\r");
    await dialog.expect(" 0 failed");
    assertEquals((await dialog.end()).code, 0);
  },
});

Deno.test({
  name: "ariel run: two runs in virtual time are the same, and statistics say what they did",
  ...process,
  async fn() {
    const folder = Deno.makeTempDirSync();
    const once = async () => {
      const { stdout } = await ariel(["run", "--time", "virtual", "--stats", `${folder}/stats`, "--log-level=none"]);
      return [stdout, JSON.parse(Deno.readTextFileSync(`${folder}/stats`))];
    };
    const [first, statistics] = await once();
    const [second, again] = await once();
    Deno.removeSync(folder, { recursive: true });
    assertEquals(first, second);
    assertEquals(statistics.instructions, again.instructions);
    assertEquals(statistics.traps, again.traps);
    assertEquals(Object.keys(statistics), [
      "instructions",
      "seconds",
      "mips",
      "first_output_ms",
      "traps",
      "tlb",
      "engine",
      "exits",
      "tiers",
      "jit",
    ]);
    for (const kind of ["mmio", "sysreg", "hypercall", "smc", "abort", "exception"]) {
      assertEquals(typeof Object.values(statistics.traps[kind] ?? {})[0], "number", kind);
    }
  },
});

Deno.test({
  name: "ariel run: records of refusals are on stderr, those of all traps where --log says",
  ...process,
  async fn() {
    const { stdout, stderr } = await ariel(["run"]);
    assertEquals(stdout.includes("verdict=deny"), false);
    assertMatch(stderr, /^\[ariel\] seq=\d+ t=\d+ vcpu=0 pc=0x[\da-f]{16} kind=mmio what=\S+ value=\S+ verdict=deny /m);
    assertEquals(/verdict=allow/.test(stderr), false);
    const mixed = await ariel(["run", "--log", "-"]);
    assertMatch(mixed.stdout, /verdict=allow/);
    assertEquals(mixed.stderr.includes("[ariel]"), false);
  },
});

Deno.test({
  name: "ariel run: Ctrl-A x quits, Ctrl-A Ctrl-A is typed, and the terminal is left as it was",
  ...terminal,
  async fn() {
    const dialog = new Dialog(["run", guestFile("echo")], { command: onTerminal(FROM_SOURCE) });
    await dialog.expect("ready");
    await dialog.send("a\x01\x01b");
    await dialog.expect("a\x01b");
    await dialog.send("\x01h");
    await dialog.expect("Ctrl-A x  quit");
    await dialog.expect("Ctrl-A z  stop");
    await dialog.send("\x01x");
    assertEquals((await dialog.end()).code, 130);
  },
});

const CRASHES = {
  vectorless: "PC 0x0000000000000200, ESR_EL1 0x86000010 (Instruction Abort)",
  emptyVectors: "PC 0x0000000048000200, ESR_EL1 0x02000000 (Unknown reason)",
} as const;
for (const [name, place] of Object.entries(CRASHES)) {
  Deno.test({
    name: `ariel run: a guest that takes exceptions for ever (${name}) has crashed: 3`,
    ...process,
    async fn() {
      const { code, stdout, stderr } = await ariel(["run", guestFile(name as keyof typeof CRASHES), "--log", "-"]);
      const why = `vCPU 0 fails at its own exception vector: ${place}`;
      assertEquals([code, stderr], [3, `ariel: The guest crashed: ${why}\n`]);
      assertEquals(stdout.split("\n").length < 110, true, stdout);
    },
  });
}

for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
  Deno.test({
    name: `ariel run: ${signal} ends the run with 130 and leaves the terminal as it was`,
    ...terminal,
    async fn() {
      const dialog = new Dialog(["run", guestFile("echo")], { command: onTerminal(FROM_SOURCE) });
      await dialog.expect("ready");
      dialog.signal(signal);
      assertEquals((await dialog.end()).code, 130);
    },
  });
}

Deno.test({
  name: "ariel run: Ctrl-C is the guest's",
  ...terminal,
  async fn() {
    const dialog = new Dialog(["run", guestFile("echo")], { command: onTerminal(FROM_SOURCE) });
    await dialog.expect("ready");
    await dialog.send("\x03!");
    await dialog.expect("\x03!");
    await dialog.send("\x04");
    assertEquals((await dialog.end()).code, 0);
  },
});

Deno.test({
  name: "ariel run: input from a pipe reaches the guest, all of it",
  ...process,
  async fn() {
    const dialog = new Dialog(["run", guestFile("echo")]);
    const text = "0123456789abcdef".repeat(4096);
    await dialog.expect("ready");
    await dialog.send(text + "\x04");
    const { code, stdout } = await dialog.end();
    assertEquals(code, 0);
    assertStringIncludes(stdout, text);
  },
});

Deno.test({
  name: "ariel run: a reader that goes away ends the run quietly",
  ...process,
  async fn() {
    const { code, stdout, stderr } = await ariel([], {
      command: [
        "sh",
        "-c",
        `{ "$@"; echo "code $?" >&2; } | head -c 5`,
        "sh",
        ...FROM_SOURCE,
        "run",
        guestFile("flood"),
      ],
    });
    assertEquals([code, stdout, stderr], [0, "flood", "code 130\n"]);
  },
});

Deno.test({
  name: "ariel run: a reader that is slow keeps the guest back, and a signal still ends the run",
  ...process,
  async fn() {
    const dialog = new Dialog([], {
      command: [
        "sh",
        "-c",
        `"$@" | sleep 5`,
        "sh",
        "timeout",
        "-s",
        "INT",
        "2",
        ...FROM_SOURCE,
        "run",
        guestFile("flood"),
        "--stats=-",
      ],
    });
    const { stderr } = await dialog.end();
    assertMatch(stderr, /"instructions"/);
  },
});

Deno.test({
  name: "ariel run: --timeout and --max-insns end the run with 5",
  ...process,
  async fn() {
    const late = await ariel(["run", guestFile("spin"), "--timeout", "0.3"]);
    assertEquals([late.code, late.stderr], [5, "ariel: The guest was stopped after 0.3 s (--timeout)\n"]);
    const counted = await ariel(["run", guestFile("spin"), "--max-insns", "1e6"]);
    assertEquals([counted.code, counted.stderr], [
      5,
      "ariel: The guest was stopped after 1000000 instructions (--max-insns)\n",
    ]);
    const waiting = await ariel(["run", guestFile("echo"), "--timeout", "0.3"]);
    assertEquals(waiting.code, 5);
  },
});

Deno.test({
  name: "ariel run: a guest that waits when no input and no timer can end that ends with 3",
  ...process,
  async fn() {
    for (const time of ["real", "virtual"]) {
      const { code, stderr } = await ariel(["run", guestFile("sleep"), "--time", time]);
      assertEquals([code, stderr], [3, "ariel: The guest waits for an interrupt that cannot come\n"]);
      const dialog = new Dialog(["run", guestFile("sleep"), "--time", time]);
      await dialog.expect("!");
      await dialog.send("heard by nobody");
      assertEquals((await dialog.end()).code, 3);
    }
    const awaited = await ariel(["run", guestFile("sleep"), "--monitor", "stdio", "--timeout", "1"]);
    assertEquals(awaited.code, 5);
  },
});

Deno.test({
  name: "ariel run: a guest whose last vCPU is off ends with 3, and a reset begins anew",
  ...process,
  async fn() {
    const off = await ariel(["run", guestFile("cpuOff")]);
    assertEquals([off.code, off.stderr], [3, "ariel: The guest waits for an interrupt that cannot come\n"]);
    const reset = await ariel(["run", guestFile("reset"), "--max-insns", "100"]);
    assertEquals(reset.code, 5);
    assertMatch(reset.stdout, /^(on){3,}/);
  },
});
