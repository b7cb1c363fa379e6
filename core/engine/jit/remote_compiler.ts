import { type MessagePort as NodePort, receiveMessageOnPort } from "node:worker_threads";
import { helperTable } from "../helpers.ts";
import type { CompiledBatch, CompileRequest, RegionCompilerService } from "./translator.ts";

/** What the compiler's thread is told first. */
export interface CompilerSetup {
  /** Which RemoteCompiler asks: answers to an earlier one of the same port are not for it. */
  readonly asker: number;
  readonly memory: SharedArrayBuffer;
  /** An int32: how many answers it has sent. */
  readonly answered: SharedArrayBuffer;
  readonly features: readonly string[];
  /** See Translator. */
  readonly soleVcpu: number;
  /** The helpers in the order of their ids, which are to be the same there. */
  readonly helperNames: readonly string[];
}

/** What it is told when other registers are trapped; see Engine.trapSysregs. */
export interface CompilerTraps {
  readonly trappedSysregs: readonly number[];
}

/** What comes back for each batch. */
export interface CompilerAnswer {
  readonly asker: number;
  readonly batch: CompiledBatch;
}

/** Has regions compiled on another thread, at the other end of a MessagePort; see compiler_worker.ts. */
export class RemoteCompiler implements RegionCompilerService {
  static #count = 0;
  readonly #asker = RemoteCompiler.#count++;
  readonly #port: MessagePort;
  /** How many answers there are, and how many of them were taken: looking at a port costs far more. */
  readonly #answered = new Int32Array(new SharedArrayBuffer(4));
  #taken = 0;

  constructor(port: MessagePort, memory: SharedArrayBuffer, features: ReadonlySet<string>, soleVcpu: number) {
    this.#port = port;
    port.postMessage(
      {
        asker: this.#asker,
        memory,
        answered: this.#answered.buffer,
        features: [...features],
        soleVcpu,
        helperNames: helperTable.map((h) => h.name),
      } satisfies CompilerSetup,
    );
  }

  submit(requests: readonly CompileRequest[]): void {
    this.#port.postMessage(requests);
  }
  trapSysregs(trappedSysregs: readonly number[]): void {
    this.#port.postMessage({ trappedSysregs } satisfies CompilerTraps);
  }
  poll(): CompiledBatch | null {
    while (Atomics.load(this.#answered, 0) !== this.#taken) {
      const answer = receiveMessageOnPort(this.#port as unknown as NodePort)?.message as CompilerAnswer | undefined;
      if (answer === undefined) return null;
      if (answer.asker !== this.#asker) continue;
      this.#taken++;
      return answer.batch;
    }
    return null;
  }
}
