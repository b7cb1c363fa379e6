/**
 * The machine's and the guest's memory map: the one place for these addresses. Devices stand where QEMU's virt machine
 * has them, so that devicetrees and drivers made for it fit.
 */

/** RAM of the machine, in physical addresses. */
export const RAM_PA = 0x4000_0000;
/** Where an EL2 program of its own would be; our hypervisor keeps its stage 2 tables there. */
export const HYPERVISOR_PA = 0x4008_0000;
/** Physical backing of the guest's RAM, and the guest's (intermediate physical) address of it. */
export const GUEST_PA = 0x4200_0000;
export const GUEST_IPA = 0x4000_0000;
/** Default size of guest RAM: 768 MiB. */
export const GUEST_BYTES = 0x3000_0000;

/** Stack of a guest that is entered without one. */
export const GUEST_STACK_TOP_IPA = 0x4010_0000;
export const INITRD_IPA = 0x4400_0000;
/** The devicetree: 2 MiB below the end of guest RAM (0x6fe0_0000 with the default size). */
export const DTB_ROOM_BYTES = 0x20_0000;

export const GICD_BASE = 0x0800_0000;
export const GICR_BASE = 0x080a_0000;
/** Redistributor frames of one vCPU. */
export const GICR_STRIDE = 0x2_0000;
export const PL011_BASE = 0x0900_0000;
export const PL031_BASE = 0x0901_0000;
export const VIRTIO_BASE = 0x0a00_0000;
export const VIRTIO_STRIDE = 0x200;

/** Interrupts, as INTIDs: SPIs begin at 32, PPIs at 16; the CPU's own as on Arm's Base System Architecture. */
export const PL011_INTID = 32 + 1;
export const PL031_INTID = 32 + 2;
export const VIRTIO_INTID = 32 + 16;
export const TIMER_INTID = {
  secure: 29,
  physical: 30,
  virtual: 27,
  hypervisor: 26,
  hypervisorVirtual: 28,
  secureHypervisor: 20,
  secureHypervisorVirtual: 19,
} as const;
/** Overflows of the performance counters. */
export const PMU_INTID = 23;
