import type { Clock } from "../../devices/device.ts";
import type { Resident } from "./exceptions.ts";
import { DirectAccessCache } from "./direct_access.ts";
import { ExceptionTelemetry } from "./exception_telemetry.ts";
import { KnownAborts } from "./known_aborts.ts";
import { CPU_MODELS, type CpuModel, pstateFeatures } from "./features.ts";
import type { GicCpuInterface, GicVcpu } from "./gic_interface.ts";
import type { EnabledDebug } from "./hardware_debug.ts";
import type { CpuMmu } from "./mmu_interface.ts";
import type { Pmu } from "./pmu.ts";
import { RegimeCache } from "./regime.ts";
import type { Timers } from "./timers.ts";
import { sysregIndex } from "./sysregs.ts";
import { SCRATCH, STATE, type StateField, SYSREG, SYSREG_SLOTS, V, X } from "./layout.ts";

const SCR_EL3 = sysregIndex("SCR_EL3");

// What other modules export is looked up at every use, which these accessors are too short for
const FIELDS = STATE;
const ATTENTION = STATE.attention.offset >>> 2, PSTATE = STATE.pstate.offset >>> 2, PC = STATE.pc.offset >>> 2;
const RECORD = STATE.record.offset >>> 2, RECORD_BASE = STATE.recordBase.offset >>> 2;
const PC_PAGE = STATE.pcPage.offset >>> 2, EPOCH = STATE.regimeEpoch.offset >>> 2;
const REGISTERS = X >>> 2, SYSREGS = SYSREG >>> 2, VECTORS = V, SCRATCHES = SCRATCH;

/**
 * A vCPU as TypeScript sees it: views over its state block in shared memory. Nothing of the architectural state is
 * kept in JavaScript objects, so that generated code, snapshots and helpers all see the same bytes.
 */
export class Vcpu implements GicVcpu {
  /** 32-bit unsigned and signed, 64-bit and floating-point views of the whole memory. */
  readonly u32: Uint32Array;
  readonly i32: Int32Array;
  readonly u64: BigUint64Array;
  readonly f32: Float32Array;
  readonly f64: Float64Array;
  readonly u8: Uint8Array;
  /** Index of this vCPU's first word in `u32` and `i32`. */
  readonly w: number;

  /**
   * @param buffer the machine's shared memory.
   * @param base byte offset of the state block, a multiple of 16.
   * @param index the vCPU's number, 0 for the boot processor.
   */
  constructor(readonly buffer: SharedArrayBuffer, readonly base: number, readonly index: number) {
    this.u32 = new Uint32Array(buffer);
    this.i32 = new Int32Array(buffer);
    this.u64 = new BigUint64Array(buffer);
    this.f32 = new Float32Array(buffer);
    this.f64 = new Float64Array(buffer);
    this.u8 = new Uint8Array(buffer);
    this.w = base >>> 2;
    this.telemetry = new ExceptionTelemetry(this);
    this.knownAborts = new KnownAborts(this);
  }

  /** Instructions executed since reset; the running slice is added when it ends (see Engine.instructions). */
  instructions = 0;
  /** False while the vCPU waits (WFI, WFE) or is off (PSCI). */
  isRunning = true;
  /** A debugger holds it while others run. */
  isHeld = false;

  // What the machine attaches before reset; none of it is architectural state
  model: CpuModel = CPU_MODELS.max;
  features = pstateFeatures(this.model);
  hasEl2 = true;
  hasEl3 = true;
  gic: GicCpuInterface | null = null;
  mmu: CpuMmu | null = null;
  clock: Clock | null = null;
  timers: Timers | null = null;
  pmu: Pmu | null = null;
  /** The breakpoints and watchpoints that its registers enable; null while there is none. */
  debug: EnabledDebug | null = null;
  /** Told when they may have changed. */
  onDebugChanged: (vcpu: Vcpu) => void = () => {};
  /** By Exception level: TypeScript that handles the exceptions taken to it. */
  readonly residents: (Resident | null)[] = [null, null, null, null];
  /**
   * Traps to EL2 that the architecture has no bit for, by system-register index: bit 0 reads, bit 1 writes, from EL1 and
   * EL0. See setSysregTraps.
   */
  readonly sysregTraps = new Uint8Array(SYSREG_SLOTS);
  /** By system-register index: 1 where this vCPU has the register. */
  readonly sysregPresent = new Uint8Array(SYSREG_SLOTS);
  /** By index in SYSTEM_INSTRUCTIONS: 1 where this vCPU has the instruction. */
  systemInstructions = new Uint8Array(0);
  /** By twice the system-register index: low and high halves of the bits that an MSR changes. */
  readonly writable = new Uint32Array(2 * SYSREG_SLOTS);
  readonly directAccess = new DirectAccessCache();
  readonly telemetry: ExceptionTelemetry;
  readonly knownAborts: KnownAborts;
  /** The high half of what a register's read function returned last. */
  hi = 0;
  readonly regimes = new RegimeCache();
  /** What the translation regime depends on changed, and `updateRegime` has not run since; or an ASID or VMID alone. */
  regimeStale = true;
  asidStale = false;
  /** A resident runs: the regime is brought up to date when it returns. */
  inResident = false;
  /** Exceptions may be taken by generated code, without TypeScript; see engine/exception_code.ts. */
  hasCodeExceptions = true;

