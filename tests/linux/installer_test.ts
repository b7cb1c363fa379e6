import { assertEquals } from "@std/assert";
import { Dialog, FROM_SOURCE, onTerminal } from "../cli/ariel.ts";
import { needs, realGuests } from "../needs.ts";

Deno.test({
  name: "the Debian installer reaches the screen on which one chooses a language",
  ...needs({ permissions: ["read", "write", "run", "env"], paths: ["ARIEL_REAL"], programs: ["python3"] }),
  async fn() {
    const installer = `${realGuests()}/installer`;
    const dialog = new Dialog(
      ["run", "--kernel", `${installer}/linux`, "--initrd", `${installer}/initrd.gz`, "-m", "1G"],
      { command: onTerminal(FROM_SOURCE), timeoutMs: 400_000, env: { TERM: "linux" } },
    );
    await dialog.expect("Select a language");
    await dialog.expect("English");
    await dialog.send("\x01x");
    assertEquals((await dialog.end()).code, 130);
  },
});
