import { CHANNEL, type ChannelWriter, FRAME } from "../debug/channel.ts";
import type { ByteRing } from "../machine/byte_ring.ts";
import { writeAside } from "./output.ts";

const CTRL_A = 0x01;
const HAS_JOB_CONTROL = Deno.build.os !== "windows";

/**
 * The user's terminal as the guest's console: raw, with Ctrl-A as the escape key, as QEMU's mon:stdio has it. Input
 * that is not a terminal is passed on as it is.
 */
export class ConsoleInput {
  readonly #ring: ByteRing;
  readonly #quit: () => void;
  /** Where the monitor is to be found, if it shares the terminal. */
  readonly #monitor: ChannelWriter | null;
  #isRaw = false;
  #escaped = false;
  /** What is typed is the monitor's. */
  isMonitor = false;

  constructor(ring: ByteRing, quit: () => void, monitor: ChannelWriter | null = null) {
    this.#ring = ring;
    this.#quit = quit;
    this.#monitor = monitor;
  }

  /** Starts to read; returns at once. */
  start(): void {
    if (Deno.stdin.isTerminal()) {
      this.#makeRaw();
      this.#isRaw = true;
      if (HAS_JOB_CONTROL) {
        Deno.addSignalListener("SIGTSTP", this.#stop);
        Deno.addSignalListener("SIGCONT", this.#makeRaw);
      }
    }
    this.#pump().finally(() => this.#ring.end());
  }

  /** Leaves the terminal as it was found; what is typed then is its own line editor's. */
  restore(): void {
    if (this.#isRaw) {
      if (HAS_JOB_CONTROL) {
        Deno.removeSignalListener("SIGTSTP", this.#stop);
        Deno.removeSignalListener("SIGCONT", this.#makeRaw);
      }
      Deno.stdin.setRaw(false);
    }
    this.#isRaw = false;
  }

  /** The program goes on: the shell has made the terminal its own meanwhile. */
  readonly #makeRaw = (): void => Deno.stdin.setRaw(true);

  /** The program is to stop, as by Ctrl-Z where that key is not the guest's. */
  readonly #stop = (): void => {
    Deno.stdin.setRaw(false);
    if (!stopItself()) this.#makeRaw();
  };

  async #pump(): Promise<void> {
    const buffer = new Uint8Array(4096);
    for (;;) {
      let count: number | null;
      try {
        count = await Deno.stdin.read(buffer);
      } catch {
        return; // closed: the guest goes on without input
      }
      if (count === null) return;
      if (!this.#isRaw && this.#monitor === null) await this.#deliver(buffer.slice(0, count));
      else await this.#unescape(buffer.subarray(0, count));
    }
  }

  /** Takes out what follows Ctrl-A: x quits, z stops, c turns to the monitor and back, Ctrl-A (or a) sends one. */
  async #unescape(bytes: Uint8Array): Promise<void> {
    let out: number[] = [];
    for (const byte of bytes) {
      if (!this.#escaped) {
        if (byte === CTRL_A) this.#escaped = true;
        else out.push(byte);
        continue;
      }
      this.#escaped = false;
      if (byte === CTRL_A || byte === 0x61) out.push(CTRL_A);
      else if (byte === 0x78) this.#quit();
      else if (byte === 0x7a && this.#isRaw && HAS_JOB_CONTROL) this.#stop();
      else if (byte === 0x68) writeAside(new TextEncoder().encode(this.#help));
      else if (byte === 0x63 && this.#monitor) {
        await this.#deliver(Uint8Array.from(out));
        out = [];
        this.isMonitor = !this.isMonitor;
        await this.#monitor.send(CHANNEL.terminal, this.isMonitor ? FRAME.open : FRAME.close);
      }
    }
    await this.#deliver(Uint8Array.from(out));
  }

  get #help(): string {
    const lines = [
      ...this.#monitor ? ["Ctrl-A c  switch between the guest and the monitor"] : [],
      "Ctrl-A x  quit",
      ...this.#isRaw && HAS_JOB_CONTROL ? ["Ctrl-A z  stop the program, until the shell's fg"] : [],
      "Ctrl-A a  send Ctrl-A to the guest",
      "Ctrl-A h  this help",
    ];
    return lines.map((line) => `\r\n${line}`).join("") + "\r\n";
  }

  async #deliver(bytes: Uint8Array): Promise<void> {
    if (bytes.length === 0) return;
    if (this.isMonitor && this.#monitor) return await this.#monitor.send(CHANNEL.terminal, FRAME.data, bytes);
    for (let rest = bytes; rest.length > 0;) {
      rest = rest.subarray(this.#ring.write(rest));
      // The guest reads no faster than it can; a full ring is tried again.
      if (rest.length > 0) await new Promise((resolve) => setTimeout(resolve, 5));
    }
  }
}

/** The one program that ours may run, where its runtime does not let it signal itself: Deno does so from 2.8.1 on. */
export const KILL = "/bin/kill";

/** Stops this program until it gets SIGCONT. Returns false where that is not permitted. */
function stopItself(): boolean {
  try {
    Deno.kill(Deno.pid, "SIGSTOP");
    return true;
  } catch {
    // Then with help
  }
  try {
    return new Deno.Command(KILL, { args: ["-STOP", String(Deno.pid)] }).outputSync().success;
  } catch {
    return false;
  }
}
