/*
 * Runs sequences of A64 instructions from any state of registers and memory and reports the state where each ended:
 * sequence INPUT OUTPUT. All numbers are little-endian; see sequence.ts for the addresses.
 *   INPUT:  memory:u8[8192], then cases in order of ascending pages; a page that is not above the last one begins a
 *           new round, for which all pages are cleared
 *     case:   words:u32 fpcr:u32 fpsr:u32 nzcv:u32 pc:u64 x0..x30,sp:u64[32] v0..v31:u128[32] word:u32[words]
 *   OUTPUT: first the 16 bytes at AT_RANDOM, then a result for each case
 *     result: stop:u32 fpcr:u32 fpsr:u32 nzcv:u32 pc:u64 x0..x30,sp:u64[32] v0..v31:u128[32] changes:u64
 *             { offset:u64 value:u64 }[changes], for the doublewords of memory that were changed
 *   stop: 0 at a BRK, 1 UNDEFINED, 2 a fault of memory, 3 too long
 * The state goes through the frame of a signal handler, so that every register can have any value.
 */
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <ucontext.h>
#include <unistd.h>

#define CODE ((uint8_t *)0x31fff10000)
#define CODE_BYTES 0xe0000
#define MEMORY ((uint64_t *)0x31fffff000)
#define MEMORY_BYTES 8192
#define MEMORY_WORDS (MEMORY_BYTES / 8)
#define PAGE 4096

struct state {
  uint32_t count_or_stop, fpcr, fpsr, nzcv;
  uint64_t pc, x[32];
  uint8_t v[32][16];
};

static const uint8_t *input, *input_end;
/* Where the round ends whose code is in place. */
static const uint8_t *round_end;
static uint64_t pristine[MEMORY_WORDS];
static uint8_t *output, *output_next, *output_end;
static const char *output_name;
static uint64_t thread_pointer;
static int is_running;
/* The case at the last tick of the clock: one that lasts for two ticks is stopped. */
static const uint8_t *ticked;

static size_t case_bytes(const struct state *c) {
  return sizeof *c + 4 * c->count_or_stop;
}

static void prepare_round(void) {
  const uint8_t *next = input;
  uint64_t last = 0;
  mprotect(CODE, CODE_BYTES, PROT_READ | PROT_WRITE);
  memset(CODE, 0, CODE_BYTES);
  while (next < input_end) {
    struct state c;
    memcpy(&c, next, sizeof c);
    if (c.pc / PAGE <= last) break;
    last = c.pc / PAGE;
    memcpy((void *)c.pc, next + sizeof c, 4 * c.count_or_stop);
    next += case_bytes(&c);
  }
  round_end = next;
  mprotect(CODE, CODE_BYTES, PROT_READ | PROT_EXEC);
  __builtin___clear_cache((char *)CODE, (char *)CODE + CODE_BYTES);
}

static void finish(void) {
  int file = open(output_name, O_WRONLY | O_CREAT | O_TRUNC, 0600);
  for (const uint8_t *p = output; p < output_next;) {
    ssize_t n = write(file, p, output_next - p);
    if (n <= 0) _exit(1);
    p += n;
  }
  _exit(0);
}

static struct fpsimd_context *fpsimd_of(ucontext_t *context) {
  struct _aarch64_ctx *record = (struct _aarch64_ctx *)context->uc_mcontext.__reserved;
  while (record->magic != FPSIMD_MAGIC) record = (struct _aarch64_ctx *)((char *)record + record->size);
  return (struct fpsimd_context *)record;
}

static void report(int number, ucontext_t *context) {
  struct fpsimd_context *fp = fpsimd_of(context);
  struct state s;
  uint64_t changes = 0;
  if ((size_t)(output_end - output_next) < sizeof s + 8 + 2 * MEMORY_BYTES) _exit(2);
  s.count_or_stop = number == SIGTRAP ? 0 : number == SIGILL ? 1 : number == SIGVTALRM ? 3 : 2;
  s.fpcr = fp->fpcr;
  s.fpsr = fp->fpsr;
  s.nzcv = (uint32_t)context->uc_mcontext.pstate >> 28;
  s.pc = context->uc_mcontext.pc;
  memcpy(s.x, context->uc_mcontext.regs, sizeof context->uc_mcontext.regs);
  s.x[31] = context->uc_mcontext.sp;
  memcpy(s.v, fp->vregs, sizeof s.v);
  memcpy(output_next, &s, sizeof s);
  uint8_t *count = output_next + sizeof s;
  output_next = count + 8;
  if (memcmp(MEMORY, pristine, MEMORY_BYTES)) {
    for (uint64_t i = 0; i < MEMORY_WORDS; i++) {
      if (MEMORY[i] == pristine[i]) continue;
      uint64_t change[2] = {8 * i, MEMORY[i]};
      memcpy(output_next, change, sizeof change);
      output_next += sizeof change;
      changes++;
    }
    memcpy(MEMORY, pristine, MEMORY_BYTES);
  }
  memcpy(count, &changes, 8);
}

