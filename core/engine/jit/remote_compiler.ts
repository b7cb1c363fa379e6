import { type MessagePort as NodePort, receiveMessageOnPort } from "node:worker_threads";
import { helperTable } from "../helpers.ts";
import type { CompiledBatch, CompileRequest, RegionCompilerService } from "./translator.ts";

/** What the compiler's thread is told first. */
export interface CompilerSetup {
  readonly memory: SharedArrayBuffer;
  readonly features: readonly string[];
  /** The helpers in the order of their ids, which are to be the same there. */
  readonly helperNames: readonly string[];
}

/** Has regions compiled on another thread, at the other end of a MessagePort; see compiler_worker.ts. */
export class RemoteCompiler implements RegionCompilerService {
  readonly #port: MessagePort;

  constructor(port: MessagePort, memory: SharedArrayBuffer, features: ReadonlySet<string>) {
    this.#port = port;
    const setup: CompilerSetup = { memory, features: [...features], helperNames: helperTable.map((h) => h.name) };
    port.postMessage(setup);
  }

  submit(requests: readonly CompileRequest[]): void {
    this.#port.postMessage(requests);
  }
  poll(): CompiledBatch | null {
    return receiveMessageOnPort(this.#port as unknown as NodePort)?.message as CompiledBatch ?? null;
  }
}
