import { assemble } from "../../core/a64/assembler.ts";
import { GUEST_IPA, PL011_BASE } from "../../core/machine/memory_map.ts";

/*
 * Small guests, as flat binaries: what the command line does with them is tested.
 */

const COMMON = `
.equ UARTFR_RXFE, 0x10
.equ PSCI_CPU_OFF, 0x84000002
.equ PSCI_SYSTEM_OFF, 0x84000008
.equ PSCI_SYSTEM_RESET, 0x84000009
_start:
    ldr     x20, =PL011
`;

const SOURCES = {
  /** Says that it is ready, then sends back what it gets until Ctrl-D;polls. */
  echo: `${COMMON}
    mov     w0, #0x70
    str     w0, [x20, #0x2c]
    adr     x1, ready
1:  ldrb    w0, [x1], #1
    cbz     w0, 2f
    strb    w0, [x20]
    b       1b
2:  ldr     w0, [x20, #0x18]
    tbnz    w0, #4, 2b
    ldrb    w0, [x20]
    cmp     w0, #4
    b.eq    3f
    strb    w0, [x20]
    b       2b
3:  ldr     x0, =PSCI_SYSTEM_OFF
    hvc     #0
ready: .asciz "ready"
`,
  /** Writes without an end. */
  flood: `${COMMON}
1:  adr     x1, word
2:  ldrb    w0, [x1], #1
    cbz     w0, 1b
    strb    w0, [x20]
    b       2b
word: .asciz "flood"
`,
  /** Writes 256 KiB, more than a pipe holds, and powers off. */
  burst: `${COMMON}
    mov     w0, #0x62
    mov     w1, #0x40000
1:  strb    w0, [x20]
    subs    w1, w1, #1
    b.ne    1b
    ldr     x0, =PSCI_SYSTEM_OFF
    hvc     #0
`,
  /** Computes without an end. */
  spin: `${COMMON}
1:  add     x0, x0, #1
    b       1b
`,
  /** Switches its only vCPU off. */
  cpuOff: `${COMMON}
    ldr     x0, =PSCI_CPU_OFF
    hvc     #0
    b       .
`,
  /** Has no vectors. */
  vectorless: `${COMMON}
    svc     #0
`,
  /** Has vectors that are no instructions. */
  emptyVectors: `${COMMON}
    ldr     x0, =0x48000000
    msr     vbar_el1, x0
    isb
    svc     #0
`,
  /** Says that it is ready and waits for an interrupt that it has not enabled. */
  sleep: `${COMMON}
    mov     w0, #0x70
    str     w0, [x20, #0x2c]
    mov     w0, #0x21
    strb    w0, [x20]
1:  wfi
    b       1b
`,
  /** Says "on", or "kept" where memory was not cleared, and resets the system. */
  reset: `${COMMON}
    ldr     x2, =0x48000000
    ldr     w3, [x2]
    str     w20, [x2]
    adr     x1, on
    cbz     w3, 1f
    adr     x1, kept
1:  ldrb    w0, [x1], #1
    cbz     w0, 2f
    strb    w0, [x20]
    b       1b
2:  ldr     x0, =PSCI_SYSTEM_RESET
    hvc     #0
on:   .asciz "on"
kept: .asciz "kept"
`,
};

const made = new Map<string, string>();
let folder: string | undefined;

/** Path of a file with the guest, which is gone when the tests have ended. */
export function guestFile(name: keyof typeof SOURCES): string {
  let path = made.get(name);
  if (path === undefined) {
    if (folder === undefined) {
      folder = Deno.makeTempDirSync({ prefix: "ariel-test-" });
      globalThis.addEventListener("unload", () => Deno.removeSync(folder!, { recursive: true }));
    }
    const { bytes } = assemble(SOURCES[name], {
      origin: BigInt(GUEST_IPA),
      symbols: { PL011: BigInt(PL011_BASE) },
    });
    made.set(name, path = `${folder}/${name}.bin`);
    Deno.writeFileSync(path, bytes);
  }
  return path;
}
