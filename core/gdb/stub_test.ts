import { assertEquals } from "@std/assert";
import { debuggedMachine } from "../debug/fixture.ts";
import { encodePacket, fromHex } from "./packet.ts";
import { GdbStub } from "./stub.ts";

const PROGRAM = `
start:  adr   x1, value
loop:   add   x0, x0, #1
store:  str   x0, [x1]
        b     loop
        .align 12
value:  .quad 0
`;

const PLUS = new TextEncoder().encode("+");

/** GDB's side of a connection to a machine in this thread. */
function connect(cpuCount = 1) {
  const target = debuggedMachine(PROGRAM, cpuCount);
  const { debugger: dbg, run } = target;
  let received = "";
  const lines: string[] = [];
  let later = () => {};
  const stub = new GdbStub(dbg, {
    send: (bytes) => received += String.fromCharCode(...bytes),
    command: (line, done) => line === "save" ? (later = () => done("saved\n")) : done(`did ${line}\n`),
    kill: () => lines.push("killed"),
  });
  const send = (bytes: Uint8Array) => stub.receive(bytes);
  const take = () => {
    const packets = [...received.matchAll(/\$([^#]*)#[\da-f]{2}/g)].map((m) => m[1]);
    received = "";
    return packets.map((p) => p.replace(/}(.)/gs, (_, c) => String.fromCharCode(c.charCodeAt(0) ^ 0x20)));
  };
  /** Sends a packet and returns what came back, after the machine has run to its next stop. */
  const ask = (text: string) => {
    send(encodePacket(new TextEncoder().encode(text)));
    if (dbg.stop === null) run(100_000);
    send(PLUS);
    return take().join(" ");
  };
  stub.connect();
  run();
  return { ...target, stub, ask, send, take, lines, raw: () => received, later: () => later() };
}

const toHex = (text: string) => [...text].map((c) => c.charCodeAt(0).toString(16).padStart(2, "0")).join("");
const hex64 = (value: bigint) => value.toString(16).padStart(16, "0").match(/../g)!.reverse().join("");

Deno.test("packets are acknowledged until both agree not to; damaged ones are asked for again", () => {
  const { send, raw, take } = connect();
  send(new TextEncoder().encode("+$qC#00"));
  assertEquals(raw(), "-");
  take();
  send(encodePacket(new TextEncoder().encode("QStartNoAckMode")));
  assertEquals(raw(), "+$OK#9a");
  take();
  send(encodePacket(new TextEncoder().encode("qC")));
  assertEquals(raw(), "$QC1#c5");
});

Deno.test("a packet that is sent again while its answer is under way has one answer; a damaged answer is sent again", () => {
  const { send, raw, take } = connect();
  const packet = encodePacket(new TextEncoder().encode("qC"));
  send(Uint8Array.from([...packet, ...packet]));
  assertEquals(raw(), "+$QC1#c5+");
  assertEquals(take(), ["QC1"]);
  send(new TextEncoder().encode("-"));
  assertEquals(raw(), "$QC1#c5");
  take();
  send(Uint8Array.from([...PLUS, ...packet]));
  assertEquals(raw(), "+$QC1#c5");
});

Deno.test("what is not known gets the empty answer, nonsense an error", () => {
  const { ask } = connect();
  for (const text of ["vMustReplyEmpty", "qTStatus", "qCRC:0,1", "nonsense", "R00", "Z9,0,4"]) {
    assertEquals(ask(text), "", text);
  }
  for (const text of ["m", "mzz,4", "p9999", "P0=12", "G1", "M0,2:1", "Z0,3,4", "Hgx", "T9", "vCont;x", "Z2,0,0"]) {
    assertEquals(/^E/.test(ask(text)), true, text);
  }
});

Deno.test("registers: all, one, written", () => {
  const { ask, vcpu, at } = connect();
  vcpu.setX(5, 0x12345678, 0x9abcdef0);
  vcpu.set32("nzcv", 4);
  const g = ask("g");
  assertEquals(g.length, 2 * (33 * 8 + 4 + 32 * 16 + 8));
  assertEquals(g.slice(5 * 16, 6 * 16), "78563412f0debc9a");
  assertEquals(g.slice(32 * 16, 33 * 16), hex64(at("start")));
  assertEquals(g.slice(33 * 16, 33 * 16 + 8), "c5030040");
  assertEquals(ask("p20"), hex64(at("start")));
  assertEquals(ask(`P7=${hex64(0x1122334455667788n)}`), "OK");
  assertEquals(vcpu.xHi(7), 0x11223344);
  assertEquals(ask(`G${g}`), "OK");
  assertEquals(vcpu.xHi(7), 0);
});

Deno.test("the target description names the features that GDB wants, and the system registers", () => {
  const { ask } = connect();
  let xml = "";
  for (;;) {
    const part = ask(`qXfer:features:read:target.xml:${xml.length.toString(16)},1000`);
    xml += part.slice(1);
    if (part[0] === "l") break;
  }
  for (const name of ["org.gnu.gdb.aarch64.core", "org.gnu.gdb.aarch64.fpu", "org.ariel.aarch64.el1"]) {
    assertEquals(xml.includes(`<feature name="${name}">`), true, name);
  }
  assertEquals(
    xml.includes('<reg name="SCTLR_EL1" bitsize="64" type="uint64" group="system" save-restore="no"/>'),
    true,
  );
  const names = [...xml.matchAll(/<reg name="(\w+)"/g)].map((m) => m[1]);
  assertEquals(new Set(names).size, names.length);
  const number = names.indexOf("SCTLR_EL1");
  assertEquals(ask(`p${number.toString(16)}`), "8009d53000000000");
});

Deno.test("memory: read, written in both ways, in part, not at all", () => {
  const { ask, send, take, at } = connect();
  const value = at("value").toString(16);
  assertEquals(ask(`M${value},4:01020304`), "OK");
  send(encodePacket(Uint8Array.from([...new TextEncoder().encode(`X${value},3:`), 0x7d, 0x24, 0x23])));
  assertEquals(take(), ["OK"]);
  assertEquals(ask(`m${value},4`), "7d242304");
  assertEquals(ask("m407ffffe,10").length, 4);
  assertEquals(ask("m9000000,4"), "E0e");
  assertEquals(ask("M9000000,1:00"), "E0e");
});

Deno.test("breakpoints, steps, watchpoints and their stop replies", () => {
  const { ask, at, vcpu } = connect();
  const [store, value] = ["store", "value"].map((l) => at(l).toString(16));
  assertEquals(ask(`Z0,${store},4`), "OK");
  assertEquals(ask("vCont;c"), "T05thread:1;swbreak:;");
  assertEquals(ask(`z0,${store},4`), "OK");
  assertEquals(ask("vCont;s:1"), "T05thread:1;");
  assertEquals(vcpu.get64("pc"), at("store") + 4n);
  assertEquals(ask(`Z1,${store},4`), "OK");
  assertEquals(ask("c"), "T05thread:1;hwbreak:;");
  assertEquals(ask(`z1,${store},4`), "OK");
  assertEquals(ask(`Z2,${value},8`), "OK");
  assertEquals(ask("vCont;c:1;c"), `T05thread:1;watch:${value};`);
  assertEquals(ask(`z2,${value},8`), "OK");
});

Deno.test("Ctrl-C stops, a monitor command answers, detaching lets the machine go", () => {
  const { ask, send, take, run, debugger: dbg } = connect();
  send(encodePacket(new TextEncoder().encode("vCont;c")));
  run(1000);
  send(Uint8Array.of(3));
  run(1000);
  assertEquals(take(), ["T02thread:1;"]);
  const [output, ok] = ask(`qRcmd,${toHex("info vm")}`).split(" ");
  assertEquals(new TextDecoder().decode(fromHex(output.slice(1))!), "did info vm\n");
  assertEquals(ok, "OK");
  ask("Z0,40000000,4");
  send(encodePacket(new TextEncoder().encode("D")));
  assertEquals(take(), ["OK"]);
  assertEquals([dbg.stop, dbg.breakpoints.length], [null, 0]);
});

Deno.test("a monitor command that takes its time answers when it is through, if the same GDB is still there", () => {
  const { ask, take, stub, later } = connect();
  assertEquals(ask(`qRcmd,${toHex("save")}`), "");
  later();
  assertEquals(take(), [`O${toHex("saved\n")}`, "OK"]);
  ask(`qRcmd,${toHex("save")}`);
  stub.disconnect();
  stub.connect();
  later();
  assertEquals(take(), []);
});

Deno.test("a packet stops the machine that the monitor has let go on: GDB takes it for stopped", () => {
  const { ask, run, debugger: dbg, at, vcpu } = connect();
  dbg.resume();
  run(10);
  assertEquals(ask("qC"), "QC1");
  assertEquals(dbg.stop?.kind, "interrupt");
  ask(`Z0,${at("store").toString(16)},4`);
  assertEquals(ask("c"), "T05thread:1;swbreak:;");
  assertEquals(vcpu.get64("pc"), at("store"));
});

Deno.test("a Ctrl-C for a machine that stands still is not the reason of its next stop", () => {
  const { send, take, run, debugger: dbg } = connect();
  send(Uint8Array.of(3));
  send(encodePacket(new TextEncoder().encode("vCont;c")));
  run(1000);
  dbg.interrupt("The guest asks for it");
  run(1000);
  assertEquals(take().at(-1), "T05thread:1;");
});

Deno.test("vCPUs are threads, which run or wait as vCont says", () => {
  const { ask, machine, at } = connect(2);
  const [first, second] = machine.vcpus;
  second.isRunning = true;
  assertEquals(ask("qfThreadInfo"), "m1,2");
  assertEquals(ask("qsThreadInfo"), "l");
  assertEquals([ask("T2"), ask("T3")], ["OK", "E16"]);
  assertEquals(
    ask("qXfer:threads:read::0,1000").includes('<thread id="2" core="1" name="vCPU 1">EL1, running</thread>'),
    true,
  );
  ask(`Z1,${at("store").toString(16)},4`);
  assertEquals(ask("vCont;c:2"), "T05thread:2;hwbreak:;");
  assertEquals([first.xLo(0), second.xLo(0)], [0, 1]);
  assertEquals(ask("Hg1"), "OK");
  assertEquals(ask("p20"), hex64(first.get64("pc")));
});

Deno.test("k ends the guest; the guest's end is told to who waits for it", () => {
  const { ask, lines } = connect();
  ask("k");
  assertEquals(lines, ["killed"]);
  const { stub, send, take } = connect();
  send(encodePacket(new TextEncoder().encode("vCont;c")));
  stub.exited(3);
  assertEquals(take(), ["W03"]);
});

Deno.test("no packet is too strange", () => {
  const { send, debugger: dbg, run } = connect(2);
  const names = [
    "g",
    "G",
    "p",
    "P",
    "m",
    "M",
    "X",
    "Z",
    "z",
    "H",
    "T",
    "c",
    "s",
    "vCont;",
    "qXfer:features:read:target.xml:",
  ];
  let seed = 7;
  const random = (below: number) => {
    seed = Math.imul(seed, 1664525) + 1013904223 >>> 0;
    return Math.floor(seed / 2 ** 32 * below);
  };
  for (let i = 0; i < 5000; i++) {
    const tail = Array.from({ length: random(24) }, () => "0123456789abcdef,;:=-sctrZ}#$"[random(29)]).join("");
    send(encodePacket(new TextEncoder().encode(names[random(names.length)] + tail)));
    if (dbg.stop === null) run(2000);
    if (dbg.stop === null) send(Uint8Array.of(3));
    run(1);
  }
});
