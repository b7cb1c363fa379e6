/**
 * The vCPU's state block in shared memory: what stands where. Generated code and TypeScript read the same bytes.
 * All offsets are bytes from the block's start.
 */

/** How a load or store is checked. Arm DDI 0487, AccessType and AccessDescriptor. */
export type AccessKind =
  | "normal"
  /** LDTR, STTR: as if at EL0. */
  | "unprivileged"
  /** Load-acquire, store-release, LDAPR: aligned (within 16 bytes with FEAT_LSE2), ordered. */
  | "ordered"
  /** Exclusives and atomics: aligned. */
  | "atomic"
  /** Structures of AdvSIMD elements: SCTLR_ELx.A asks for the alignment of an element, not of the access. */
  | "simd8"
  | "simd16"
  | "simd32"
  | "simd64";

/** Why generated code came back to TypeScript. The argument is named behind each. */
export const EXIT_KINDS = [
  "slice", // the instruction budget ran out or an interrupt is to be looked at
  "fetch", // 0, 1 or 2 (ret, br, blr): the page of the PC is not in the execute TLB, or is guarded
  "redirect", // a helper has changed the PC or the regime (an exception was taken)
  "undefined",
  "svc", // imm16
  "hvc", // imm16
  "smc", // imm16
  "brk", // imm16
  "hlt", // imm16
  "eret",
  "eretaa", // the authenticated ELR_ELx
  "eretab", // the same
  "wfi",
  "wfe",
  "wfit", // Xt: the deadline in counter ticks
  "wfet", // Xt
  "fp", // access to SIMD and FP registers is trapped
  "breakpoint",
  "step",
  "region", // as "slice", in a region of the JIT
] as const;
export type ExitKind = (typeof EXIT_KINDS)[number];

/** General-purpose registers: X0 to X30, then a slot that is always 0 (XZR), SP, and a sink for writes to XZR. */
export const X = 0x000;
export const XZR_SLOT = 31;
export const SP_SLOT = 32;
export const SINK_SLOT = 33;

