import { assemble } from "../../core/a64/assembler.ts";
import { GUEST_IPA } from "../../core/machine/memory_map.ts";
import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { Dialog, FROM_SOURCE } from "../cli/ariel.ts";
import { guestFile } from "../cli/guests.ts";
import { needs, realGuests } from "../needs.ts";

/* The GDB that users have, at the other end of --gdb. */

const WITH_NET = FROM_SOURCE.toSpliced(-1, 0, "--allow-net");
const GDB = "gdb-multiarch";
/** Where Linux maps its image without KASLR, and the first value of its `jiffies`: five minutes before 2^32, at 250 Hz. */
const KIMAGE_VADDR = 0xffff_8000_8000_0000n;
const INITIAL_JIFFIES = 0x1_0000_0000n - 300n * 250n;

/** A port that nobody listens on. */
function freePort(): number {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = listener.addr as Deno.NetAddr;
  listener.close();
  return port;
}

/** A GDB that is talked to. */
class Gdb {
  readonly #dialog: Dialog;

  constructor(args: readonly string[] = []) {
    this.#dialog = new Dialog(["-nx", "-q", "-iex", "set pagination off", "-iex", "set confirm off", ...args], {
      // Errors and what monitor commands show are written to stderr
      command: ["sh", "-c", `exec ${GDB} "$@" 2>&1`, GDB],
      timeoutMs: 120_000,
    });
  }

  /** What a command shows, up to the next prompt. */
  async do(command: string): Promise<string> {
    await this.start(command);
    return await this.output();
  }
  async start(command: string): Promise<void> {
    await this.#dialog.send(`${command}\n`);
  }
  async output(): Promise<string> {
    return (await this.#dialog.expect(/^([\s\S]*?)\(gdb\) /))[1];
  }
  interrupt(): void {
    this.#dialog.signal("SIGINT");
  }
  async quit(): Promise<void> {
    await this.#dialog.send("quit\n");
    await this.#dialog.end();
  }
}

/** Connects to a port; GDB tries again until somebody listens. */
async function connect(port: number): Promise<Gdb> {
  const gdb = new Gdb();
  await gdb.output();
  await gdb.do("set architecture aarch64");
  assertMatch(await gdb.do(`target remote 127.0.0.1:${port}`), /in \?\? \(\)/);
  return gdb;
}

/** The address of `jiffies` by its first value: it has a cache line of its own. */
function jiffiesOf(image: Uint8Array): bigint {
  const values = new BigUint64Array(image.buffer, 0, image.length >>> 3);
  for (let i = 0; i < values.length; i += 8) if (values[i] === INITIAL_JIFFIES) return KIMAGE_VADDR + BigInt(8 * i);
  throw new Error("Cannot find jiffies in the kernel");
}

