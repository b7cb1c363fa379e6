import { assertEquals, assertMatch, assertStringIncludes, assertThrows } from "@std/assert";
import { assemble } from "../../core/a64/assembler.ts";
import { GUEST_IPA } from "../../core/machine/memory_map.ts";
import { ariel, Dialog, FROM_SOURCE, onTerminal } from "../cli/ariel.ts";
import { needs } from "../needs.ts";

/* The monitor as its user meets it: on a terminal that the guest shares, and on a socket. */

const PAUSE = 3;
const GUEST = `
.equ PL011, 0x09000000
.equ PSCI_SYSTEM_OFF, 0x84000008
start:  ldr   x20, =PL011
        ldr   w0, [x20, #0x18]
1:      mov   w0, #'.'
        strb  w0, [x20]
        mov   x1, #0x100000
3:      subs  x1, x1, #1
        b.ne  3b
        ldr   w0, [x20, #0x18]
        tbnz  w0, #4, 1b
        ldrb  w0, [x20]
        strb  w0, [x20]
        cmp   w0, #'p'
        b.ne  2f
        mov   x0, #${PAUSE}
        hvc   #0
2:      cmp   w0, #'q'
        b.ne  1b
        ldr   x0, =PSCI_SYSTEM_OFF
        hvc   #0
        .align 12
value:  .quad 0
`;

const terminal = needs({ permissions: ["run", "read", "write"], programs: ["python3"] });

/** The guest as a file, in a folder that goes away with the test. */
function guest(): { readonly file: string; readonly folder: string } {
  const folder = Deno.makeTempDirSync(), file = `${folder}/guest.bin`;
  Deno.writeFileSync(file, assemble(GUEST, { origin: BigInt(GUEST_IPA) }).bytes);
  return { file, folder };
}

Deno.test({
  name: "monitor: Ctrl-A c turns to it and back, what is typed goes where the user looks, Ctrl-A x ends",
  ...terminal,
  async fn() {
    const { file, folder } = guest();
    const dialog = new Dialog(["run", file], { command: onTerminal(FROM_SOURCE) });
    await dialog.expect("....");
    await dialog.send("x");
    await dialog.expect("x");
    await dialog.send("\x01h");
    await dialog.expect("Ctrl-A c  switch between the guest and the monitor");
    await dialog.send("\x01c");
    await dialog.expect("ariel monitor; `help` shows the commands");
    await dialog.expect("(ariel) ");
    await dialog.send("inf");
    await dialog.send("\treg\x7f\x7f\x7fvm\r");
    assertMatch((await dialog.expect(/vm1: VMID 1, RAM \[[^\]]*\)/))[0], /0x40000000/);
    await dialog.send("stop\r");
    await dialog.expect("Stopped, the guest at EL1");
    await dialog.send("info stage2 0x40000000\r");
    await dialog.expect("block, 0x42000000, rwx WB");
    await dialog.send("break 0x4000001c\rcontinue\r");
    await dialog.expect("Breakpoint 1, the guest at EL1");
    await dialog.send("xipa/1i 0x4000001c\rstep\r");
    await dialog.expect("0x0000000040000020: ");
    await dialog.send("delete\r\x1b[A\x1b[A\x1b[A\x03continue\r");
    await dialog.expect("...");
    await dialog.send("q");
    assertEquals((await dialog.end()).code, 0);
    Deno.removeSync(folder, { recursive: true });
  },
});

