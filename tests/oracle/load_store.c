/*
 * Runs loads and stores and reports registers and memory. Reads records from standard input and writes one record each
 * of the same form to standard output; all little-endian:
 *   insn:u32[2] x0..x28:u64[29] v0..v31:u128[32] memory:u8[4096]     (4848 bytes)
 * The memory stands at 0x20000000. The output's first word is 1 when the instructions did not run to their end. They may
 * use X0 to X28 and V0 to V31.
 */
#include <setjmp.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

#define MEMORY ((uint8_t *)0x20000000)

struct state {
  uint32_t insn[2];
  uint64_t x[29];
  uint8_t v[32][16];
  uint8_t memory[4096];
};

static sigjmp_buf failed;

static void on_signal(int number) {
  (void)number;
  siglongjmp(failed, 1);
}

void run(struct state *state, void *code);
asm(".global run\n"
    "run:\n"
    "  stp x29, x30, [sp, #-192]!\n"
    "  stp x19, x20, [sp, #16]\n"
    "  stp x21, x22, [sp, #32]\n"
    "  stp x23, x24, [sp, #48]\n"
    "  stp x25, x26, [sp, #64]\n"
    "  stp x27, x28, [sp, #80]\n"
    "  stp d8, d9, [sp, #96]\n"
    "  stp d10, d11, [sp, #112]\n"
    "  stp d12, d13, [sp, #128]\n"
    "  stp d14, d15, [sp, #144]\n"
    "  str x0, [sp, #160]\n"
    "  mov x30, x1\n"
    "  add x29, x0, #8\n"
    "  add x0, x29, #232\n"
    "  .irp n,0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25,26,27,28,29,30,31\n"
    "  ldr q\\n, [x0], #16\n"
    "  .endr\n"
    "  .irp n,0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25,26,27,28\n"
    "  ldr x\\n, [x29, #8 * \\n]\n"
    "  .endr\n"
    "  blr x30\n"
    "  ldr x29, [sp, #160]\n"
    "  add x29, x29, #8\n"
    "  .irp n,0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25,26,27,28\n"
    "  str x\\n, [x29, #8 * \\n]\n"
    "  .endr\n"
    "  add x0, x29, #232\n"
    "  .irp n,0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25,26,27,28,29,30,31\n"
    "  str q\\n, [x0], #16\n"
    "  .endr\n"
    "  ldp x19, x20, [sp, #16]\n"
    "  ldp x21, x22, [sp, #32]\n"
    "  ldp x23, x24, [sp, #48]\n"
    "  ldp x25, x26, [sp, #64]\n"
    "  ldp x27, x28, [sp, #80]\n"
    "  ldp d8, d9, [sp, #96]\n"
    "  ldp d10, d11, [sp, #112]\n"
    "  ldp d12, d13, [sp, #128]\n"
    "  ldp d14, d15, [sp, #144]\n"
    "  ldp x29, x30, [sp], #192\n"
    "  ret\n");

int main(void) {
  static struct state state;
  int flags = MAP_PRIVATE | MAP_ANONYMOUS;
  mmap(MEMORY, 4096, PROT_READ | PROT_WRITE, flags | MAP_FIXED, -1, 0);
  uint32_t *code = mmap(0, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, flags, -1, 0);
  struct sigaction action = {.sa_handler = on_signal};
  sigaction(SIGILL, &action, 0);
  sigaction(SIGBUS, &action, 0);
  sigaction(SIGSEGV, &action, 0);
  while (fread(&state, sizeof state, 1, stdin) == 1) {
    memcpy(MEMORY, state.memory, sizeof state.memory);
    memcpy(code, state.insn, 8);
    code[2] = 0xd65f03c0; /* ret */
    __builtin___clear_cache((char *)code, (char *)(code + 3));
    if (sigsetjmp(failed, 1)) state.insn[0] = 1;
    else {
      run(&state, code);
      state.insn[0] = 0;
    }
    memcpy(state.memory, MEMORY, sizeof state.memory);
    fwrite(&state, sizeof state, 1, stdout);
  }
  return 0;
}
