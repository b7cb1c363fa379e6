import { type ChannelWriter, FRAME } from "../debug/channel.ts";
import { UsageError } from "./command.ts";
import { parseNumber, reason } from "./files.ts";
import { OrderedOutput } from "./output.ts";

/**
 * A listening socket whose connection is a channel of the machine: bytes from it go to the Worker, which answers through
 * `write`. One connection at a time; a second is told so and closed.
 */
export class ChannelServer {
  readonly #listener: Deno.Listener;
  readonly #channel: number;
  readonly #writer: ChannelWriter;
  #connection: Deno.Conn | null = null;
  #output: OrderedOutput | null = null;

  constructor(listener: Deno.Listener, channel: number, writer: ChannelWriter) {
    this.#listener = listener;
    this.#channel = channel;
    this.#writer = writer;
    this.#accept();
  }

  get address(): Deno.Addr {
    return this.#listener.addr;
  }

  async #accept(): Promise<void> {
    for (;;) {
      let connection: Deno.Conn;
      try {
        connection = await this.#listener.accept();
      } catch {
        return; // closed
      }
      if (this.#connection) refuse(connection);
      else this.#serve(connection);
    }
  }

  async #serve(connection: Deno.Conn): Promise<void> {
    if ("setNoDelay" in connection) (connection as Deno.TcpConn).setNoDelay();
    this.#connection = connection;
    this.#output = new OrderedOutput(connection, () => this.hangUp());
    await this.#writer.send(this.#channel, FRAME.open);
    const buffer = new Uint8Array(16384);
    try {
      for (let n = await connection.read(buffer); n !== null; n = await connection.read(buffer)) {
        await this.#writer.send(this.#channel, FRAME.data, buffer.subarray(0, n));
      }
    } catch {
      // The other side is gone, or the machine has hung up
    }
    this.#forget(connection);
    await this.#writer.send(this.#channel, FRAME.close);
  }

  #forget(connection: Deno.Conn): void {
    if (this.#connection !== connection) return;
    this.#connection = this.#output = null;
    close(connection);
  }

  write(bytes: Uint8Array): void {
    this.#output?.write(bytes);
  }

  /** Ends the connection when what was written is out. */
  async hangUp(): Promise<void> {
    const connection = this.#connection;
    if (!connection) return;
    await this.#output?.drain(250);
    this.#forget(connection);
  }

  async close(): Promise<void> {
    close(this.#listener);
    await this.hangUp();
  }
}

function close(resource: { close(): void }): void {
  try {
    resource.close();
  } catch (error) {
    if (!(error instanceof Deno.errors.BadResource)) throw error;
  }
}

async function refuse(connection: Deno.Conn): Promise<void> {
  try {
    await connection.write(new TextEncoder().encode("ariel: somebody else is connected\r\n"));
  } catch {
    // It did not wait for an answer
  }
  close(connection);
}

/** Where --gdb listens: `[HOST:]PORT[,wait]`. */
export interface GdbAddress {
  readonly hostname: string;
  readonly port: number;
  /** The guest waits for GDB before its first instruction. */
  readonly wait: boolean;
}

/** Throws UsageError. The loopback interface unless a host is named; port 0 is any that is free. */
export function parseGdbAddress(text: string): GdbAddress {
  const match = /^(?:(\[[^\]]+\]|[^:,]*):)?([^,]*)(,wait)?$/.exec(text);
  if (!match) throw new UsageError(`Cannot read "${text}" for --gdb as [HOST:]PORT[,wait]`);
  const port = match[2] === "0" ? 0 : parseNumber(match[2], "--gdb", 65535);
  if (!Number.isInteger(port)) throw new UsageError(`Cannot take "${match[2]}" for --gdb as a port is a whole number`);
  const hostname = (match[1] ?? "").replace(/^\[|\]$/g, "") || "127.0.0.1";
  return { hostname, port, wait: match[3] !== undefined };
}

/** Listens for GDB. Throws UsageError where the address cannot be had. */
export function listenForGdb({ hostname, port }: GdbAddress): Deno.TcpListener {
  try {
    return Deno.listen({ hostname, port });
  } catch (error) {
    throw new UsageError(`Cannot listen on ${hostname}:${port} for --gdb: ${reason(error)}`);
  }
}

/**
 * Listens on a Unix socket for the monitor, which is gone when the program has ended; one that nobody serves any more
 * is replaced. Throws UsageError.
 */
export async function listenForMonitor(path: string): Promise<Deno.UnixListener> {
  try {
    if (Deno.lstatSync(path).isSocket) {
      if (await isServed(path)) throw new Error("another program serves it");
      Deno.removeSync(path);
    }
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) {
      throw new UsageError(`Cannot use ${path} for --monitor: ${reason(error)}`);
    }
  }
  try {
    const listener = Deno.listen({ transport: "unix", path });
    globalThis.addEventListener("unload", () => removeSocket(path));
    return listener;
  } catch (error) {
    throw new UsageError(`Cannot listen on ${path} for --monitor: ${reason(error)}`);
  }
}

async function isServed(path: string): Promise<boolean> {
  try {
    (await Deno.connect({ transport: "unix", path })).close();
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.ConnectionRefused) return false;
    throw error;
  }
}

function removeSocket(path: string): void {
  try {
    Deno.removeSync(path);
  } catch {
    // Somebody has removed it, or its folder
  }
}
