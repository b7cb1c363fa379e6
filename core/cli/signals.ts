/** Signals that ask the program to end. */
export const END_SIGNALS: readonly Deno.Signal[] = Deno.build.os === "windows"
  ? ["SIGINT"]
  : ["SIGINT", "SIGTERM", "SIGHUP", "SIGQUIT"];

/** Exit code of a command that a signal has ended. */
export const INTERRUPTED = 130;

/** Calls `act` when a signal asks for the end while `work` is done. */
export async function onEndSignal<T>(act: () => void, work: () => Promise<T>): Promise<T> {
  for (const signal of END_SIGNALS) Deno.addSignalListener(signal, act);
  try {
    return await work();
  } finally {
    for (const signal of END_SIGNALS) Deno.removeSignalListener(signal, act);
  }
}