static void load(ucontext_t *context) {
  struct fpsimd_context *fp = fpsimd_of(context);
  struct state s;
  memcpy(&s, input, sizeof s);
  fp->fpcr = s.fpcr;
  fp->fpsr = s.fpsr;
  memcpy(fp->vregs, s.v, sizeof s.v);
  context->uc_mcontext.pstate = (uint64_t)s.nzcv << 28;
  context->uc_mcontext.pc = s.pc;
  memcpy(context->uc_mcontext.regs, s.x, sizeof context->uc_mcontext.regs);
  context->uc_mcontext.sp = s.x[31];
}

static void on_signal(int number, siginfo_t *info, void *context) {
  (void)info;
  asm volatile("msr tpidr_el0, %0" ::"r"(thread_pointer));
  if (is_running) {
    if (number == SIGVTALRM && ticked != input) {
      ticked = input;
      asm volatile("msr tpidr_el0, xzr");
      return;
    }
    report(number, context);
    struct state s;
    memcpy(&s, input, sizeof s);
    input += case_bytes(&s);
  }
  is_running = 1;
  if (input >= input_end) finish();
  if (input >= round_end) prepare_round();
  load(context);
  asm volatile("msr tpidr_el0, xzr");
}

int main(int argc, char **argv) {
  if (argc != 3) return 2;
  asm volatile("mrs %0, tpidr_el0" : "=r"(thread_pointer));
  int anonymous = MAP_PRIVATE | MAP_ANONYMOUS, file = open(argv[1], O_RDONLY);
  struct stat status;
  if (file < 0 || fstat(file, &status)) return 2;
  input = mmap(0, status.st_size, PROT_READ, MAP_PRIVATE, file, 0);
  input_end = input + status.st_size;
  /* Results are as large as cases, and memory changes of one need no more than this on the average. */
  size_t capacity = 2 * status.st_size + (64 << 20);
  output = output_next = mmap(0, capacity, PROT_READ | PROT_WRITE, anonymous | MAP_NORESERVE, -1, 0);
  output_end = output + capacity;
  output_name = argv[2];
  if (mmap(CODE, CODE_BYTES, PROT_READ, anonymous | MAP_FIXED_NOREPLACE, -1, 0) != CODE) return 3;
  void *memory = mmap(MEMORY, MEMORY_BYTES, PROT_READ | PROT_WRITE, anonymous | MAP_FIXED_NOREPLACE, -1, 0);
  if (memory != MEMORY) return 3;
  memcpy(pristine, input, MEMORY_BYTES);
  memcpy(MEMORY, pristine, MEMORY_BYTES);
  input += MEMORY_BYTES;
  memcpy(output_next, (void *)getauxval(AT_RANDOM), 16);
  output_next += 16;

  stack_t stack = {.ss_size = 1 << 16};
  stack.ss_sp = mmap(0, stack.ss_size, PROT_READ | PROT_WRITE, anonymous, -1, 0);
  sigaltstack(&stack, 0);
  struct sigaction action = {.sa_sigaction = on_signal, .sa_flags = SA_SIGINFO | SA_ONSTACK};
  sigfillset(&action.sa_mask);
  int signals[] = {SIGILL, SIGTRAP, SIGSEGV, SIGBUS, SIGVTALRM};
  for (size_t i = 0; i < sizeof signals / sizeof *signals; i++) sigaction(signals[i], &action, 0);
  struct itimerval interval = {{0, 500000}, {0, 500000}};
  setitimer(ITIMER_VIRTUAL, &interval, 0);
  asm volatile("brk #0");
  return 4;
}
