import type { Vcpu } from "../cpu/vcpu.ts";
import { DebugError } from "../debug/debug_error.ts";
import { type Debugger, isOff, type StopListener } from "../debug/debugger.ts";
import type { Register } from "../debug/registers.ts";
import type { Breakpoint, Stop, Watchpoint } from "../debug/stop.ts";
import {
  byteToHex,
  documentPart,
  fromHex,
  fromLittleEndian,
  littleEndian,
  PacketLink,
  parseInterval,
  textToHex,
  toHex,
} from "./packet.ts";
import { TargetDescription } from "./target_description.ts";

/** Bytes of a packet that we take and make at most. */
const PACKET_SIZE = 0x4000;
const SIGINT = 2, SIGTRAP = 5;
const ERROR_ARGUMENT = "E16", ERROR_MEMORY = "E0e";

/** What the stub asks of whoever holds the connection. */
export interface GdbHost {
  send(bytes: Uint8Array): void;
  /** Runs a line of `monitor ...`; `done` takes what is to be shown, at once or when the command is through. */
  command(line: string, done: (output: string) => void): void;
  /** GDB wants the guest to end. */
  kill(): void;
}

type Handler = (text: string, data: Uint8Array) => string | null;

/**
 * One GDB at the other end of a connection. All-stop mode; vCPUs are threads, numbered from 1. Where the monitor has let
 * the machine go on, a packet stops it again: GDB takes it for stopped. GDB manual, "GDB Remote Serial Protocol".
 */
export class GdbStub implements StopListener {
  readonly #debugger: Debugger;
  readonly #host: GdbHost;
  readonly #link = new PacketLink((bytes) => this.#host.send(bytes));
  readonly #points = new Map<string, Breakpoint | Watchpoint>();
  #description: TargetDescription | null = null;
  #isConnected = false;
  /** GDB has let the machine go on and waits for a stop. */
  #awaitsStop = false;
  #interrupted = false;
  /** Counts the connections: what a command of an earlier one still has to say is nobody's business. */
  #connection = 0;
  /** The vCPU that register and memory packets mean. */
  #current = 0;
  /** The vCPU that `c` and `s` mean, or -1 for all. */
  #continued = -1;

  constructor(dbg: Debugger, host: GdbHost) {
    this.#debugger = dbg;
    this.#host = host;
  }

  get isConnected(): boolean {
    return this.#isConnected;
  }
  /** The number of the vCPU that GDB looks at. */
  get selected(): number {
    return this.#current;
  }

  // The connection

  /** A GDB has connected: the machine stops. */
  connect(): void {
    this.#link.reset();
    this.#isConnected = true;
    this.#connection++;
    this.#awaitsStop = this.#interrupted = false;
    this.#description = null;
    this.#current = this.#debugger.stop?.vcpu.index ?? 0;
    this.#debugger.listeners.add(this);
    this.#debugger.interrupt("", "gdb");
  }

