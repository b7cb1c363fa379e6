import type { LogLevel } from "../log/record.ts";
import type { PolicySource } from "../policy/bundle.ts";
import type { OnPolicyError } from "../policy/handlers.ts";
import type { MachineStatistics } from "./stats.ts";

/*
 * What the main thread and the machine's Worker say to each other.
 */

/** Words of the control block that both share: the stop request, the bytes of output and the parts of files that were consumed, the kernels that were read again. */
export const CONTROL = { stop: 0, consumed: 1, saved: 2, kernels: 3 } as const;
export const CONTROL_BYTES = 16;

/** The command line of a kernel that is given none: its console is the PL011. */
export const DEFAULT_APPEND = "console=ttyAMA0";

/** Starts the machine: everything is in here, since the Worker has no permissions. */
export interface StartMessage {
  readonly type: "start";
  readonly guest: GuestFiles;
  readonly memoryBytes: number;
  readonly cpuCount: number;
  readonly cpu: string;
  readonly time: "real" | "virtual";
  readonly maxInstructions: number;
  /** Wall-clock time at start, in seconds since 1970, for the PL031. */
  readonly epochSeconds: number;
  readonly logLevel: LogLevel;
  /** A RecordRing for the trap log. */
  readonly logRing: SharedArrayBuffer;
  /** Records and the console's output are read in one place, so their order matters. */
  readonly isLogInterleaved: boolean;
  /** Hot code is translated by the JIT, on the thread that `compilerPort` leads to once the session has made it. */
  readonly jit: boolean;
  readonly compilerPort: MessagePort | null;
  /** Where a KernelAnswer follows "readKernel". Null where the kernel cannot be read again: the machine keeps it. */
  readonly kernelPort: MessagePort | null;
  /** A ByteRing with the console's input. */
  readonly input: SharedArrayBuffer;
  readonly policies: readonly PolicySource[];
  /** Who may stop the guest and look at it; null for nobody. */
  readonly debug: DebugOptions | null;
  /** A Heartbeat's words. */
  readonly heartbeat: SharedArrayBuffer;
  readonly onPolicyError: OnPolicyError;
  /** The words of CONTROL. */
  readonly control: SharedArrayBuffer;
  /** `performance.timeOrigin + performance.now()` when the process began, for statistics. */
  readonly startedAtMs: number;
}

export interface DebugOptions {
  /** The ring of a ChannelWriter. */
  readonly channels: SharedArrayBuffer;
  /** The monitor shares the guest's terminal. */
  readonly hasTerminal: boolean;
  /** The guest waits for GDB before its first instruction. */
  readonly waits: boolean;
}

/**
 * A guest's kernel for its next life, or why there is none. Not as a Uint8Array: Deno looks at each element of an array
 * that receiveMessageOnPort gives.
 */
export type KernelAnswer =
  | { readonly buffer: ArrayBuffer; readonly byteOffset: number; readonly length: number }
  | { readonly why: string };

/** An answer of the main thread to the monitor, in frames of CHANNEL.main. */
export type MainReply =
  | { readonly kind: "saved"; readonly message: string }
  /** The policies that were read, or null and why they cannot be. */
  | { readonly kind: "policies"; readonly sources: readonly PolicySource[] | null; readonly message: string };

export interface GuestFiles {
  /** The file's name, for messages; null for the bundled diagnostic guest. */
  readonly kernelName: string | null;
  readonly kernel: Uint8Array | null;
  readonly initrd: Uint8Array | null;
  readonly initrdName: string | null;
  /** Null when none is given. */
  readonly append: string | null;
  readonly dtb: Uint8Array | null;
  readonly dtbName: string | null;
  /** 32 bytes of entropy for the guest. */
  readonly rngSeed: Uint8Array;
  /** The devicetree is wanted instead of a run. */
  readonly dumpDtb: boolean;
}

/** How a run ended. */
export type Outcome =
  | { readonly kind: "off" }
  | { readonly kind: "killed"; readonly code: number; readonly why: string }
  | { readonly kind: "crashed"; readonly why: string }
  | { readonly kind: "timeout" | "limit" | "interrupted" | "idle" }
  | { readonly kind: "badInput"; readonly why: string };

/** What the stop word asks for; 0 is to go on. */
export const STOP_REQUESTS: readonly (Outcome | null)[] = [null, { kind: "interrupted" }, { kind: "timeout" }];

export interface Statistics extends MachineStatistics {
  readonly instructions: number;
  readonly seconds: number;
  readonly mips: number;
  readonly first_output_ms: number | null;
  /** Counts by kind of trap and verdict. */
  readonly traps: Readonly<Record<string, Readonly<Record<string, number>>>>;
}

export type WorkerMessage =
  | { readonly type: "console"; readonly bytes: Uint8Array }
  /** Something that the user should know, for stderr. */
  | { readonly type: "notice"; readonly text: string }
  | { readonly type: "dtb"; readonly bytes: Uint8Array }
  /** The kernel is needed again, for a reset. */
  | { readonly type: "readKernel" }
  /** Bytes for the other side of a channel, and its end. */
  | { readonly type: "channel"; readonly channel: number; readonly bytes: Uint8Array }
  | { readonly type: "hangUp"; readonly channel: number }
  /** Who gets what is typed. */
  | { readonly type: "focus"; readonly isMonitor: boolean }
  /** Policies are to be read: by their names, or with null those that are in force. A MainReply follows. */
  | { readonly type: "readPolicies"; readonly names: readonly string[] | null }
  /** A file is to be written, part by part; a MainReply follows its end. */
  | { readonly type: "fileBegin"; readonly path: string; readonly sizeBytes: number }
  | { readonly type: "filePart"; readonly offset: number; readonly bytes: Uint8Array }
  | { readonly type: "fileEnd" }
  | { readonly type: "end"; readonly outcome: Outcome; readonly statistics: Statistics | null };
