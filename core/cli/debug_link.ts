import { CHANNEL, ChannelWriter, FRAME } from "../debug/channel.ts";
import { ByteRing } from "../machine/byte_ring.ts";
import { UsageError } from "./command.ts";
import type { ChannelServer } from "./debug_server.ts";
import { reason } from "./files.ts";
import { writeAll } from "./output.ts";
import { readPolicies } from "./policy_files.ts";
import { CONTROL, type DebugOptions, type MainReply, type WorkerMessage } from "./vm_protocol.ts";

/** What the debugger is offered on this side: sockets that listen, and whether it shares the terminal. */
export interface DebugSetup {
  readonly options: DebugOptions;
  /** Puts channels on sockets. */
  readonly serve: (writer: ChannelWriter) => ReadonlyMap<number, ChannelServer>;
}

/** The main thread's end of the monitor and GDB: sockets, files and policies that they ask for. */
export class DebugLink {
  readonly writer: ChannelWriter;
  readonly #servers: ReadonlyMap<number, ChannelServer>;
  readonly #control: Int32Array;
  readonly #writeTerminal: (bytes: Uint8Array) => void;
  /** The names of the policies that are in force. */
  #policies: readonly string[];
  /** Told of other policies. */
  readonly #policiesChanged: (names: readonly string[]) => void;
  #file: { readonly path: string; readonly to: Deno.FsFile; readonly sizeBytes: number } | null = null;
  #fileError: string | null = null;

  constructor(
    setup: DebugSetup,
    control: Int32Array,
    wake: () => void,
    writeTerminal: (bytes: Uint8Array) => void,
    policies: readonly string[],
    policiesChanged: (names: readonly string[]) => void,
  ) {
    this.writer = new ChannelWriter(new ByteRing(setup.options.channels), wake);
    this.#servers = setup.serve(this.writer);
    this.#control = control;
    this.#writeTerminal = writeTerminal;
    this.#policies = policies;
    this.#policiesChanged = policiesChanged;
  }

  /** Takes a message of the Worker. */
  receive(message: WorkerMessage): void {
    switch (message.type) {
      case "channel":
        if (message.channel === CHANNEL.terminal) this.#writeTerminal(message.bytes);
        else this.#servers.get(message.channel)?.write(message.bytes);
        return;
      case "hangUp":
        this.#servers.get(message.channel)?.hangUp();
        return;
      case "readPolicies":
        this.#readPolicies(message.names);
        return;
      case "fileBegin":
        return this.#beginFile(message.path, message.sizeBytes);
      case "filePart":
        return this.#writePart(message.offset, message.bytes);
      case "fileEnd":
        return this.#endFile();
    }
  }

  async close(): Promise<void> {
    await Promise.all([...this.#servers.values()].map((server) => server.close()));
  }

  #reply(reply: MainReply): void {
    this.writer.send(CHANNEL.main, FRAME.open);
    this.writer.send(CHANNEL.main, FRAME.data, new TextEncoder().encode(JSON.stringify(reply)));
    this.writer.send(CHANNEL.main, FRAME.close);
  }

  async #readPolicies(names: readonly string[] | null): Promise<void> {
    try {
      const read = await readPolicies(names ?? this.#policies);
      this.#policies = read.names;
      this.#policiesChanged(read.names);
      this.#reply({ kind: "policies", sources: read.sources, message: "" });
    } catch (error) {
      if (!(error instanceof UsageError)) throw error;
      this.#reply({ kind: "policies", sources: null, message: `${error.message}. The policies stay as they were.` });
    }
  }

  #beginFile(path: string, sizeBytes: number): void {
    this.#fileError = null;
    try {
      this.#file = { path, to: Deno.openSync(path, { write: true, create: true, truncate: true }), sizeBytes };
    } catch (error) {
      this.#fileError = `Cannot write ${path}: ${reason(error)}.`;
    }
  }

  #writePart(offset: number, bytes: Uint8Array): void {
    try {
      this.#file?.to.seekSync(offset, Deno.SeekMode.Start);
      if (this.#file) writeAll(this.#file.to, bytes);
    } catch (error) {
      this.#fail(error);
    }
    Atomics.add(this.#control, CONTROL.saved, 1);
    Atomics.notify(this.#control, CONTROL.saved);
  }

  #endFile(): void {
    const file = this.#file;
    try {
      file?.to.truncateSync(file.sizeBytes);
      file?.to.close();
    } catch (error) {
      this.#fail(error);
    }
    this.#file = null;
    const message = this.#fileError ?? `Wrote ${file!.path}: ${file!.sizeBytes} bytes.`;
    this.#reply({ kind: "saved", message });
  }

  #fail(error: unknown): void {
    this.#fileError = `Cannot write ${this.#file?.path}: ${reason(error)}.`;
    this.#file?.to.close();
    this.#file = null;
  }
}
