import type { WorkerMessage } from "../../core/cli/vm_protocol.ts";

/* The machine's Worker, which breaks down when the guest has written an x. */

declare const self: { postMessage(message: WorkerMessage): void };

const post = self.postMessage.bind(self);
self.postMessage = (message) => {
  post(message);
  if (message.type === "console" && message.bytes.includes("x".charCodeAt(0))) throw new Error("broken down");
};
// Not before: it keeps the function that it finds
await import("../../core/cli/vm_worker.ts");