Deno.test({
  name:
    "gdb-multiarch and a booting Linux: breakpoint, steps, registers, memory, a watched variable, interrupt, monitor, detach",
  ...needs({ permissions: ["run", "read", "write"], programs: [GDB], paths: ["ARIEL_REAL"] }),
  async fn() {
    const path = `${realGuests()}/linux-6.12/Image`, image = Deno.readFileSync(path), port = freePort();
    const view = new DataView(image.buffer);
    // The header's second word branches to the kernel's entry
    const entry = 0x4000_0004 + ((view.getUint32(4, true) << 6) >> 4);
    const guest = new Dialog(
      [
        "run",
        "--gdb",
        `${port},wait`,
        "--kernel",
        path,
        "--append",
        "console=ttyAMA0 earlycon nokaslr",
        "--log-level=none",
      ],
      { command: WITH_NET, timeoutMs: 120_000 },
    );
    const gdb = await connect(port);
    assertStringIncludes(await gdb.do("info registers pc"), "0x40000000");
    assertStringIncludes(await gdb.do("x/1xw 0x40000038"), "0x644d5241");
    await gdb.do(`break *${entry}`);
    assertStringIncludes(await gdb.do("continue"), `Breakpoint 1, 0x${entry.toString(16).padStart(16, "0")}`);
    assertMatch(await gdb.do("p $CurrentEL"), /= 4/);
    assertMatch(await gdb.do("p/x $HCR_EL2 & 1"), /= 0x1/);
    await gdb.do("stepi");
    assertEquals((await gdb.do("p $pc == $x30 || $pc != 0")).includes("= 1"), true);
    await gdb.do("delete");
    await gdb.start("continue");
    await guest.expect("Kernel command line");
    gdb.interrupt();
    assertStringIncludes(await gdb.output(), "Program received signal SIGINT");
    const jiffies = `0x${jiffiesOf(image).toString(16)}`;
    await gdb.do(`watch *(unsigned long *)${jiffies}`);
    const [, before, after] = /Old value = (\d+)\r?\nNew value = (\d+)/.exec(await gdb.do("continue"))!;
    assertEquals(Number(after), Number(before) + 1);
    assertEquals(Number(after) > 2 ** 32 - 75_000, true);
    await gdb.do("delete");
    await gdb.do("set var $x9 = 0x123456789abcdef0");
    assertStringIncludes(await gdb.do("p/x $x9"), "0x123456789abcdef0");
    assertMatch(await gdb.do("monitor info exceptions"), /EL1 +\d+ +IRQ/);
    assertMatch(await gdb.do("info threads"), /\* 1 +Thread 1 "vCPU 0" \(EL1, running\)/);
    assertStringIncludes(await gdb.do("detach"), "detached");
    await gdb.quit();
    await guest.expect("Kernel panic");
    guest.signal("SIGTERM");
    await guest.end();
  },
});

Deno.test({
  name: "gdb-multiarch: vCPUs are threads, k ends the guest, and the guest's end is told",
  ...needs({ permissions: ["run", "read", "write"], programs: [GDB] }),
  async fn() {
    const folder = Deno.makeTempDirSync(), file = `${folder}/guest.bin`, port = freePort();
    Deno.writeFileSync(file, assemble("loop: add x0, x0, #1\n b loop\n", { origin: BigInt(GUEST_IPA) }).bytes);
    const guest = new Dialog(["run", file, "--smp", "2", "--gdb", `${port}`], { command: WITH_NET });
    const gdb = await connect(port);
    assertMatch(await gdb.do("info threads"), /2 +Thread 2 "vCPU 1" \(off\)/);
    assertMatch(await gdb.do("x/2i 0x40000000"), /add\s+x0, x0, #0x1\n.*b\s+0x40000000/);
    const before = Number(/= (\d+)/.exec(await gdb.do("p $x0"))![1]);
    await gdb.do("stepi 4");
    assertEquals(Number(/= (\d+)/.exec(await gdb.do("p $x0"))![1]), before + 2);
    await gdb.do("kill");
    assertEquals((await guest.end()).code, 130);
    await gdb.quit();
    Deno.removeSync(folder, { recursive: true });
  },
});

Deno.test({
  name: "gdb-multiarch: a guest that has crashed stops, and goes on when it has been repaired",
  ...needs({ permissions: ["run", "read", "write"], programs: [GDB] }),
  async fn() {
    const port = freePort();
    const guest = new Dialog(["run", guestFile("emptyVectors"), "--gdb", `${port},wait`, "--log-level=none"], {
      command: WITH_NET,
    });
    const gdb = await connect(port);
    for (let i = 0; i < 2; i++) {
      assertMatch(await gdb.do("continue"), /fails at its own exception vector[^]*\n0x0*48000200 in/);
    }
    await gdb.do("set var *(int *)0x48000200 = 0xd4000002"); // HVC #0
    await gdb.do("set var $x0 = 0x84000008"); // PSCI SYSTEM_OFF
    await gdb.start("continue");
    assertEquals((await guest.end()).code, 0);
    await gdb.quit();
  },
});
