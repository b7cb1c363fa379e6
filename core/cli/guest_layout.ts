import { highHalf, lowHalf } from "../cpu/word64.ts";
import { guestDevicetree } from "../machine/devicetree.ts";
import { patchDevicetree } from "../machine/devicetree_patch.ts";
import { type Image, loadImage, type Segment } from "../machine/image.ts";
import { DTB_ROOM_BYTES, GUEST_IPA, GUEST_STACK_TOP_IPA, INITRD_IPA } from "../machine/memory_map.ts";
import type { EntryState } from "../hypervisor/el2_controls.ts";
import { diagnosticGuest } from "../../guests/diagnostic.ts";
import { DEFAULT_APPEND, type GuestFiles } from "./vm_protocol.ts";

/** What the user gave cannot be used, in one sentence: the run ends with exit code 2. */
export class BadInput extends Error {}

/** What stands where in guest RAM before the guest's first instruction. Addresses are the guest's (IPA). */
export interface GuestLayout {
  readonly segments: readonly Segment[];
  readonly dtb: Uint8Array;
  readonly entry: EntryState;
  /** What was changed in the user's devicetree, a sentence each. */
  readonly notices: readonly string[];
}

/** Interval of guest memory, with the name that a message gives it. */
interface Claim {
  readonly what: string;
  readonly start: number;
  readonly end: number;
}

const PAGE_BYTES = 0x1000;
/** Where an initrd goes that does not fit in its usual place: behind the kernel, aligned so. */
const INITRD_ALIGN = 0x20_0000;
/** The least RAM: room for the stack and the devicetree. */
const MEMORY_MIN = GUEST_STACK_TOP_IPA - GUEST_IPA + DTB_ROOM_BYTES;

/**
 * Decides what goes where in guest RAM: kernel, initrd, devicetree. Throws BadInput, naming the culprit, for files that
 * are damaged and for what does not fit or overlaps.
 * @param hasPlugin a policy of the user's may answer for devices.
 */
export function layOutGuest(
  files: GuestFiles,
  memoryBytes: number,
  cpuCount: number,
  hasPlugin = false,
): GuestLayout {
  const end = GUEST_IPA + memoryBytes;
  if (memoryBytes % PAGE_BYTES !== 0 || memoryBytes < MEMORY_MIN) {
    throw new BadInput(
      `Cannot make ${size(memoryBytes)} of guest RAM (--memory) as it must be whole pages of 4 KiB, ` +
        `at least ${size(MEMORY_MIN)}`,
    );
  }
  const image = kernelImage(files);
  const dtbStart = end - DTB_ROOM_BYTES;
  const kernel: Claim = {
    what: files.kernelName === null ? "the diagnostic guest" : `the kernel ${files.kernelName}`,
    start: Math.min(...image.segments.map((s) => s.address)),
    end: image.end,
  };
  checkFits(kernel, memoryBytes);
  const initrd = files.initrd && placeInitrd(files, kernel, dtbStart, memoryBytes);
  const description = {
    memoryBytes,
    cpuCount,
    bootargs: files.append ?? (files.dtb ? "" : DEFAULT_APPEND),
    initrd: initrd ?? undefined,
    rngSeed: files.rngSeed,
    psciMethod: "hvc",
  } as const;
  const { dtb, changes } = files.dtb
    ? readAs(`Cannot read the devicetree ${files.dtbName}`, () => patchDevicetree(files.dtb!, description, hasPlugin))
    : { dtb: guestDevicetree(description), changes: [] };
  if (dtb.length > DTB_ROOM_BYTES) {
    throw new BadInput(`Cannot use the devicetree ${files.dtbName}: ${size(dtb.length)} are more than its place holds`);
  }
  return {
    segments: [
      ...image.segments,
      ...(initrd ? [{ address: initrd.start, bytes: files.initrd! }] : []),
      { address: dtbStart, bytes: dtb },
    ],
    dtb,
    entry: { pc: image.entry, sp: GUEST_STACK_TOP_IPA, x0Lo: lowHalf(dtbStart), x0Hi: highHalf(dtbStart) },
    notices: changes.map((change) => `devicetree ${files.dtbName}: ${change}`),
  };
}

function kernelImage({ kernel, kernelName }: GuestFiles): Image {
  if (kernel === null) {
    const { bytes, origin, entry } = diagnosticGuest();
    return { kind: "flat", segments: [{ address: origin, bytes }], entry, end: origin + bytes.length };
  }
  return readAs(`Cannot load the kernel ${kernelName}`, () => loadImage(kernel, GUEST_IPA));
}

/** What `read` returns; damage that it finds is told as the user's. */
function readAs<T>(complaint: string, read: () => T): T {
  try {
    return read();
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    throw new BadInput(`${complaint}: ${error.message}`);
  }
}

/** At its usual address, or behind the kernel where the kernel or the end of RAM is in the way. */
function placeInitrd(files: GuestFiles, kernel: Claim, dtbStart: number, memoryBytes: number): Claim {
  const behind = Math.ceil(kernel.end / INITRD_ALIGN) * INITRD_ALIGN;
  const bytes = files.initrd!.length;
  for (const start of [INITRD_IPA, behind]) {
    const isClear = start >= kernel.end || start + bytes <= kernel.start;
    if (isClear && start + bytes <= dtbStart) {
      return { what: `the initrd ${files.initrdName}`, start, end: start + bytes };
    }
  }
  throw new BadInput(
    `Cannot fit the initrd ${files.initrdName} (${size(bytes)}) in ${size(memoryBytes)} of guest RAM (--memory) ` +
      `beside ${kernel.what}, which ends at 0x${kernel.end.toString(16)}`,
  );
}

/** The kernel must lie wholly in RAM, below the devicetree. */
function checkFits({ what, start, end }: Claim, memoryBytes: number): void {
  if (start >= GUEST_IPA && end <= GUEST_IPA + memoryBytes - DTB_ROOM_BYTES) return;
  throw new BadInput(
    `Cannot fit ${what}, which takes 0x${start.toString(16)} to 0x${end.toString(16)}, in ${size(memoryBytes)} of ` +
      `guest RAM at 0x${GUEST_IPA.toString(16)} (--memory), the last ${size(DTB_ROOM_BYTES)} being the devicetree's`,
  );
}

/** A size in the largest unit that keeps it whole. */
function size(bytes: number): string {
  if (bytes % 2 ** 20 === 0) return `${bytes / 2 ** 20} MiB`;
  return bytes % 2 ** 10 === 0 ? `${bytes / 2 ** 10} KiB` : `${bytes} bytes`;
}
