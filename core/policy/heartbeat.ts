import { TRAP_KINDS, type TrapKind } from "./trap.ts";

/** Words: a count that is odd while code of a policy runs, and what runs. */
const COUNT = 0, WHAT = 1;
const LOADING = 0xff, JOBS = 0xfe;

/** Tells another thread that code of a policy runs, and which. */
export class Heartbeat {
  static readonly BYTES = 8;
  readonly #words: Int32Array;

  /** @param buffer Heartbeat.BYTES long, zeros at first. */
  constructor(buffer: SharedArrayBuffer) {
    this.#words = new Int32Array(buffer);
  }

  /** A handler of a policy is called. */
  enter(policy: number, kind: TrapKind): void {
    this.#words[WHAT] = policy << 8 | TRAP_KINDS.indexOf(kind);
    Atomics.add(this.#words, COUNT, 1);
  }
  /** A policy is loaded: its top level runs. */
  enterLoading(policy: number): void {
    this.#words[WHAT] = policy << 8 | LOADING;
    Atomics.add(this.#words, COUNT, 1);
  }
  /** What code of policies has left behind to run later has its turn. */
  enterJobs(): void {
    this.#words[WHAT] = JOBS;
    Atomics.add(this.#words, COUNT, 1);
  }
  leave(): void {
    Atomics.add(this.#words, COUNT, 1);
  }

  /** How often code of a policy was entered or left: odd while it runs. */
  get count(): number {
    return Atomics.load(this.#words, COUNT);
  }
  /** What runs, or ran last, is a handler. */
  get isInHandler(): boolean {
    const part = Atomics.load(this.#words, WHAT) & 0xff;
    return part !== LOADING && part !== JOBS;
  }

  /**
   * What runs, or ran last, as a sentence without its end.
   * @param policies their names, by number.
   */
  describe(policies: readonly string[]): string {
    const what = Atomics.load(this.#words, WHAT),
      part = what & 0xff,
      policy = `policy ${policies[what >> 8] ?? what >> 8}`;
    if (part === JOBS) return "what a policy has left to run later did not end";
    return part === LOADING
      ? `${policy} did not finish loading`
      : `${policy} did not return from on.${TRAP_KINDS[part]}`;
  }
}

/** Looks so often whether a handler has returned, within the time that it has. */
const LOOKS = 8;

/**
 * Watches a heartbeat from another thread: when code of a policy has run for longer than it may, `onHang` is called,
 * once. What that code shares with us may still change for seconds: the process is to end.
 */
export class Watchdog {
  readonly #timer: ReturnType<typeof setInterval>;
  #count = 0;
  #sinceMs = 0;

  /** @param policies their names, by number. */
  constructor(
    heartbeat: Heartbeat,
    timeoutMs: number,
    policies: readonly string[],
    onHang: (what: string) => void,
  ) {
    this.#timer = setInterval(() => {
      const { count } = heartbeat, nowMs = performance.now();
      if ((count & 1) === 0 || count !== this.#count) {
        this.#count = count;
        this.#sinceMs = nowMs;
      } else if (nowMs - this.#sinceMs >= timeoutMs) {
        this.stop();
        onHang(`${heartbeat.describe(policies)} within ${timeoutMs / 1000} s (--policy-timeout)`);
      }
    }, timeoutMs / LOOKS);
  }

  stop(): void {
    clearInterval(this.#timer);
  }
}