/** Single fields: offset and width in bytes. */
// deno-fmt-ignore
export const STATE = {
  /** The address of the next instruction, exact whenever TypeScript runs. */
  pc:               { offset: 0x110, bytes: 8 },
  /** N = 8, Z = 4, C = 2, V = 1. Exact whenever TypeScript or tier 1 runs: then `flagKind` is 0. */
  nzcv:             { offset: 0x118, bytes: 4 },
  /** PSTATE but NZCV, at the places that SPSR_EL1 has: SP 0, EL 3:2, DAIF 9:6, BTYPE 11:10, SSBS 12, IL 20, SS 21, PAN 22, UAO 23, DIT 24, TCO 25. */
  pstate:           { offset: 0x11c, bytes: 4 },
  fpcr:             { offset: 0x120, bytes: 4 },
  fpsr:             { offset: 0x124, bytes: 4 },
  /** Index into EXIT_KINDS, and its argument. */
  exitKind:         { offset: 0x128, bytes: 4 },
  /** 0: SIMD and FP instructions run; else they exit with "fp". */
  fpTrap:           { offset: 0x12c, bytes: 4 },
  exitArgument:     { offset: 0x130, bytes: 8 },
  /** VA of the page that runs. */
  pcPage:           { offset: 0x138, bytes: 8 },
  /** Where the page's decoded records start in memory: regions leave that to those whom they leave for, who read it. */
  recordBase:       { offset: 0x140, bytes: 4 },
  /**
   * Where the TLB of the current context stands (see mmu/tlb.ts): for addresses with bit 55 clear, and set. CALL_SITES takes
   * both as one.
   */
  tlb:              { offset: 0x144, bytes: 4 },
  tlbUpper:         { offset: 0x148, bytes: 4 },
  /** The TLB for unprivileged accesses from EL1 or EL2, to any address. */
  tlbUnprivileged:  { offset: 0x1c0, bytes: 4 },
  /** Instructions left in this slice, and the bias that turns a record's address into it. */
  budget:           { offset: 0x14c, bytes: 4 },
  /** Not 0: leave at the next check (an interrupt line changed, TypeScript wants the vCPU). */
  attention:        { offset: 0x150, bytes: 4 },
  /** Local exclusive monitor: size in bytes (0: open), address and value. */
  exclusiveBytes:   { offset: 0x154, bytes: 4 },
  exclusiveAddress: { offset: 0x158, bytes: 8 },
  exclusiveLow:     { offset: 0x160, bytes: 8 },
  exclusiveHigh:    { offset: 0x168, bytes: 8 },
  /** The record that runs, while TypeScript is called from it. */
  record:           { offset: 0x170, bytes: 4 },
  /** 1 while the current context checks branch targets (a guarded page may be mapped). */
  guarded:          { offset: 0x174, bytes: 4 },
  /**
   * Pointer authentication in the current context, recomputed with it: which keys are enabled, and whether use traps
   * (bits: a64/pointer_authentication.ts, PAUTH).
   */
  pauth:            { offset: 0x178, bytes: 4 },
  /** Not 0: DC ZVA may be trapped in the current context (SCTLR_ELx.DZE, HCR_EL2.TDZ) and asks a helper first. */
  zvaTrap:          { offset: 0x17c, bytes: 4 },
  /**
   * Which bits of an address hold the PAC in the current context, for instruction and data addresses of the lower and
   * the upper half: bits 54 down to 64 - TCR_ELx.TnSZ, and bits 63:56 unless TBI applies. 0 without FEAT_PAuth.
   */
  pacMaskLow:       { offset: 0x180, bytes: 8 },
  pacMaskHigh:      { offset: 0x188, bytes: 8 },
  pacMaskDataLow:   { offset: 0x190, bytes: 8 },
  pacMaskDataHigh:  { offset: 0x198, bytes: 8 },
  /** The event register of WFE and SEV, 0 or 1. */
  event:            { offset: 0x1a0, bytes: 4 },
  /** A physical SError interrupt is pending: its ISS with bit 31 set; 0 when none is. */
  serror:           { offset: 0x1a4, bytes: 4 },
  /** Bytes of the host's stack that WebAssembly calls take which stand for calls of the guest. */
  stackBytes:       { offset: 0x1a8, bytes: 4 },
  /** 1 where generated code was left for TypeScript, so that its result LEFT is not an address that a RET goes to. */
  left:             { offset: 0x1ac, bytes: 4 },
  /** How often regions had tier 1 execute an instruction and go on, for statistics. */
  sideExits:        { offset: 0x1b0, bytes: 8 },
  /**
   * Where generated code goes on after TypeScript has moved the PC: the record, in place of the one that has called; or
   * the one that runs when all WebAssembly callers have returned, as their addresses mean other code now; 0 to leave.
   */
  resume:           { offset: 0x1b8, bytes: 4 },
  restart:          { offset: 0x1bc, bytes: 4 },
  /** Not 0: NZCV is still to be computed of these operands, of 64 or 32 bits. See FLAGS. */
  flagKind:         { offset: 0x1c4, bytes: 4 },
  flagA:            { offset: 0x1c8, bytes: 8 },
  flagB:            { offset: 0x1d0, bytes: 8 },
  /** Call sites (see CALL_SITES) that know a target: a bit for all whose numbers are the same in bits 4:0. */
  callSites:        { offset: 0x1d8, bytes: 4 },
  /** Where generated code finds records of words that were decoded before (engine/record_memo.ts); 0 where it may not. */
  recordMemo:       { offset: 0x1dc, bytes: 4 },
  /** VA of a page that the TLB could not take up when a region last asked: regions do not ask again. */
  unfilledPage:     { offset: 0x1e0, bytes: 8 },
  /** What generated code may do of exceptions by itself, as things stand: bits of CODE_EXCEPTIONS. */
  codeExceptions:   { offset: 0xb00, bytes: 4 },
  /** What an exception to EL1 or EL2 sets in PSTATE, and what of SPSR_EL1 or SPSR_EL2 an ERET makes PSTATE. See pstate.ts. */
  pstateEl1:        { offset: 0xb04, bytes: 4 },
  pstateEl2:        { offset: 0xb08, bytes: 4 },
  returnedBits:     { offset: 0xb0c, bytes: 4 },
  /** The access byte that SP_EL0 has while PSTATE.SP = 1 (see SYSREG_ACCESS). */
  spEl0Access:      { offset: 0xb10, bytes: 4 },
  /** The regime in effect, see REGIMES, and which of them are in order: those with this number. */
  regime:           { offset: 0xb14, bytes: 4 },
  regimeEpoch:      { offset: 0xb18, bytes: 4 },
  /** 16 in Secure state, else 0: what is added for the number of a regime. */
  regimeSecure:     { offset: 0xb1c, bytes: 4 },
} as const;
export type StateField = keyof typeof STATE;

/**
 * How the flags stand: what the state block's `flagKind` says. Regions leave them to be computed of the operands of the
 * instruction that set them; whoever runs TypeScript or tier 1 makes them exact first.
 */
