import { type MessagePort as NodePort, receiveMessageOnPort } from "node:worker_threads";
import { BadInput } from "./guest_layout.ts";
import { CONTROL, type GuestFiles, type KernelAnswer, type StartMessage, type WorkerMessage } from "./vm_protocol.ts";

/** The machine's end of the kernel's file: the kernel's bytes are here only while a guest is put in its memory. */
export class KernelReader {
  readonly #post: (message: WorkerMessage) => void;
  readonly #control: Int32Array;
  readonly #port: MessagePort | null;
  #files: GuestFiles;

  constructor({ guest, kernelPort }: StartMessage, post: (message: WorkerMessage) => void, control: Int32Array) {
    this.#files = guest;
    this.#port = kernelPort;
    this.#post = post;
    this.#control = control;
  }

  /** Gives the kernel's memory back to the host, where it can be read again: whoever has it finds it empty. */
  release(): void {
    if (this.#port) (this.#files.kernel!.buffer as ArrayBuffer).transfer(0);
  }

  /**
   * The guest's files for its next life. Waits for the main thread; null when the machine is to stop meanwhile. Throws
   * BadInput where the kernel is not what it was.
   */
  readAgain(): GuestFiles | null {
    if (this.#port === null) return this.#files;
    const known = Atomics.load(this.#control, CONTROL.kernels);
    this.#post({ type: "readKernel" });
    while (Atomics.load(this.#control, CONTROL.stop) === 0) {
      const answer = receiveMessageOnPort(this.#port as unknown as NodePort)?.message as KernelAnswer | undefined;
      if (answer && "why" in answer) throw new BadInput(answer.why);
      if (answer) {
        const kernel = new Uint8Array(answer.buffer, answer.byteOffset, answer.length);
        return this.#files = { ...this.#files, kernel };
      }
      Atomics.wait(this.#control, CONTROL.kernels, known, WAIT_MS);
    }
    return null;
  }
}

/** A request to stop is found after so long at most. */
const WAIT_MS = 20;
