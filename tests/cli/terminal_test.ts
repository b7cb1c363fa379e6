import { assertEquals } from "@std/assert";
import { needs } from "../needs.ts";
import { Dialog, FROM_SOURCE, onTerminal } from "./ariel.ts";
import { guestFile } from "./guests.ts";

/* The harness ends with 97 when the terminal was not left as it was found. */

const terminal = needs({ permissions: ["read", "write", "run", "env"], programs: ["python3"] });

function echo(): Dialog {
  const args = ["run", guestFile("echo"), "--log-level", "none"];
  return new Dialog(args, { command: onTerminal(FROM_SOURCE), timeoutMs: 60_000 });
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

Deno.test({
  name: "ariel: a reader that goes away ends commands without a word",
  ...needs({ permissions: ["read", "write", "run", "env"], programs: ["sh"] }),
  async fn() {
    for (const args of ["man", "help", "completions bash", "run --log-level none --monitor none"]) {
      const command = `{ ${FROM_SOURCE.join(" ")} ${args} </dev/null; echo "$?" >&2; } | head -c 1 >/dev/null`;
      const { stderr } = await new Deno.Command("sh", { args: ["-c", command], stdin: "null" }).output();
      const text = new TextDecoder().decode(stderr).replace(/^ariel: the guest asked .*\n/, "");
      assertEquals(["0\n", "130\n"].includes(text), true, `${args}: ${text}`);
    }
  },
});
