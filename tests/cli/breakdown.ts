/*
 * Loaded before the program (`--preload`): the Worker of its machine then breaks down, as by a bug of ours, when the
 * guest has written an x; and the process ends by SIGKILL, so that Deno does not restore the terminal at its exit.
 */

const Original = Worker;
globalThis.Worker = class extends Original {
  constructor(url: string | URL, options?: WorkerOptions) {
    const isMachine = String(url).endsWith("/vm_worker.ts");
    super(isMachine ? new URL("breakdown_worker.ts", import.meta.url) : url, options);
  }
};

Deno.exit = (code) => {
  console.error(`exit ${code}`);
  Deno.kill(Deno.pid, "SIGKILL");
  for (;;);
};