Deno.test({
  name: "monitor: PAUSE enters it, quit ends the run, the terminal is left as it was",
  ...terminal,
  async fn() {
    const { file, folder } = guest();
    const dialog = new Dialog(["run", file], { command: onTerminal(FROM_SOURCE) });
    await dialog.expect("...");
    await dialog.send("p");
    await dialog.expect("The guest asked for the monitor (PAUSE)");
    await dialog.send("log dump 1\r");
    await dialog.expect(/kind=hypercall what=PAUSE .*verdict=allow/);
    await dialog.send(`save ${folder}/core\r`);
    await dialog.expect(/Wrote \S+core: \d+ bytes\./);
    await dialog.send("policy set strict\r");
    await dialog.expect("1 policy is in force.");
    await dialog.send("policy set nothing\r");
    await dialog.expect(/Cannot find policy "nothing".*The policies stay as they were\./);
    await dialog.send("info policy\r");
    await dialog.expect("strict:");
    await dialog.send("reset\r");
    await dialog.expect("...");
    await dialog.send("\x01cquit\r");
    assertEquals((await dialog.end()).code, 130);
    Deno.removeSync(folder, { recursive: true });
  },
});

Deno.test({
  name: "monitor: on a Unix socket by lines; one user at a time",
  ...needs({ permissions: ["run", "read", "write"] }),
  async fn() {
    const { file, folder } = guest(), path = `${folder}/socket`;
    const command = FROM_SOURCE.toSpliced(-1, 0, "--allow-net");
    const dialog = new Dialog(["run", file, "--monitor", `unix=${path}`], { command });
    await dialog.expect("...");
    const socket = await Deno.connect({ transport: "unix", path });
    const decoder = new TextDecoder(), buffer = new Uint8Array(65536);
    let seen = "";
    const expect = async (what: string) => {
      while (!seen.includes(what)) {
        const count = await socket.read(buffer);
        if (count === null) throw new Error(`The monitor hung up before ${what}: ${seen}`);
        seen += decoder.decode(buffer.subarray(0, count));
      }
      seen = seen.slice(seen.indexOf(what) + what.length);
    };
    const send = (text: string) => socket.write(new TextEncoder().encode(text));
    await expect("(ariel) ");
    await send("info cpus\n");
    await expect("* vCPU 0: pc 0x00000000400000");
    const second = await Deno.connect({ transport: "unix", path });
    const count = await second.read(buffer);
    assertStringIncludes(decoder.decode(buffer.subarray(0, count!)), "somebody else is connected");
    second.close();
    const other = await ariel(["run", file, "--monitor", `unix=${path}`], { command });
    assertEquals(other, {
      code: 2,
      stdout: "",
      stderr: `ariel: Cannot use ${path} for --monitor: another program serves it\n`,
    });
    await send("stop\nstep\ncontinue\n");
    await expect("Stopped, the guest at EL1");
    await expect("=> 0x00000000400000");
    await send("quit\n");
    assertEquals((await dialog.end()).code, 130);
    socket.close();
    assertThrows(() => Deno.lstatSync(path), Deno.errors.NotFound);
    Deno.removeSync(folder, { recursive: true });
  },
});

Deno.test({
  name: "monitor: a Unix socket that a killed program has left is replaced",
  ...needs({ permissions: ["run", "read", "write"] }),
  async fn() {
    const { file, folder } = guest(), path = `${folder}/socket`;
    const command = FROM_SOURCE.toSpliced(-1, 0, "--allow-net");
    for (const signal of ["SIGKILL", "SIGTERM"] as const) {
      const dialog = new Dialog(["run", file, "--monitor", `unix=${path}`], { command });
      await dialog.expect("...");
      dialog.signal(signal);
      await dialog.end();
      assertEquals([...Deno.readDirSync(folder)].some(({ name }) => name === "socket"), signal === "SIGKILL");
    }
    Deno.removeSync(folder, { recursive: true });
  },
});

Deno.test({
  name: "monitor: options that make no sense are refused",
  ...needs({ permissions: ["run", "read", "write"] }),
  async fn() {
    for (
      const args of [["--monitor", "pipe"], ["--gdb", "x"], ["--gdb", "1.5"], ["--gdb", "99999"], [
        "--monitor",
        "unix=/nowhere/x",
      ]]
    ) {
      const { code, stderr } = await new Dialog(["run", ...args], { isStdinClosed: true }).end();
      assertEquals(code, 2, stderr);
      assertMatch(stderr, /^ariel: Cannot .*--(monitor|gdb)/);
    }
  },
});