export const FLAGS = {
  exact: 0,
  add64: 1,
  sub64: 2,
  logic64: 3,
  add32: 4,
  sub32: 5,
  logic32: 6,
  /** In the state block, of a kind that is known at run time only. */
  memory: 7,
  /** Those of one of the states above where a condition held, else a constant: only within a block. */
  conditional: 8,
} as const;
export type FlagState = (typeof FLAGS)[keyof typeof FLAGS];

/** Bits of the state field `codeExceptions`: SVC is taken to EL1, HVC to a resident of EL2; an ERET at EL1 returns. */
export const CODE_EXCEPTIONS = { svc: 1, hvc: 2, eret: 4 } as const;

/** V0 to V31, 16 bytes each. */
export const V = 0x200;
/** Scratch slots, 16 bytes each: arguments of helpers in order, and the result in slot 0. */
export const SCRATCH = 0x400;
export const SCRATCH_SLOTS = 16;
/**
 * Sites: the page that regions accessed last through each base register, so that they need no TLB look-up while accesses
 * stay in it. SITE_BYTES each, for reads and then for writes, by the number of the register (31 is SP):
 *   +0  VA of the page
 *   +8  addend, as in the TLB (mmu/tlb.ts)
 */
export const SITES = 0x500;
export const SITE_BYTES = 16;
/** Number of the first site for writes. */
export const WRITE_SITES = 32;
export const SITE_COUNT = 2 * WRITE_SITES;
/**
 * For each site, in SPAN_BYTES: accesses that begin so far from the page's start do not end in it; 0 where no page is known.
 * They stand together, since all are cleared when an exception is taken.
 */
export const SPANS = SITES + SITE_COUNT * SITE_BYTES;
export const SPAN_BYTES = 4;
/** Stored system registers: 8 bytes each, by index in the system-register table. */
export const SYSREG = 0x1000;
export const SYSREG_SLOTS = 1024;
/**
 * Direct access to system registers: one byte each, by the same index. Bit n: an MRS at ELn may read the slot;
 * bit 4 + n: an MSR at ELn may write it, without calling TypeScript.
 */
export const SYSREG_ACCESS = SYSREG + 8 * SYSREG_SLOTS;
/**
 * Regimes: what generated code takes from the Exception level and its control registers. REGIME_BYTES each, by EL in bits
 * 1:0, PSTATE.PAN, PSTATE.UAO and Security state:
 *   +0  `regimeEpoch` if all that follows holds
 *   +4  the first regime with the same words from +20 on
 *   +8  the fields tlb, tlbUpper, tlbUnprivileged
 *   +20 the fields guarded, fpTrap, zvaTrap, pauth
 *   +40 the four masks of pointer authentication
 */
export const REGIMES = SYSREG_ACCESS + SYSREG_SLOTS;
export const REGIME_BYTES = 80;
export const REGIME_COUNT = 32;
/** Counters of arrivals at branch targets, 16 bits each, by a hash of the record's address. */
export const HOT = 0x4000;
export const HOT_COUNTERS = 0x4000;
/**
 * Call sites: where calls to other pages went last, so that they need no look-up in the execute TLB. CALL_SITE_BYTES each,
 * by a hash of the call's place:
 *   +0  the target's address
 *   +8  its record
 *   +12 where the records of its page start
 *   +16 the fields tlb and tlbUpper of the context in which that is so; 0 where no target is known
 */
export const CALL_SITES = HOT + 2 * HOT_COUNTERS;
export const CALL_SITE_BYTES = 32;
export const CALL_SITE_COUNT = 256;
/**
 * Exceptions taken, by Exception level and then EXCEPTION_KINDS kinds, EXCEPTION_BYTES each:
 *   +0  how many, as a float64
 *   +8  ESR_ELx, FAR_ELx, HPFAR_EL2 and the PC that was left, of the last
 */
export const EXCEPTIONS = CALL_SITES + CALL_SITE_COUNT * CALL_SITE_BYTES;
export const EXCEPTION_KINDS = 67;
export const EXCEPTION_BYTES = 40;
/**
 * Data Aborts that a resident of EL2 has taken and that come again with the same access: devices that it emulates.
 * KNOWN_ABORT_BYTES each, by a hash of the page and the instruction:
 *   +0  VA of the page; odd where there is none
 *   +8  the field tlb or tlbUpper of the context
 *   +12 the instruction
 *   +16 ESR_EL2
 *   +24 HPFAR_EL2
 */
export const KNOWN_ABORTS = EXCEPTIONS + 0x2a00;
export const KNOWN_ABORT_BYTES = 32;
/** A power of two. */
export const KNOWN_ABORT_COUNT = 32;
export const VCPU_BYTES = EXCEPTIONS + 0x3000;
