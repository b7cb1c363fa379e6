import "../../cpu/exception_model.ts"; // defines the helpers that meanings call
import { Decoder } from "../../a64/decoder.ts";
import { MEANINGS } from "../../a64/table.ts";
import { collectGarbage } from "../garbage.ts";
import { numberHelpers } from "../helpers.ts";
import type { CompilerAnswer, CompilerSetup, CompilerTraps } from "./remote_compiler.ts";
import { Rehearsal } from "./rehearsal.ts";
import { type CompileRequest, Translator } from "./translator.ts";

/*
 * The thread on which regions are compiled. It is given a port by the main thread, and then hears from the machine's
 * thread: first the set-up, then batches of requests, each answered in turn.
 */

interface Scope {
  onmessage: ((event: MessageEvent<MessagePort>) => void) | null;
}

function rehearsalFor(memoryPages: number, soleVcpu: number): Rehearsal | null {
  try {
    return new Rehearsal(memoryPages, soleVcpu);
  } catch (error) {
    if (error instanceof RangeError) return null;
    throw error;
  }
}

(self as unknown as Scope).onmessage = ({ data: port }) => {
  let translator: Translator | null = null, asker = 0, answered: Int32Array;
  port.onmessage = ({ data }: MessageEvent<CompilerSetup | CompilerTraps | readonly CompileRequest[]>) => {
    if ("memory" in data) {
      asker = data.asker;
      answered = new Int32Array(data.answered);
      numberHelpers(data.helperNames);
      const { memory, soleVcpu } = data, decoder = new Decoder(MEANINGS, new Set(data.features));
      const isAnother = translator !== null;
      translator = new Translator(memory, decoder, soleVcpu, rehearsalFor(memory.byteLength / 65536, soleVcpu));
      // Later, when nothing on the stack can still hold the last life's translator
      if (isAnother) setTimeout(collectGarbage);
    } else if ("trappedSysregs" in data) translator!.trapSysregs(data.trappedSysregs);
    else {
      port.postMessage({ asker, batch: translator!.compile(data) } satisfies CompilerAnswer);
      Atomics.add(answered, 0, 1);
    }
  };
};
