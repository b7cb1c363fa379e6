import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { debuggedMachine } from "../debug/fixture.ts";
import type { LogLevel } from "../log/record.ts";
import { Monitor, MONITOR_COMMANDS } from "./monitor.ts";
import { describeStop } from "./stop_text.ts";
import type { FilePart, MonitorTarget } from "./target.ts";

const PROGRAM = `
start:  adr   x1, value
        mov   x0, #0
loop:   add   x0, x0, #1
store:  str   x0, [x1]
        b     loop
text:   .asciz "hello, \\"you\\""
        .align 12
value:  .quad 0x1122334455667788, -2
`;

function monitor(source = PROGRAM, cpuCount = 1) {
  const machine = debuggedMachine(source, cpuCount), said: string[] = [], asked: string[] = [];
  const files = new Map<string, Uint8Array>();
  const target: MonitorTarget = {
    debugger: machine.debugger,
    vms: [],
    policy: {
      show: () => "strict: 2 rules",
      reload: (done) => done("Loaded again."),
      set: (names, done) => done(`Set ${names.join(" and ")}.`),
    },
    log: {
      level: "deny" as LogLevel,
      filter: (expression) => {
        if (expression === "nonsense(") throw new SyntaxError("Cannot read nonsense");
        asked.push(`filter ${expression}`);
      },
      dump: (count, expression) => [`dump ${count} ${expression}`],
    },
    reset: () => asked.push("reset"),
    quit: () => asked.push("quit"),
    saveFile: (path: string, sizeBytes: number, parts: Iterable<FilePart>, done: (message: string) => void) => {
      const file = new Uint8Array(sizeBytes);
      for (const { offset, bytes } of parts) file.set(bytes, offset);
      files.set(path, file);
      done(`Wrote ${path}.`);
    },
  };
  const m = new Monitor(target, (text) => said.push(text));
  /** Runs a command, then the machine to its next stop; shows both. */
  const go = (line: string): string => {
    const output = m.execute(line);
    machine.run(10_000);
    const { stop } = machine.debugger;
    return [output, stop ? describeStop(m, stop) : ""].filter((text) => text !== "").join("\n");
  };
  return { ...machine, monitor: m, execute: (line: string) => m.execute(line), go, said, asked, files, target };
}

Deno.test("every command has a help, and every name is its own", () => {
  const { execute } = monitor();
  const names = MONITOR_COMMANDS.flatMap((c) => c.names);
  assertEquals(new Set(names).size, names.length);
  const help = execute("help");
  for (const { names: [name], help: text } of MONITOR_COMMANDS) {
    assertMatch(help, new RegExp(`^${name} `, "m"));
    assertStringIncludes(execute(`help ${name}`), text);
  }
});

Deno.test("memory: x in every format, the next elements with an empty line", () => {
  const { execute, at } = monitor();
  const value = `0x${at("value").toString(16)}`;
  assertEquals(execute(`x/2xg ${value}`), "0x0000000040001000: 0x1122334455667788 0xfffffffffffffffe");
  assertEquals(execute(`x/3xb ${value}`), "0x0000000040001000: 0x88 0x77 0x66");
  assertEquals(execute(""), "0x0000000040001003: 0x55 0x44 0x33");
  assertEquals(execute(`x/1dg ${value}+8`), "0x0000000040001008:                   -2");
  assertEquals(execute(`x/4uh ${value}`), "0x0000000040001000: 30600 21862 13124  4386");
  assertEquals(execute(`x/1tb ${value}`), "0x0000000040001000: 10001000");
  assertEquals(execute(`x/s 0x${at("text").toString(16)}`), '0x0000000040000014: "hello, \\"you\\""');
  assertEquals(execute(`xp/2i ${0x4000_0000}`).split("\n")[1], "   0x0000000040000004: d2800000  mov x0, #0x0");
  execute(`x /2xh ${value}`);
  assertEquals(execute(""), "0x0000000040001004: 0x3344 0x1122");
  assertMatch(execute("x/2i $pc"), /^=> 0x0000000040000000: 10008001 {2}adr x1, 0x40001000\n {3}0x/);
});

