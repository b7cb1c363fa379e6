import type { Debugger } from "../debug/debugger.ts";
import type { Vm } from "../hypervisor/vm.ts";
import type { LogLevel } from "../log/record.ts";

/** The policies of the guest, as the monitor shows and changes them. */
export interface PolicyControl {
  /** Every rule in order, with how often it has decided. */
  show(): string;
  /** Loads the policies' files again; the old ones stay where that fails. `done` is told what came of it. */
  reload(done: (message: string) => void): void;
  /** Puts other policies in place: built-in names or files. */
  set(names: readonly string[], done: (message: string) => void): void;
}

/** The trap log, as the monitor shows and changes it. */
export interface LogControl {
  level: LogLevel;
  /** Lets only records through that an expression wants, such as kind==mmio; null lets all. Throws Error for nonsense. */
  filter(expression: string | null): void;
  /** The latest records that an expression wants, as lines, oldest first. */
  dump(count: number, expression: string | null): Iterable<string>;
}

/** A part of a file: where it begins, and its bytes. What no part covers is zero. */
export interface FilePart {
  readonly offset: number;
  readonly bytes: Uint8Array;
}

/** What the monitor looks at and works on. All but the debugger may be missing. */
export interface MonitorTarget {
  readonly debugger: Debugger;
  /** The hypervisor's VMs; none where software runs on the bare machine. */
  readonly vms: readonly Vm[];
  readonly policy: PolicyControl | null;
  readonly log: LogControl | null;
  /** Makes the guest begin anew. */
  reset(): void;
  /** Ends the run. */
  quit(): void;
  /** Writes a file of the host. `done` is told what came of it. */
  saveFile(path: string, sizeBytes: number, parts: Iterable<FilePart>, done: (message: string) => void): void;
}