  /** All vCPUs of the machine, this one too: SEV reaches them. */
  peers: readonly Vcpu[] = [this];
  /** Why the vCPU does not run: 0 it is not because of WFI or WFE, 1 WFI, 2 WFE. */
  waiting = 0;
  /** Told when generated code is to be left soon, so that interrupts are looked at. */
  onAttention: (vcpu: Vcpu) => void = () => {};

  /** Told when `sysregTraps` has changed. */
  onSysregTraps: () => void = () => {};

  /**
   * An interrupt line may have risen or been unmasked: generated code stops at its next check, and a WFI or WFE is over
   * (which the architecture allows at any time).
   */
  interruptsChanged(): void {
    this.u32[this.w + ATTENTION] = 2;
    if (this.waiting !== 0) {
      this.waiting = 0;
      this.isRunning = true;
    }
    this.onAttention(this);
  }
  /** Generated code enters no regime by itself until TypeScript has: TLB contexts are others, or are to be emptied. */
  forgetRegimes(): void {
    this.i32[this.w + EPOCH]++;
  }
  currentEl(): number {
    return this.u32[this.w + PSTATE] >> 2 & 3;
  }
  secureBelowEl3(): boolean {
    return this.hasEl3 && (this.sysLo(SCR_EL3) & 1) === 0;
  }
  fiqToEl3(): boolean {
    return this.hasEl3 && (this.sysLo(SCR_EL3) & 4) !== 0;
  }

  /**
   * Set where an address that runs may have come to stand for other code (TLB maintenance, another context): generated
   * code is left behind the instruction, as its WebAssembly callers go on at addresses that they looked up before.
   */
  codeMoved = false;

  /** Set by a helper after which the instruction must not go on: the PC already says where execution continues. */
  redirected = false;

  /** To be called by a helper that took an exception or moved the PC: generated code is left without doing more. */
  redirect(): void {
    this.redirected = true;
  }

  /** Makes the `pc` field the address of the instruction whose record generated code has left behind. */
  syncPc(): void {
    const { w, u32 } = this;
    // A page's last record but one is followed by that of the next page's first instruction.
    const lo = u32[w + PC_PAGE] + ((u32[w + RECORD] - u32[w + RECORD_BASE]) >>> 2);
    u32[w + PC] = lo;
    u32[w + PC + 1] = u32[w + PC_PAGE + 1] + (lo > 0xffffffff ? 1 : 0);
  }

  /** The low or only 32 bits of a state field, unsigned. */
  get32(field: StateField): number {
    return this.u32[this.w + (FIELDS[field].offset >>> 2)];
  }
  set32(field: StateField, value: number): void {
    this.u32[this.w + (FIELDS[field].offset >>> 2)] = value;
  }
  get64(field: StateField): bigint {
    return this.u64[(this.base + FIELDS[field].offset) >>> 3];
  }
  set64(field: StateField, value: bigint): void {
    this.u64[(this.base + FIELDS[field].offset) >>> 3] = value;
  }

  /** Low and high halves of X0 to X30; slots 31 to 33 are XZR, SP and the sink. Unsigned. */
  xLo(n: number): number {
    return this.u32[this.w + REGISTERS + 2 * n];
  }
  xHi(n: number): number {
    return this.u32[this.w + REGISTERS + 2 * n + 1];
  }
  setX(n: number, lo: number, hi: number): void {
    const i = this.w + REGISTERS + 2 * n;
    this.u32[i] = lo;
    this.u32[i + 1] = hi;
  }

  /** Low and high halves of a stored system register by its table index. Unsigned. */
  sysLo(index: number): number {
    return this.u32[this.w + SYSREGS + 2 * index];
  }
  sysHi(index: number): number {
    return this.u32[this.w + SYSREGS + 2 * index + 1];
  }
  setSys(index: number, lo: number, hi: number): void {
    const i = this.w + SYSREGS + 2 * index;
    this.u32[i] = lo;
    this.u32[i + 1] = hi;
  }

  /** Index in `u64`/`f64` of scratch slot `slot` (16 bytes each); times two for `u32`/`f32`. */
  scratch64(slot: number): number {
    return (this.base + SCRATCHES + 16 * slot) >>> 3;
  }
  scratch32(slot: number): number {
    return (this.base + SCRATCHES + 16 * slot) >>> 2;
  }

  /** Index in `u64` of the low half of Vn; the high half follows. */
  v64(n: number): number {
    return (this.base + VECTORS + 16 * n) >>> 3;
  }
}
