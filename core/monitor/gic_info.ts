import type { Bus } from "../machine/bus.ts";
import { GICD_BASE, GICR_BASE, GICR_STRIDE } from "../machine/memory_map.ts";
import { DebugError, hex } from "../debug/debug_error.ts";
import { showFields } from "../debug/register_fields.ts";
import { readableSystemRegisters, registerNamed } from "../debug/registers.ts";
import type { MonitorState } from "./command.ts";

// Arm IHI 0069, register maps of the Distributor and of the Redistributor's SGI frame
const GICD_CTLR = 0, GICD_TYPER = 4, GICD_IROUTER = 0x6000;
const SGI_FRAME = 0x1_0000;
const IGROUPR = 0x80, ISENABLER = 0x100, ISPENDR = 0x200, ISACTIVER = 0x300, IPRIORITYR = 0x400, ICFGR = 0xc00;

/** Interrupts with names of their own. */
const NAMES: Readonly<Record<number, string>> = {
  19: "CNTHVS",
  20: "CNTHPS",
  23: "PMU",
  25: "GIC maintenance",
  26: "CNTHP",
  27: "CNTV",
  28: "CNTHV",
  29: "CNTPS",
  30: "CNTP",
  33: "pl011",
  34: "pl031",
};

/** The GIC as software on a vCPU sees it: reads of its registers have no effect on it. */
class GicView {
  readonly #bus: Bus;
  readonly #vcpu: number;

  constructor(bus: Bus, vcpu: number) {
    this.#bus = bus;
    this.#vcpu = vcpu;
  }

  read(address: number): number {
    const found = this.#bus.find(address, 4);
    if (!found) throw new DebugError("Cannot show the GIC as there is none");
    return found.device.read(address - found.base, 4, this.#vcpu);
  }
  write(address: number, value: number): void {
    const found = this.#bus.find(address, 4);
    if (!found) throw new DebugError("Cannot reach the GIC as there is none");
    found.device.write(address - found.base, 4, value, this.#vcpu);
  }

  /** Where the registers of an interrupt stand: the Distributor, or the vCPU's own frame. */
  #frame(intid: number): number {
    return intid < 32 ? GICR_BASE + GICR_STRIDE * this.#vcpu + SGI_FRAME : GICD_BASE;
  }
  bit(intid: number, register: number): boolean {
    return (this.read(this.#frame(intid) + register + 4 * (intid >> 5)) >>> (intid & 31) & 1) !== 0;
  }
  field(intid: number, register: number, bits: number): number {
    const at = intid * bits;
    return this.read(this.#frame(intid) + register + 4 * (at >> 5)) >>> (at & 31) & (2 ** bits - 1);
  }
  setPending(intid: number): void {
    this.write(this.#frame(intid) + ISPENDR + 4 * (intid >> 5), (1 << (intid & 31)) >>> 0);
  }
  get count(): number {
    return 32 * ((this.read(GICD_BASE + GICD_TYPER) & 31) + 1);
  }
}

/** The GIC that the guest has, or the machine's where software runs on it. */
function viewOf(s: MonitorState): GicView {
  const index = s.guest ? s.guest.vcpu.index : s.vcpuIndex;
  return new GicView(s.guest ? s.guest.vm.bus : s.target.debugger.machine.bus, index);
}

/** `info gic`: the interrupts that are enabled, pending or active, and the CPU interface's registers. */
export function showGic(s: MonitorState): string {
  const gic = viewOf(s), lines: string[] = [];
  lines.push(
    `${s.guest ? `GIC of ${s.guest.vm.name}` : "GIC"}: GICD_CTLR ${
      hex(gic.read(GICD_BASE + GICD_CTLR))
    }, ${gic.count} INTIDs`,
  );
  lines.push("INTID  what             group  priority  trigger  state                    target");
  for (let intid = 0; intid < Math.min(gic.count, 1020); intid++) {
    const states = ([["enabled", ISENABLER], ["pending", ISPENDR], ["active", ISACTIVER]] as const)
      .filter(([, register]) => gic.bit(intid, register)).map(([name]) => name);
    if (states.length === 0) continue;
    const what = NAMES[intid] ?? (intid < 16 ? `SGI ${intid}` : intid < 32 ? `PPI ${intid - 16}` : `SPI ${intid - 32}`);
    const trigger = intid < 16 || gic.field(intid, ICFGR, 2) >> 1 ? "edge" : "level";
    const target = intid < 32 ? `vCPU ${s.vcpuIndex}` : hex(gic.read(GICD_BASE + GICD_IROUTER + 8 * intid));
    lines.push(
      `${String(intid).padStart(5)}  ${what.padEnd(15)}  ${Number(gic.bit(intid, IGROUPR))}      ` +
        `${hex(gic.field(intid, IPRIORITYR, 8), 2)}      ${trigger.padEnd(7)}  ${
          states.join(", ").padEnd(23)
        }  ${target}`,
    );
  }
  return [...lines, ...interfaceLines(s)].join("\n");
}

/** ICC registers, and those ICH registers that are not 0. */
function interfaceLines(s: MonitorState): string[] {
  const isShown = /^ICC_(PMR|RPR|BPR\d|CTLR|IGRPEN\d|HPPIR\d|AP\dR0)_EL1$|^ICH_/;
  return readableSystemRegisters(s.vcpu).filter(({ name }) => isShown.test(name)).flatMap(({ name }) => {
    const value = registerNamed(name).read(s.vcpu);
    if (value === 0n && name.startsWith("ICH_")) return [];
    return [
      `${name.padEnd(15)} ${hex(value, name.startsWith("ICH_LR") ? 16 : 8)}  ${showFields(name, value)}`.trimEnd(),
    ];
  });
}

/** `inject INTID`: makes an interrupt pending, as a write to GICD_ISPENDR<n> does. */
export function injectInterrupt(s: MonitorState, args: string): string {
  const gic = viewOf(s), intid = s.evaluate(args);
  if (intid < 0n || intid >= BigInt(Math.min(gic.count, 1020))) {
    throw new DebugError(`Cannot inject interrupt ${intid} as INTIDs are 0 to ${Math.min(gic.count, 1020) - 1}`);
  }
  const n = Number(intid);
  gic.setPending(n);
  return gic.bit(n, ISENABLER) ? "" : `Interrupt ${n} is pending, but the guest has not enabled it.`;
}
