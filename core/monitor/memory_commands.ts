import { DebugError, hex } from "../debug/debug_error.ts";
import type { Space } from "../debug/memory.ts";
import { findRegister, registerNamed, registerNames } from "../debug/registers.ts";
import { showFields } from "../debug/register_fields.ts";
import { type MonitorCommand, type MonitorState, words } from "./command.ts";
import { examine, parseFormat } from "./examine.ts";
import { atRegister } from "./run_commands.ts";

const SIZES: Readonly<Record<string, number>> = { b: 1, h: 2, w: 4, g: 8 };

/** Commands that show and change memory and registers. */
// deno-fmt-ignore
export const MEMORY_COMMANDS: readonly MonitorCommand[] = [
  { names: ["x"], usage: "[/FORMAT] [ADDRESS]", help: "Show memory by virtual address: /COUNT, one of xduotcsi, one of bhwg", run: (s, a) => show(s, a, "virtual"), complete: atRegister },
  { names: ["xipa"], usage: "[/FORMAT] [IPA]", help: "The same by the guest's physical address", run: (s, a) => show(s, a, "ipa"), complete: atRegister },
  { names: ["xp"], usage: "[/FORMAT] [PA]", help: "The same by the machine's physical address", run: (s, a) => show(s, a, "physical"), complete: atRegister },
  { names: ["write"], usage: "[/SIZE] ADDRESS VALUE...", help: "Write values of a size (b, h, w, g) to virtual addresses", run: (s, a) => write(s, a, "virtual"), complete: atRegister },
  { names: ["writeipa"], usage: "[/SIZE] IPA VALUE...", help: "The same by the guest's physical address", run: (s, a) => write(s, a, "ipa"), complete: atRegister },
  { names: ["writep"], usage: "[/SIZE] PA VALUE...", help: "The same by the machine's physical address", run: (s, a) => write(s, a, "physical"), complete: atRegister },
  { names: ["print", "p"], usage: "[/FORMAT] EXPRESSION", help: "Show a value: numbers, $registers, + - * / % & | ^ ~ << >>", run: print, complete: atRegister },
  { names: ["set"], usage: "$REGISTER [=] EXPRESSION", help: "Write a register", run: set, complete: (_s, w) => w.length === 0 ? registerNames().map((n) => `$${n}`) : atRegister() },
  { names: ["translate", "va"], usage: "ADDRESS", help: "Show what a virtual address leads to", run: translate, complete: atRegister },
];

function show(s: MonitorState, args: string, space: Space): string {
  const match = /^(\/\S*)?\s*(.*)$/.exec(args.trim())!;
  s.format = parseFormat(match[1] ?? "/", s.format);
  const address = match[2] === "" ? s.next : s.evaluate(match[2]);
  const { memory } = s.target.debugger;
  const source = { read: (at: bigint, bytes: number) => memory.read(s.vcpu, space, at, bytes) };
  const pc = space === "virtual" ? s.vcpu.get64("pc") : -1n;
  const { text, next } = examine(source, address, s.format, pc);
  s.next = next;
  return text;
}

function write(s: MonitorState, args: string, space: Space): string {
  const match = /^(?:\/(\S*)\s+)?(\S+)\s+(.+)$/.exec(args.trim());
  if (!match) throw new DebugError("Cannot read that as [/SIZE] ADDRESS VALUE...");
  const size = SIZES[match[1] ?? "w"];
  if (size === undefined) throw new DebugError(`Cannot write the size "${match[1]}" as it must be b, h, w or g`);
  const address = s.evaluate(match[2]);
  const bytes = words(match[3]).flatMap((word) => {
    const value = s.evaluate(word);
    const signed = BigInt.asIntN(64, value), isNegative = signed < 0n && signed >= -(1n << BigInt(8 * size - 1));
    if (value >> BigInt(8 * size) !== 0n && !isNegative) {
      throw new DebugError(`Cannot write ${word} as it does not fit in ${size} bytes`);
    }
    return Array.from({ length: size }, (_, i) => Number(value >> BigInt(8 * i) & 0xffn));
  });
  s.target.debugger.memory.write(s.vcpu, space, address, Uint8Array.from(bytes));
  return "";
}

function print(s: MonitorState, args: string): string {
  const match = /^(?:\/(\w+)\s+)?(.+)$/.exec(args.trim());
  if (!match) throw new DebugError("Cannot print nothing");
  const name = match[2].trim(), register = /^\$\w+$/.test(name) ? findRegister(name) : null;
  const value = register ? register.read(s.vcpu) : s.evaluate(name);
  switch (match[1]) {
    case "d":
      return BigInt.asIntN(64, value).toString();
    case "u":
      return value.toString();
    case "t":
      return `0b${value.toString(2)}`;
    case "o":
      return `0${value.toString(8)}`;
    case "x":
      return hex(value);
    case undefined: {
      const fields = register ? showFields(register.name, value) : "";
      return `${hex(value)}${value < 2n ** 64n ? ` (${BigInt.asIntN(64, value)})` : ""}${
        fields === "" ? "" : `  ${fields}`
      }`;
    }
    default:
      throw new DebugError(`Cannot print in the format "${match[1]}" as it must be d, u, x, o or t`);
  }
}

function set(s: MonitorState, args: string): string {
  const match = /^(\$?\w+)\s*(?:=|\s)\s*(.+)$/.exec(args.trim());
  if (!match) throw new DebugError("Cannot read that as $REGISTER = EXPRESSION");
  const register = registerNamed(match[1]), value = s.evaluate(match[2]);
  if (value >> BigInt(register.bits) !== 0n) {
    throw new DebugError(`Cannot set ${register.name} to ${hex(value)} as it has ${register.bits} bits`);
  }
  register.write(s.vcpu, value);
  return `${register.name} = ${hex(register.read(s.vcpu))}`;
}

function translate(s: MonitorState, args: string): string {
  const address = s.evaluate(args), { memory, machine } = s.target.debugger;
  const pa = memory.physicalOf(s.vcpu, "virtual", address);
  if (pa < 0) return `${hex(address, 16)} is not mapped`;
  const where = machine.ram.hostOffset(pa) >= 0 ? "RAM" : machine.bus.find(pa, 1)?.device.name ?? "no memory";
  return `${hex(address, 16)} is physical ${hex(pa)} (${where})`;
}