  /** It has gone: what it has set goes too, and the machine runs on. */
  disconnect(): void {
    if (!this.#isConnected) return;
    this.#isConnected = false;
    this.#debugger.listeners.delete(this);
    this.#points.clear();
    this.#debugger.deleteAll("gdb");
    if (this.#debugger.stop !== null) this.#debugger.resume();
  }

  receive(bytes: Uint8Array): void {
    for (const byte of bytes) {
      if (!this.#isConnected) return;
      if (!this.#awaitsStop) this.#debugger.interrupt("", "gdb");
      this.#take(byte);
    }
  }

  /** The guest has ended. */
  exited(code: number): void {
    if (this.#isConnected && this.#awaitsStop) this.#send(`W${byteToHex(code)}`);
    this.#isConnected = false;
  }

  stopped(stop: Stop): void {
    this.#current = stop.vcpu.index;
    if (this.#awaitsStop) {
      this.#awaitsStop = false;
      if (stop.kind === "interrupt" && stop.why !== "") this.#send(`O${textToHex(`${stop.why}\n`)}`);
      this.#send(this.#stopReply(stop));
      this.#interrupted = false;
    }
  }

  resumed(): void {}

  #take(byte: number): void {
    const incoming = this.#link.read(byte);
    if (incoming === null) return;
    if (incoming.kind === "interrupt") {
      this.#interrupted = this.#awaitsStop;
      this.#debugger.interrupt("", "gdb");
      return;
    }
    const answer = this.#answer(incoming.data);
    if (answer !== null) this.#send(answer);
  }

  #send(text: string): void {
    this.#link.send(Uint8Array.from(text, (c) => c.charCodeAt(0)));
  }

  /** The answer to a packet; null where none is due now, "" where we do not know it. */
  #answer(data: Uint8Array): string | null {
    const text = String.fromCharCode(...data);
    const name = [...this.#handlers.keys()].find((prefix) => text.startsWith(prefix));
    if (name === undefined) return "";
    try {
      return this.#handlers.get(name)!(text.slice(name.length), data.subarray(name.length));
    } catch (error) {
      if (!(error instanceof DebugError)) throw error;
      return ERROR_ARGUMENT;
    }
  }

  /** By the packet's beginning; longer beginnings stand before shorter ones that they begin with. */
  readonly #handlers: ReadonlyMap<string, Handler> = new Map<string, Handler>([
    ["qSupported", () => this.#supported()],
    ["QStartNoAckMode", () => {
      this.#link.noAck = true;
      return "OK";
    }],
    [
      "qXfer:features:read:target.xml:",
      (text) => documentPart(this.#target.xml, text, PACKET_SIZE / 2) ?? ERROR_ARGUMENT,
    ],
    ["qXfer:threads:read::", (text) => documentPart(this.#threads(), text, PACKET_SIZE / 2) ?? ERROR_ARGUMENT],
    ["qfThreadInfo", () => `m${this.#vcpus.map((v) => threadId(v)).join(",")}`],
    ["qsThreadInfo", () => "l"],
    ["qThreadExtraInfo,", (text) => {
      const vcpu = this.#thread(text);
      return vcpu ? textToHex(stateOf(vcpu)) : ERROR_ARGUMENT;
    }],
    ["qAttached", () => "1"],
    ["qC", (text) => text === "" ? `QC${threadId(this.#vcpu)}` : ""],
    ["qRcmd,", (text) => this.#command(text)],
    ["qSymbol", () => "OK"],
    ["vCont?", () => "vCont;c;C;s;S;t;r"],
    ["vCont;", (text) => this.#resume(text)],
    ["vKill", () => this.#kill("OK")],
    ["?", () => this.#debugger.stop ? this.#stopReply(this.#debugger.stop) : "S05"],
    ["H", (text) => this.#selectThread(text)],
    ["T", (text) => this.#thread(text) ? "OK" : ERROR_ARGUMENT],
    ["g", () => this.#generalRegisters().map((r) => this.#readRegister(r)).join("")],
    ["G", (text) => this.#writeGeneral(text)],
    ["p", (text) => this.#register(text, (r) => this.#readRegister(r))],
    ["P", (text) => this.#writeOne(text)],
    ["m", (text) => this.#readMemory(text)],
    ["M", (text) => this.#writeMemory(text, fromHex(text.slice(text.indexOf(":") + 1)))],
    ["X", (text, data) => this.#writeMemory(text, data.subarray(text.indexOf(":") + 1))],
    ["Z", (text) => this.#setPoint(text)],
    ["z", (text) => this.#removePoint(text)],
    ["c", () => this.#resume(this.#continued < 0 ? "c" : `c:${this.#continued + 1}`)],
    ["s", () => this.#resume(`s:${threadId(this.#continued < 0 ? this.#vcpu : this.#vcpus[this.#continued])}`)],
    ["D", () => {
      this.#send("OK");
      this.disconnect();
      return null;
    }],
    ["k", () => this.#kill(null)],
  ]);

  #supported(): string {
    return `PacketSize=${PACKET_SIZE.toString(16)};QStartNoAckMode+;qXfer:features:read+;qXfer:threads:read+;` +
      "vContSupported+;swbreak+;hwbreak+;multiprocess-";
  }

  #kill(answer: string | null): string | null {
    if (answer !== null) this.#send(answer);
    this.#isConnected = false;
    this.#host.kill();
    return null;
  }

  #command(text: string): string | null {
    const line = fromHex(text), connection = this.#connection;
    if (line === null) return ERROR_ARGUMENT;
    this.#host.command(new TextDecoder().decode(line), (output) => {
      if (!this.#isConnected || this.#connection !== connection) return;
      const most = PACKET_SIZE / 2 - 16;
      const hex = textToHex(output);
      for (let i = 0; i < hex.length; i += most) this.#send(`O${hex.slice(i, i + most)}`);
      this.#send("OK");
    });
    return null;
  }

  // Threads

  get #vcpus(): readonly Vcpu[] {
    return this.#debugger.machine.vcpus;
  }
  get #vcpu(): Vcpu {
    return this.#vcpus[this.#current] ?? this.#vcpus[0];
  }
  get #target(): TargetDescription {
    return this.#description ??= new TargetDescription(this.#vcpus[0]);
  }

  #thread(id: string): Vcpu | undefined {
    return this.#vcpus[Number.parseInt(id, 16) - 1];
  }

  #selectThread(text: string): string {
    const id = text.slice(1), n = id === "-1" ? -1 : Number.parseInt(id, 16);
    if (Number.isNaN(n) || n > this.#vcpus.length) return ERROR_ARGUMENT;
    if (text[0] === "g" && n > 0) this.#current = n - 1;
    else if (text[0] === "c") this.#continued = n > 0 ? n - 1 : -1;
    return "OK";
  }

  #threads(): string {
    const lines = this.#vcpus.map((v) => {
      return `<thread id="${threadId(v)}" core="${v.index}" name="vCPU ${v.index}">${stateOf(v)}</thread>\n`;
    });
    return `<?xml version="1.0"?>\n<threads>\n${lines.join("")}</threads>\n`;
  }

  // Running

  /** vCont: actions, each for a thread or all that are left; the first that fits a thread is its. */
  #resume(text: string): string | null {
    const actions = text.split(";").map((part) => {
      const [action, id] = part.split(":");
      return { action, vcpu: id === undefined || id === "-1" || id === "0" ? null : this.#thread(id) };
    });
    const actionOf = (vcpu: Vcpu) => actions.find((a) => a.vcpu === null || a.vcpu === vcpu)?.action ?? "t";
    const stepped = this.#vcpus.find((v) => /^[sSr]/.test(actionOf(v)));
    const continued = this.#vcpus.filter((v) => /^[cC]/.test(actionOf(v)));
    if (!stepped && continued.length === 0) return ERROR_ARGUMENT;
    this.#awaitsStop = true;
    try {
      if (!stepped) this.#debugger.resume(this.#vcpus.filter((v) => !continued.includes(v)));
      else this.#step(stepped, actionOf(stepped), continued.length > 0);
    } catch (error) {
      this.#awaitsStop = false;
      throw error;
    }
    return null;
  }

  #step(vcpu: Vcpu, action: string, withOthers: boolean): void {
    const range = /^r([\da-f]+),([\da-f]+)$/i.exec(action);
    if (range) this.#debugger.stepRange(vcpu, BigInt(`0x${range[1]}`), BigInt(`0x${range[2]}`), "gdb", withOthers);
    else this.#debugger.step(vcpu, 1, "gdb", withOthers);
  }

  #stopReply(stop: Stop): string {
    const thread = `thread:${threadId(stop.vcpu)};`;
    if (stop.kind === "watchpoint") {
      const kind = { write: "watch", read: "rwatch", access: "awatch" }[stop.watchpoint.access];
      return `T${byteToHex(SIGTRAP)}${thread}${kind}:${stop.watchpoint.address.toString(16)};`;
    }
    if (stop.kind === "interrupt") {
      const isOurs = this.#interrupted || stop.why === "";
      return `T${byteToHex(isOurs ? SIGINT : SIGTRAP)}${thread}`;
    }
    if (stop.kind !== "breakpoint") return `T${byteToHex(SIGTRAP)}${thread}`;
    const isSoftware = [...this.#points].some(([key, point]) => key.startsWith("0") && point === stop.breakpoint);
    return `T${byteToHex(SIGTRAP)}${thread}${isSoftware ? "swbreak" : "hwbreak"}:;`;
  }

  // Registers

  #generalRegisters(): readonly Register[] {
    return this.#target.registers.slice(0, this.#target.generalCount);
  }

  #readRegister(register: Register): string {
    return toHex(littleEndian(register.read(this.#vcpu), register.bits / 8));
  }

  #register(number: string, use: (register: Register) => string): string {
    const register = this.#target.registers[Number.parseInt(number, 16)];
    return register ? use(register) : ERROR_ARGUMENT;
  }

  #writeOne(text: string): string {
    const [number, digits] = text.split("=");
    const bytes = fromHex(digits ?? "");
    return this.#register(number, (register) => {
      if (bytes === null || bytes.length !== register.bits / 8) return ERROR_ARGUMENT;
      register.write(this.#vcpu, fromLittleEndian(bytes));
      return "OK";
    });
  }

  #writeGeneral(text: string): string {
    const bytes = fromHex(text);
    if (bytes === null) return ERROR_ARGUMENT;
    let at = 0;
    for (const register of this.#generalRegisters()) {
      const end = at + register.bits / 8;
      if (end > bytes.length) break;
      const value = fromLittleEndian(bytes.subarray(at, end));
      // CPSR comes after SP: banked stack pointers move only when PSTATE really changes
      if (register.read(this.#vcpu) !== value) register.write(this.#vcpu, value);
      at = end;
    }
    return "OK";
  }

  // Memory

  #readMemory(text: string): string {
    const [address, length] = parseInterval(text);
    if (address === null) return ERROR_ARGUMENT;
    const bytes = this.#debugger.memory.readPrefix(
      this.#vcpu,
      "virtual",
      address,
      Math.min(length, PACKET_SIZE / 2 - 8),
    );
    return bytes.length === 0 && length > 0 ? ERROR_MEMORY : toHex(bytes);
  }

  #writeMemory(text: string, bytes: Uint8Array | null): string {
    const [address, length] = parseInterval(text.split(":")[0]);
    if (address === null || bytes?.length !== length) return ERROR_ARGUMENT;
    try {
      this.#debugger.memory.write(this.#vcpu, "virtual", address, bytes);
    } catch (error) {
      if (!(error instanceof DebugError)) throw error;
      return ERROR_MEMORY;
    }
    return "OK";
  }

  // Breakpoints and watchpoints: the memory of the guest is never changed for them

  #setPoint(text: string): string {
    if (this.#points.has(text)) return "OK";
    const [type, ...rest] = text.split(",");
    const [address, length] = parseInterval(rest.join(","));
    if (address === null) return ERROR_ARGUMENT;
    const dbg = this.#debugger;
    if (type === "0" || type === "1") this.#points.set(text, dbg.addBreakpoint("gdb", "virtual", address));
    else {
      const access = { "2": "write", "3": "read", "4": "access" }[type] as Watchpoint["access"] | undefined;
      if (!access) return "";
      this.#points.set(text, dbg.addWatchpoint("gdb", "virtual", address, length, access, "before"));
    }
    return "OK";
  }

  #removePoint(text: string): string {
    const point = this.#points.get(text);
    this.#points.delete(text);
    if (point === undefined) return "OK";
    if ("bytes" in point) this.#debugger.deleteWatchpoint(point);
    else this.#debugger.deleteBreakpoint(point);
    return "OK";
  }
}

function threadId(vcpu: Vcpu): string {
  return (vcpu.index + 1).toString(16);
}

/** What a vCPU does, in words. */
function stateOf(vcpu: Vcpu): string {
  if (isOff(vcpu)) return "off";
  const what = vcpu.waiting === 0 ? "running" : `waiting (${vcpu.waiting === 1 ? "WFI" : "WFE"})`;
  return `EL${vcpu.currentEl()}, ${what}`;
}
