import { CHANNEL, ChannelWriter } from "../debug/channel.ts";
import { UsageError } from "./command.ts";
import type { DebugSetup } from "./debug_link.ts";
import { ChannelServer, listenForGdb, listenForMonitor, parseGdbAddress } from "./debug_server.ts";
import { say } from "./output.ts";

/** --monitor and --gdb as they were given. */
export interface DebugArguments {
  readonly monitors: readonly string[];
  readonly gdb: string | undefined;
}

/**
 * Opens what --monitor and --gdb ask for, and says where GDB can connect. Throws UsageError. Null where nobody may stop
 * the guest.
 */
export async function listenForDebuggers(
  { monitors, gdb }: DebugArguments,
  isTerminal: boolean,
): Promise<DebugSetup | null> {
  let hasTerminal = isTerminal && monitors.length === 0;
  const listeners = new Map<number, Deno.Listener>();
  for (const monitor of monitors) {
    const path = /^unix=(.+)$/.exec(monitor)?.[1];
    if (monitor === "stdio") hasTerminal = true;
    else if (path !== undefined && !listeners.has(CHANNEL.monitorSocket)) {
      listeners.set(CHANNEL.monitorSocket, await listenForMonitor(path));
    } else if (monitor !== "none") {
      throw new UsageError(`Cannot take "${monitor}" for --monitor as it must be stdio, none or one unix=PATH`);
    }
  }
  const address = gdb === undefined ? null : parseGdbAddress(gdb);
  if (address) {
    const listener = listenForGdb(address);
    listeners.set(CHANNEL.gdb, listener);
    const { hostname, port } = listener.addr as Deno.NetAddr;
    say(`GDB can connect: target remote ${hostname.includes(":") ? `[${hostname}]` : hostname}:${port}`);
  }
  if (!hasTerminal && listeners.size === 0) return null;
  return {
    options: { channels: ChannelWriter.ring().buffer, hasTerminal, waits: address?.wait ?? false },
    serve: (writer) =>
      new Map([...listeners].map(([channel, listener]) => [channel, new ChannelServer(listener, channel, writer)])),
  };
}
