import { type Command, commandList } from "./command.ts";
import { LOG_DECODE } from "./log.ts";
import { RUN } from "./run.ts";
import { VERSION } from "./version.ts";

/** Every subcommand, in the order in which help shows them. */
export const COMMANDS: readonly Command[] = [RUN, LOG_DECODE];

/** What `ariel` says when it is called without a command. */
export const SHORT_START = `Ariel ${VERSION}: an AArch64 machine emulator with an EL2 hypervisor

  ariel run                          run the bundled diagnostic guest
  ariel run --kernel Image           boot Linux

Commands:
${commandList(COMMANDS)}
"ariel COMMAND --help" tells more of a command.
`;
