import { commandList } from "./command.ts";
import { COMMANDS } from "./commands.ts";
import { VERSION } from "./version.ts";

/** What `ariel` says when it is called without a command. */
export function shortStart(): string {
  return `Ariel ${VERSION}: an AArch64 machine emulator with an EL2 hypervisor

Try:
  ariel run                          the bundled diagnostic guest: no files needed
  ariel run --kernel Image           Linux, with its console here; Ctrl-A x quits

Commands:
${commandList(COMMANDS)}
"ariel help" explains more, "ariel COMMAND --help" shows a command's options.
`;
}
