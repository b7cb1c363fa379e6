import { Heartbeat } from "../policy/heartbeat.ts";
import { RecordRing } from "../log/record_ring.ts";
import { ByteRing } from "../machine/byte_ring.ts";
import { GUEST_BYTES } from "../machine/memory_map.ts";
import { machineWorker } from "./machine_worker.ts";
import { CONTROL, CONTROL_BYTES, type Outcome, type StartMessage, type Statistics } from "./vm_protocol.ts";
import type { WorkerMessage } from "./vm_protocol.ts";

/** The date in it: 1 January 2026, in seconds since 1970. */
const EPOCH_S = 1_767_225_600;

/** How a guest's run ended that nobody watched. */
export interface QuietResult {
  readonly console: string;
  readonly outcome: Outcome;
  readonly statistics: Statistics | null;
  readonly seconds: number;
}

/** Runs a guest in the machine's Worker: the diagnostic one, or a flat binary. Null when it takes too long. */
export async function runQuietly(kernel: Uint8Array | null, timeoutMs: number): Promise<QuietResult | null> {
  const worker = machineWorker(), message = quietMessage(kernel), startMs = performance.now();
  const control = new Int32Array(message.control), decoder = new TextDecoder();
  let text = "", timer: ReturnType<typeof setTimeout> | undefined;
  try {
    return await new Promise((resolve, reject) => {
      timer = setTimeout(() => resolve(null), timeoutMs);
      worker.onerror = (event) => {
        event.preventDefault();
        reject(new Error(event.message));
      };
      worker.onmessage = ({ data }: MessageEvent<WorkerMessage>) => {
        if (data.type === "console") {
          text += decoder.decode(data.bytes, { stream: true });
          Atomics.add(control, CONTROL.consumed, data.bytes.length);
          Atomics.notify(control, CONTROL.consumed);
        } else if (data.type === "end") {
          const { outcome, statistics } = data;
          resolve({ console: text, outcome, statistics, seconds: (performance.now() - startMs) / 1000 });
        }
      };
      worker.postMessage(message);
    });
  } finally {
    clearTimeout(timer);
    worker.terminate();
  }
}

/** A run in virtual time without terminal, log, policies or debuggers. */
export function quietMessage(kernel: Uint8Array | null): StartMessage {
  return {
    type: "start",
    guest: {
      kernelName: kernel && "self-test",
      kernel,
      initrd: null,
      initrdName: null,
      append: null,
      dtb: null,
      dtbName: null,
      rngSeed: new Uint8Array(32),
      dumpDtb: false,
    },
    memoryBytes: GUEST_BYTES,
    cpuCount: 1,
    cpu: "max",
    time: "virtual",
    jit: true,
    compilerPort: null,
    kernelPort: null,
    maxInstructions: Infinity,
    epochSeconds: EPOCH_S,
    logLevel: "none",
    logRing: RecordRing.create(1024).buffer,
    isLogInterleaved: false,
    policies: [],
    debug: null,
    heartbeat: new SharedArrayBuffer(Heartbeat.BYTES),
    onPolicyError: "deny",
    input: ByteRing.create(1024).buffer,
    control: new SharedArrayBuffer(CONTROL_BYTES),
    startedAtMs: performance.timeOrigin,
  };
}
