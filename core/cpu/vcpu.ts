import { SCRATCH, STATE, type StateField, SYSREG, V, X } from "./layout.ts";

/**
 * A vCPU as TypeScript sees it: views over its state block in shared memory. Nothing of the architectural state is
 * kept in JavaScript objects, so that generated code, snapshots and helpers all see the same bytes.
 */
export class Vcpu {
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
  }

  /** Instructions executed since reset; the running slice is added when it ends (see Engine.instructions). */
  instructions = 0;
  /** False while the vCPU waits (WFI, WFE), is off (PSCI) or is held by a debugger. */
  isRunning = true;

  /** Set by a helper after which the instruction must not go on: the PC already says where execution continues. */
  redirected = false;

  /** To be called by a helper that took an exception or moved the PC: generated code is left without doing more. */
  redirect(): void {
    this.redirected = true;
  }

  /** Makes the `pc` field the address of the instruction whose record generated code has left behind. */
  syncPc(): void {
    const { w, u32 } = this;
    const record = u32[w + (STATE.record.offset >>> 2)], base = u32[w + (STATE.recordBase.offset >>> 2)];
    u32[w + (STATE.pc.offset >>> 2)] = (u32[w + (STATE.pcPage.offset >>> 2)] | ((record - base) >>> 2)) >>> 0;
    u32[w + (STATE.pc.offset >>> 2) + 1] = u32[w + (STATE.pcPage.offset >>> 2) + 1];
  }

  /** The low or only 32 bits of a state field, unsigned. */
  get32(field: StateField): number {
    return this.u32[this.w + (STATE[field].offset >>> 2)];
  }
  set32(field: StateField, value: number): void {
    this.u32[this.w + (STATE[field].offset >>> 2)] = value;
  }
  get64(field: StateField): bigint {
    return this.u64[(this.base + STATE[field].offset) >>> 3];
  }
  set64(field: StateField, value: bigint): void {
    this.u64[(this.base + STATE[field].offset) >>> 3] = value;
  }

  /** Low and high halves of X0 to X30; slots 31 to 33 are XZR, SP and the sink. Unsigned. */
  xLo(n: number): number {
    return this.u32[this.w + (X >>> 2) + 2 * n];
  }
  xHi(n: number): number {
    return this.u32[this.w + (X >>> 2) + 2 * n + 1];
  }
  setX(n: number, lo: number, hi: number): void {
    const i = this.w + (X >>> 2) + 2 * n;
    this.u32[i] = lo;
    this.u32[i + 1] = hi;
  }

  /** Low and high halves of a stored system register by its table index. Unsigned. */
  sysLo(index: number): number {
    return this.u32[this.w + (SYSREG >>> 2) + 2 * index];
  }
  sysHi(index: number): number {
    return this.u32[this.w + (SYSREG >>> 2) + 2 * index + 1];
  }
  setSys(index: number, lo: number, hi: number): void {
    const i = this.w + (SYSREG >>> 2) + 2 * index;
    this.u32[i] = lo;
    this.u32[i + 1] = hi;
  }

  /** Index in `u64`/`f64` of scratch slot `slot` (16 bytes each); times two for `u32`/`f32`. */
  scratch64(slot: number): number {
    return (this.base + SCRATCH + 16 * slot) >>> 3;
  }
  scratch32(slot: number): number {
    return (this.base + SCRATCH + 16 * slot) >>> 2;
  }

  /** Index in `u64` of the low half of Vn; the high half follows. */
  v64(n: number): number {
    return (this.base + V + 16 * n) >>> 3;
  }
}
