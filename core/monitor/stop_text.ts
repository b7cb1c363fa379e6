import { hex } from "../debug/debug_error.ts";
import type { Stop } from "../debug/stop.ts";
import type { MonitorState } from "./command.ts";
import { instructionAt } from "./info_commands.ts";

/** Why the machine has stopped, and where, for the user. */
export function describeStop(s: MonitorState, stop: Stop): string {
  const { vcpu } = stop;
  const who = s.target.debugger.machine.vcpus.length > 1 ? `vCPU ${vcpu.index}` : "the guest";
  const lines: string[] = [];
  switch (stop.kind) {
    case "breakpoint":
      lines.push(`Breakpoint ${stop.breakpoint.id}, ${who} at EL${vcpu.currentEl()}`);
      break;
    case "watchpoint": {
      const { watchpoint, isWrite, address, before, after, pc } = stop;
      lines.push(
        `Watchpoint ${watchpoint.id}, ${who} ${isWrite ? "wrote to" : "read"} ${hex(address, 16)} at ${hex(pc, 16)}`,
      );
      if (isWrite && after) lines.push(`  before ${number(before)}, now ${number(after)}`);
      else lines.push(`  value ${number(before)}`);
      break;
    }
    case "interrupt":
      lines.push(stop.why === "" ? `Stopped, ${who} at EL${vcpu.currentEl()}` : stop.why);
      break;
    case "step":
      break;
  }
  const instruction = instructionAt(s, vcpu.get64("pc"));
  return [...lines, instruction ?? `=> ${hex(vcpu.get64("pc"), 16)}: nothing can be read there`].join("\n");
}

function number(bytes: Uint8Array): string {
  return hex(bytes.reduceRight((value, byte) => value << 8n | BigInt(byte), 0n), 2 * bytes.length);
}