Deno.test("memory: what cannot be shown is told in one sentence", () => {
  const { execute } = monitor();
  assertEquals(execute("x/4xw 0x9000000"), "Cannot read virtual 0x9000000 as there is no RAM at physical 0x9000000.");
  assertEquals(
    execute("xp/2xg 0x407ffff8"),
    "Cannot read physical [0x407ffff8, 0x40800008) as it is not inside RAM [0x40000000, 0x40800000).",
  );
  assertEquals(
    execute("xipa/1xw 0xfffffffffffffffc"),
    "Cannot read [0xfffffffffffffffc, 0x10000000000000000) as IPA addresses end at 2^52.",
  );
  assertEquals(
    execute("x/8xg 0xfffffffffffffff8"),
    "Cannot read [0xfffffffffffffff8, 0x10000000000000038) as it wraps around.",
  );
  for (const line of ["x/z", "x/0xw 0", "x/99999999 0", "x 1 +", "x $x99", "write 1", "write/q 0 1", "x/1xw (("]) {
    assertMatch(execute(line), /^Cannot .*\.$/, line);
  }
});

Deno.test("memory and registers are written", () => {
  const { execute, at, vcpu } = monitor();
  const value = at("value").toString(16);
  assertEquals(execute(`write/h 0x${value} 0x1234 -1`), "");
  assertEquals(execute(`x/1xw 0x${value}`), "0x0000000040001000: 0xffff1234");
  assertEquals(execute("write/b 0x40001000 0x100"), "Cannot write 0x100 as it does not fit in 1 bytes.");
  assertEquals(execute("set $x5 = $pc + 0x10"), "x5 = 0x40000010");
  assertEquals(vcpu.xLo(5), 0x40000010);
  assertEquals(execute("set TCR_EL1 16"), "TCR_EL1 = 0x10");
  assertEquals(execute("set $x9 = 1<<70"), "Cannot use 1<<70 as it does not fit in 64 bits.");
  assertMatch(execute("set MIDR_EL1 1"), /read-only/);
  assertMatch(execute("set w3 0x100000000"), /it has 32 bits/);
  assertMatch(execute("set cpsr 0xd"), /no such Exception level/);
  assertEquals(execute("p/d $x5 - $x5 - 1"), "-1");
  assertStringIncludes(execute("p $SCTLR_EL1"), "LSMAOE");
  assertMatch(execute("p $ICC_IAR1_EL1"), /would acknowledge an interrupt/);
});

