import { parseSysreg } from "../cpu/sysregs.ts";
import {
  AbortTrap,
  ExceptionTrap,
  HypercallTrap,
  MmioTrap,
  SmcTrap,
  SysregTrap,
  type Trap,
  WFX,
  WfxTrap,
} from "../policy/trap.ts";
import { FIELD } from "./fields.ts";
import type { LogRecord } from "./log_record.ts";

/** Makes traps of records again, so that a policy can be asked about a run that is over. The traps are reused. */
export class TrapReplay {
  readonly #mmio = new MmioTrap();
  readonly #sysreg = new SysregTrap();
  readonly #hypercall = new HypercallTrap();
  readonly #smc = new SmcTrap();
  readonly #wfx = new WfxTrap();
  readonly #abort = new AbortTrap();
  readonly #exception = new ExceptionTrap();

  /** The trap that a record is of, or null for a record of something else. */
  trap(record: LogRecord): Trap | null {
    const trap = this.#trap(record);
    if (trap === null) return null;
    const { words } = record, { common } = trap;
    common.seq = record.number(FIELD.seq);
    common.vcpu = record.number(FIELD.vcpu);
    common.el = record.number(FIELD.el);
    [common.pcLo, common.pcHi] = [words[2 * FIELD.pc], words[2 * FIELD.pc + 1]];
    common.esr = words[2 * FIELD.esr];
    common.time = record.number(FIELD.t);
    [common.valueLo, common.valueHi] = [words[2 * FIELD.value], words[2 * FIELD.value + 1]];
    return trap;
  }

  #trap(record: LogRecord): Trap | null {
    const { subject } = record;
    switch (record.kind) {
      case "mmio": {
        const trap = this.#mmio;
        trap.ipa = record.number(FIELD.ipa);
        trap.size = subject.size;
        trap.isWrite = subject.access === "w";
        trap.device = subject.device;
        trap.offset = subject.device === "" ? 0 : Number(subject.name.slice(subject.device.length + 1));
        return trap;
      }
      case "sysreg": {
        const trap = this.#sysreg;
        trap.encoding = parseSysreg(subject.name);
        trap.isWrite = subject.access === "w";
        return trap.encoding < 0 ? null : trap;
      }
      case "hypercall":
        return fillCall(this.#hypercall, record);
      case "smc":
        return fillCall(this.#smc, record);
      case "wfx":
        this.#wfx.instruction = Math.max(0, WFX.findIndex((name) => name === subject.name));
        return this.#wfx;
      case "abort":
        return this.#fillAbort(record);
      case "exception": {
        const trap = this.#exception, { words } = record;
        trap.syndrome = words[2 * FIELD.syndrome];
        [trap.farLo, trap.farHi] = [words[2 * FIELD.far], words[2 * FIELD.far + 1]];
        trap.isReported = record.has(FIELD.reported);
        return trap;
      }
      default:
        return null;
    }
  }

  #fillAbort(record: LogRecord): AbortTrap {
    const trap = this.#abort, { subject } = record;
    trap.ipa = record.number(FIELD.ipa);
    trap.access = subject.access === "x" ? "execute" : subject.access === "w" ? "write" : "read";
    trap.fault = subject.fault as AbortTrap["fault"];
    trap.intent = subject.intent as AbortTrap["intent"];
    trap.region = record.text(FIELD.region) as AbortTrap["region"];
    trap.isTableWalk = record.has(FIELD.s1ptw);
    return trap;
  }
}

function fillCall<T extends HypercallTrap | SmcTrap>(trap: T, record: LogRecord): T {
  const { name } = record.subject;
  trap.functionId = record.number(FIELD.id);
  trap.functionName = name.startsWith("0x") ? "" : name;
  trap.imm16 = record.has(FIELD.imm) ? record.number(FIELD.imm) : 0;
  trap.registers.fill(0);
  trap.registers[0] = trap.functionId;
  if (!record.has(FIELD.args)) return trap;
  for (const [n, text] of record.text(FIELD.args).split(",").slice(0, 7).entries()) {
    const value = BigInt(/^0x[0-9a-f]{1,16}$/.test(text) ? text : 0);
    trap.registers[2 * n + 2] = Number(value & 0xffff_ffffn);
    trap.registers[2 * n + 3] = Number(value >> 32n);
  }
  return trap;
}
