import { startThread } from "./threads.ts";

let early: Worker | null = null;

function start(): Worker {
  return startThread(new URL("./vm_worker.ts", import.meta.url));
}

/** Starts the machine's Worker before anybody asks for it: it loads while the command line is read. */
export function startMachineWorkerEarly(): void {
  early ??= start();
}

/** The machine's Worker, which waits for the start message. */
export function machineWorker(): Worker {
  const worker = early ?? start();
  early = null;
  return worker;
}