Deno.test("breakpoints, steps and watchpoints", () => {
  const { execute, go, at } = monitor();
  assertEquals(execute("step"), "Cannot do that as the machine runs; `stop` stops it.");
  assertMatch(go("stop"), /^Stopped, the guest at EL1\n=> 0x0000000040000000: /);
  assertEquals(execute("stop"), "The machine is stopped already.");
  assertMatch(go("step 2"), /^=> 0x0000000040000008: /);
  assertMatch(go(""), /^=> 0x0000000040000010: /);
  assertEquals(execute("break 0x4000000c if $x0 == 3"), "Breakpoint 1 at 0x000000004000000c if $x0 == 3");
  assertMatch(go("c"), /^Breakpoint 1, the guest at EL1\n=> 0x000000004000000c: f9000020 {2}str x0, \[x1\]$/);
  assertEquals(execute("p $x0"), "0x3 (3)");
  assertEquals(execute("delete 1"), "");
  assertEquals(execute("delete 1"), "Cannot delete 1 as there is no such breakpoint or watchpoint.");
  assertEquals(
    execute(`watch 0x${at("value").toString(16)}`),
    "Watchpoint 2 for writes to 8 bytes at 0x0000000040001000",
  );
  assertEquals(
    go("continue"),
    "Watchpoint 2, the guest wrote to 0x0000000040001000 at 0x000000004000000c\n" +
      "  before 0x0000000000000002, now 0x0000000000000003\n=> 0x0000000040000010: 17fffffe  b 0x40000008",
  );
  assertEquals(execute("info breakpoints"), "Watchpoint 2 for writes to 8 bytes at 0x0000000040001000, 1 hit");
  execute("delete");
  execute("break 0x4000000c if $x0 << 1 >= 0x10 >> 1");
  go("continue");
  assertEquals(execute("p $x0"), "0x4 (4)");
  execute("delete");
  assertMatch(execute("break 0x4000000c if $x0 == 1 if $x1 == 2"), /^Cannot read "if \$x1/);
  assertMatch(go("until 0x4000000c"), /^Breakpoint 4/);
  execute("break 0x40000010");
  assertMatch(go("until 0x4000001c"), /^Breakpoint 5/);
  assertEquals(execute("info b"), "Breakpoint 5 at 0x0000000040000010, 1 hit");
  execute("delete");
  assertEquals(execute("info b"), "None.");
  for (
    const line of ["break 0x40000001", "break 0x40000008 phys if $nothing", "watch 0 0", "watch 1 2 3", "delete x"]
  ) {
    assertMatch(execute(line), /^Cannot .*\.$/, line);
  }
});

Deno.test("where GDB controls the machine the monitor does not let it run", () => {
  const { target } = monitor();
  assertMatch(new Monitor(target, () => {}, false).execute("continue"), /GDB controls the machine/);
});

Deno.test("every info shows something, and names can be shortened", () => {
  const { execute, run } = monitor();
  run(1000);
  for (const what of execute("info").split("\n").map((line) => line.split(" ")[1])) {
    const output = execute(`info ${what}`);
    assertEquals(/^Cannot/.test(output) || output === "", false, `${what}: ${output}`);
  }
  assertMatch(execute("i reg"), /cpsr 0x000003c5 {2}D A I F M=EL1h/);
  assertEquals(execute("info mtree"), execute("info vm"));
  assertEquals(execute("info mem"), execute("info stage1"));
  assertMatch(execute("info sysregs tcr*"), /^TCR_EL1 0x0{16}/);
  assertMatch(execute("info nothing"), /^Cannot show "nothing"/);
  assertMatch(execute("info sysregs nothing"), /^Cannot find a system register like nothing/);
  assertMatch(execute("inf vm"), /^Machine: 1 vCPU/);
  assertEquals(execute("frobnicate"), 'Cannot find the command "frobnicate"; `help` shows them.');
  assertMatch(execute("w"), /^Cannot tell which command "w" is: write/);
  assertEquals(execute("help del"), execute("help delete"));
  assertEquals(execute("help frobnicate"), execute("frobnicate"));
});

Deno.test("what a command cannot take is told, and so is what it misses", () => {
  const { execute, asked, debugger: dbg } = monitor();
  assertEquals(execute("quit now"), 'Cannot use "now" as quit takes no arguments.');
  assertEquals(execute("stop 5"), 'Cannot use "5" as stop takes no arguments.');
  assertEquals(execute("info gic 33"), 'Cannot use "33" as info gic takes no arguments.');
  assertMatch(execute("info registers pc"), /^Cannot show the registers "pc"/);
  assertEquals([asked, dbg.stop], [[], null]);
  for (const line of ["until", "inject", "translate", "break 0x4000000c if"]) {
    assertEquals(execute(line), "Cannot do that without an address or a number.", line);
  }
  assertEquals(execute("print $x0 +"), 'Cannot find the rest of "$x0 +".');
});

Deno.test("info jit shows where the guest's time goes: tiers, regions, and so many of the hottest", () => {
  const { execute, run, at } = monitor("loop: add x0, x0, #1\n eor x1, x1, x0\n b loop\n");
  assertStringIncludes(execute("info jit"), "regions: 0 compiled");
  run(4_000_000);
  const all = execute("info jit"), none = execute("info jit 0");
  assertMatch(none, /^instructions: (9\d\.\d|100\.0) % in regions[^]*\nregions: 1 compiled, of 3 instructions/);
  assertEquals(all.slice(0, none.length), none);
  const address = at("loop").toString(16), listing = all.slice(none.length).trim();
  assertMatch(
    listing,
    new RegExp(`^${address}: 3 instructions, (9\\d\\.\\d|100\\.0) %\n  ${address}  add x0, x0, #0x1\n`),
  );
});

Deno.test("info exceptions counts by class, with the last one's registers", () => {
  const { execute, run } = monitor(
    "adr x0, vectors\n msr vbar_el1, x0\n svc #7\n.align 11\nvectors: .space 0x200\n b .\n",
  );
  run(100);
  assertEquals(
    execute("info exceptions"),
    "EL1           1  SVC\n" +
      "                 last from 0x0000000040000008, ESR_EL1 0x56000007, FAR_EL1 0x0\n" +
      "                 SVC #0x7",
  );
});

Deno.test("vCPUs are selected", () => {
  const { execute } = monitor(PROGRAM, 2);
  assertMatch(execute("info cpus"), /^\* vCPU 0: pc .* runs, 0 instructions\n {2}vCPU 1: pc .* off/);
  assertMatch(execute("cpu 1"), /^ {2}vCPU 0.*\n\* vCPU 1/);
  assertMatch(execute("cpu 2"), /they are 0 to 1/);
});

Deno.test("policies, the log, interrupts, reset and quit", () => {
  const { execute, said, asked, target } = monitor();
  assertEquals(execute("policy show"), "strict: 2 rules");
  execute("policy reload");
  execute("policy set audit strict");
  assertEquals(said, ["Loaded again.", "Set audit and strict."]);
  assertMatch(execute("policy set"), /^Cannot/);
  execute("log level all");
  assertEquals(target.log!.level, "all");
  assertMatch(execute("log level loud"), /it must be all, change, deny, none/);
  execute("log filter kind==mmio");
  assertEquals(execute("log filter nonsense("), "Cannot read nonsense.");
  assertEquals(execute("log dump 5 kind==mmio && seq>3"), "dump 5 kind==mmio && seq>3");
  assertEquals(execute("inject 40"), "Interrupt 40 is pending, but the guest has not enabled it.");
  assertMatch(execute("info gic"), /^ {3}40 {2}SPI 8 .* pending/m);
  assertMatch(execute("inject 1020"), /^Cannot inject interrupt 1020/);
  execute("reset");
  execute("quit");
  assertEquals(asked, ["filter kind==mmio", "reset", "quit"]);
});

Deno.test("save makes an ELF core file with the registers and RAM", () => {
  const { execute, files, said, vcpu, at } = monitor();
  vcpu.setX(7, 0xabcd, 0);
  execute("save /tmp/core");
  assertEquals(said, ["Wrote /tmp/core."]);
  const file = files.get("/tmp/core")!, view = new DataView(file.buffer);
  assertEquals([view.getUint32(0), view.getUint16(16, true), view.getUint16(18, true)], [0x7f454c46, 4, 183]);
  assertEquals(view.getUint16(56, true), 2);
  const notes = Number(view.getBigUint64(64 + 8, true));
  assertEquals(view.getBigUint64(notes + 20 + 112 + 8 * 7, true), 0xabcdn);
  const [offset, address, bytes] = [8, 16, 32].map((n) => Number(view.getBigUint64(64 + 56 + n, true)));
  assertEquals([address, bytes], [0x4000_0000, 8 << 20]);
  assertEquals(view.getBigUint64(offset + Number(at("value")) - address, true), 0x1122334455667788n);
});

Deno.test("completion: commands, what info shows, registers", () => {
  const { monitor: m } = monitor();
  assertEquals(m.complete("wri"), ["write", "writeipa", "writep"]);
  assertEquals(m.complete("info st"), ["stage1", "stage2"]);
  assertEquals(m.complete("inf st"), ["stage1", "stage2"]);
  assertEquals(m.complete("info sysregs TTBR1_"), ["TTBR1_EL1"]);
  assertEquals(m.complete("x/4i $p").includes("$pc"), true);
  assertEquals(m.complete("log level d"), ["deny"]);
  assertEquals(m.complete("nothing x"), []);
});
