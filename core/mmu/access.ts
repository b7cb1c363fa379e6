/** How an access is described to the MMU: a set of bits, so that nothing is allocated. Absent bits mean a data read. */
export const ACCESS_WRITE = 1 << 0;
export const ACCESS_EXECUTE = 1 << 1;
/** LDTR, STTR: checked as EL0 unless PSTATE.UAO says otherwise. */
export const ACCESS_UNPRIVILEGED = 1 << 2;
/** The whole access (also when it is split at a page boundary) is not aligned to its size. */
export const ACCESS_UNALIGNED = 1 << 3;
/** The instruction demands alignment whatever SCTLR_ELx.A says: with ACCESS_UNALIGNED an Alignment fault. */
export const ACCESS_ALIGNED_ONLY = 1 << 4;
/** Reads and writes at once (CAS, SWP, LDADD...): both permissions are needed. */
export const ACCESS_ATOMIC = 1 << 5;
/** DC ZVA: a write that is an Alignment fault on Device memory. */
export const ACCESS_ZERO = 1 << 6;
/** DC and IC by VA: with ACCESS_WRITE (DC IVAC) write permission is needed, else read permission at EL0 only. */
export const ACCESS_DC = 1 << 7;
export const ACCESS_IC = 1 << 8;
/** Address translation instructions: no PAN, unless with ACCESS_PAN. */
export const ACCESS_AT = 1 << 9;
export const ACCESS_PAN = 1 << 10;
/** For debuggers: descriptors are not updated, a clear Access flag and missing permissions are ignored. */
export const ACCESS_DEBUG = 1 << 11;
/** A stage 1 table walk seen from stage 2, and one that updates a descriptor. */
export const ACCESS_WALK = 1 << 12;
export const ACCESS_WALK_UPDATE = 1 << 13;
