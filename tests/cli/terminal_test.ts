import { assertEquals } from "@std/assert";
import { needs } from "../needs.ts";
import { Dialog, FROM_SOURCE, onTerminal } from "./ariel.ts";
import { guestFile } from "./guests.ts";

/* The harness ends with 97 when the terminal was not left as it was found. */

/** Its exit code for a command that SIGKILL has ended: minus 9. */
const KILLED = 256 - 9;

const terminal = needs({ permissions: ["read", "write", "run", "env"], programs: ["python3"] });

function echo(command = FROM_SOURCE): Dialog {
  const args = ["run", guestFile("echo"), "--log-level", "none"];
  return new Dialog(args, { command: onTerminal(command), timeoutMs: 60_000 });
}

for (const signal of ["SIGINT", "SIGTERM", "SIGHUP", "SIGQUIT"] as const) {
  Deno.test({
    name: `ariel run: ${signal} ends it, with the terminal as it was`,
    ...terminal,
    async fn() {
      const dialog = echo();
      await dialog.expect("ready");
      dialog.signal(signal);
      assertEquals((await dialog.end()).code, 130);
    },
  });
}

Deno.test({
  name: "ariel run: the terminal is raw again when a shell has stopped the program and brought it back",
  ...terminal,
  async fn() {
    const dialog = echo();
    await dialog.expect("ready");
    dialog.signal("SIGUSR1");
    await new Promise((resolve) => setTimeout(resolve, 500));
    await dialog.send("a");
    await dialog.expect("a");
    await dialog.send("\x01x");
    assertEquals((await dialog.end()).code, 130);
  },
});

const STOPS = "SIGTSTP stops it with the terminal as it was, and the terminal is raw again when it goes on";

async function stopAndGoOn(command: readonly string[]): Promise<void> {
  const dialog = echo(command);
  await dialog.expect("ready");
  dialog.signal("SIGUSR2");
  await dialog.expect("[stopped, and went on]");
  await dialog.send("a");
  await dialog.expect("a");
  await dialog.send("\x01x");
  assertEquals((await dialog.end()).code, 130);
}

Deno.test({ name: `ariel run: ${STOPS}`, ...terminal, fn: () => stopAndGoOn(FROM_SOURCE) });

Deno.test({
  name: `the compiled program: ${STOPS}`,
  ...needs({ permissions: ["read", "write", "run", "env"], programs: ["python3"], paths: ["ARIEL_BINARY"] }),
  fn: () => stopAndGoOn([Deno.env.get("ARIEL_BINARY")!]),
});

/** A signal, and the keys. */
const STOPPERS: Readonly<Record<string, (dialog: Dialog, pid: number) => unknown>> = {
  "a shell stops it": (_, pid) => Deno.kill(pid, "SIGTSTP"),
  "Ctrl-A z stops it": (dialog) => dialog.send("\x01z"),
};

for (const [what, stop] of Object.entries(STOPPERS)) {
  Deno.test({
    name: `ariel run: ${what}, and the shell brings it back`,
    ...needs({ permissions: ["read", "write", "run", "env"], programs: ["python3", "bash"] }),
    async fn() {
      const dialog = new Dialog([], { command: onTerminal(["bash", "--norc", "--noediting", "-i"]) });
      const words = [...FROM_SOURCE, "run", guestFile("echo"), "--log-level", "none"];
      await dialog.send(`PS1='$ '; sh -c 'echo "pid=$$"; exec ${words.join(" ")}'\r`);
      const [, pid] = await dialog.expect(/pid=(\d+)/);
      await dialog.expect("ready");
      await stop(dialog, Number(pid));
      await dialog.expect(/Stopped[^]*\$ $/);
      await dialog.send("stty -a; fg\r");
      await dialog.expect(/ icanon [^]* echo /);
      await dialog.expect("sh -c");
      await dialog.send("\x01x");
      await dialog.expect("$ ");
      await dialog.send("exit $?\r");
      assertEquals((await dialog.end()).code, 130);
    },
  });
}

Deno.test({
  name: "ariel run: output of a guest that has ended which nobody takes leaves the terminal alone, and SIGTERM ends it",
  ...needs({ permissions: ["read", "write", "run", "env"], programs: ["python3", "bash"] }),
  async fn() {
    const command = [...FROM_SOURCE, "run", guestFile("burst"), "--log-level", "none", "--monitor", "none"].join(" ");
    // The fifo is never read
    const script = `cd "$(mktemp -d)"; mkfifo stuck; exec 3<>stuck; ${command} </dev/tty >stuck & pid=$!
      until stty -a | grep -q -e -icanon; do sleep 0.02; done
      until stty -a | grep -q ' icanon'; do sleep 0.02; done
      kill -TERM $pid; wait $pid; echo "ended with $?"; rm -r "$PWD"`;
    const dialog = new Dialog(["-c", script], { command: onTerminal(["bash"]) });
    await dialog.expect("ended with 130");
    assertEquals((await dialog.end()).code, 0);
  },
});

Deno.test({
  name: "ariel run: a machine's Worker that breaks down ends it with code 1, with the terminal as it was",
  ...terminal,
  async fn() {
    const [deno, run, ...rest] = FROM_SOURCE;
    const breakdown = new URL("breakdown.ts", import.meta.url).pathname;
    const dialog = echo([deno, run, "--allow-run", `--preload=${breakdown}`, ...rest]);
    await dialog.expect("ready");
    // Without a line's end: only a raw terminal passes it on
    await dialog.send("x");
    await dialog.expect(/internal error: .*broken down/);
    await dialog.expect("exit 1");
    assertEquals((await dialog.end()).code, KILLED);
  },
});

Deno.test({
  name: "ariel run: a signal while a kernel is unpacked takes the bar away",
  ...needs({ permissions: ["read", "write", "run", "env"], programs: ["python3", "xz"] }),
  async fn() {
    const folder = Deno.makeTempDirSync(), noise = new Uint8Array(1 << 20);
    for (let i = 0, x = 1; i < noise.length; i++) noise[i] = (x = Math.imul(x, 1664525) + 1013904223) >>> 30;
    Deno.writeFileSync(`${folder}/part`, noise);
    new Deno.Command("xz", { args: ["--check=sha256", `${folder}/part`] }).outputSync();
    const packed = await Deno.readFile(`${folder}/part.xz`);
    // Many streams, one after another, take longer than the bar's patience
    Deno.writeFileSync(`${folder}/kernel.xz`, new Uint8Array(await new Blob(Array(200).fill(packed)).arrayBuffer()));
    const dialog = new Dialog(["run", `${folder}/kernel.xz`], { command: onTerminal(FROM_SOURCE) });
    await dialog.expect(/Unpacking .*% .* left|% Unpacking/);
    dialog.signal("SIGTERM");
    const { code, stdout } = await dialog.end();
    assertEquals([code, stdout.endsWith("\r\x1b[K")], [130, true], stdout);
    Deno.removeSync(folder, { recursive: true });
  },
});

Deno.test({
  name: "ariel run: another size of the terminal changes nothing",
  ...terminal,
  async fn() {
    const dialog = echo();
    await dialog.expect("ready");
    dialog.signal("SIGWINCH");
    await dialog.send("a");
    await dialog.expect("a");
    await dialog.send("\x04");
    assertEquals((await dialog.end()).code, 0);
  },
});
