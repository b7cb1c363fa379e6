/*
 * Runs single A64 instructions and reports what they did to the registers. Reads records from standard input and
 * writes one result each to standard output; all little-endian:
 *   in:  insn:u32 fpcr:u32 nzcv:u32 0:u32 x0..x3:u64[4] v0..v3:u128[4]     (112 bytes)
 *   out: undefined:u32 fpsr:u32 nzcv:u32 0:u32 x0:u64 x1:u64 v0:u128       (48 bytes)
 * An instruction may read X0 to X3 and V0 to V3 and write X0, X1 and V0.
 */
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <ucontext.h>

struct in {
  uint32_t insn, fpcr, nzcv, pad;
  uint64_t x[4];
  uint8_t v[4][16];
};
struct out {
  uint32_t undefined, fpsr, nzcv, pad;
  uint64_t x[2];
  uint8_t v[16];
};

static volatile uint32_t undefined;

static void on_sigill(int number, siginfo_t *info, void *context) {
  (void)number, (void)info;
  undefined = 1;
  ((ucontext_t *)context)->uc_mcontext.pc += 4;
}

void run(const struct in *in, struct out *out, void *code);
asm(".global run\n"
    "run:\n"
    "  stp x29, x30, [sp, #-32]!\n"
    "  stp x19, x20, [sp, #16]\n"
    "  mov x19, x1\n"
    "  mov x9, x2\n"
    "  mrs x20, fpcr\n"
    "  ldr w10, [x0, #4]\n"
    "  msr fpcr, x10\n"
    "  msr fpsr, xzr\n"
    "  ldr w10, [x0, #8]\n"
    "  lsl x10, x10, #28\n"
    "  msr nzcv, x10\n"
    "  ldp q0, q1, [x0, #48]\n"
    "  ldp q2, q3, [x0, #80]\n"
    "  ldp x2, x3, [x0, #32]\n"
    "  ldp x0, x1, [x0, #16]\n"
    "  blr x9\n"
    "  mrs x10, fpsr\n"
    "  mrs x11, nzcv\n"
    "  lsr x11, x11, #28\n"
    "  stp w10, w11, [x19, #4]\n"
    "  stp x0, x1, [x19, #16]\n"
    "  str q0, [x19, #32]\n"
    "  msr fpcr, x20\n"
    "  ldp x19, x20, [sp, #16]\n"
    "  ldp x29, x30, [sp], #32\n"
    "  ret\n");

int main(void) {
  size_t capacity = 1 << 20, count = 0;
  struct in *in = malloc(capacity * sizeof *in);
  while (count < capacity && fread(in + count, sizeof *in, 1, stdin) == 1) count++;
  uint32_t *code = mmap(0, 8 * (count + 1), PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  struct sigaction action = {.sa_sigaction = on_sigill, .sa_flags = SA_SIGINFO};
  sigaction(SIGILL, &action, 0);
  for (size_t i = 0; i < count; i++) {
    code[2 * i] = in[i].insn;
    code[2 * i + 1] = 0xd65f03c0; /* ret */
  }
  __builtin___clear_cache((char *)code, (char *)(code + 2 * count));
  size_t slot = 0;
  for (size_t i = 0; i < count; i++) {
    struct out out;
    memset(&out, 0, sizeof out);
    if (in[i].insn != in[slot].insn) slot = i;
    undefined = 0;
    run(in + i, &out, code + 2 * slot);
    out.undefined = undefined;
    fwrite(&out, sizeof out, 1, stdout);
  }
  return 0;
}
