/*
 * What a debugger does with hardware breakpoints and watchpoints: a parent sets them in its child by ptrace, and prints
 * each stop. Run in the guest by hardware_debug_test.ts.
 */
#include <elf.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

struct debug_state {
  uint32_t info;
  uint32_t pad;
  struct {
    uint64_t addr;
    uint32_t ctrl;
    uint32_t pad;
  } regs[16];
};

enum { EXECUTE = 0, LOAD = 1, STORE = 2 };

static volatile uint64_t words[8];
static volatile uint64_t sum;

__attribute__((noinline)) static void called(int n) { sum += n; }

static void child(void) {
  ptrace(PTRACE_TRACEME, 0, 0, 0);
  raise(SIGSTOP);
  for (int i = 0; i < 1000; i++) {
    words[0] = i;
    if (i == 500) words[3] = 7;
    if (i == 600) sum += words[3];
    if (i == 700) called(i);
  }
  _exit(sum == 707 ? 0 : 1);
}

static int set(pid_t pid, int set_name, uint64_t addr, int length, int type) {
  struct debug_state state;
  struct iovec io = {&state, sizeof state};
  if (ptrace(PTRACE_GETREGSET, pid, set_name, &io)) return -1;
  printf("%d slots\n", (int)(state.info & 0xff));
  uint32_t ctrl = length == 0 ? 0 : ((1u << length) - 1) << 5 | type << 3 | 2 << 1 | 1;
  memset(state.regs, 0, sizeof state.regs);
  state.regs[0].addr = addr;
  state.regs[0].ctrl = ctrl;
  io.iov_len = sizeof state.info + sizeof state.pad + (state.info & 0xff) * sizeof state.regs[0];
  return ptrace(PTRACE_SETREGSET, pid, set_name, &io);
}

/* Lets the child go on to its next stop, and says what it is. */
static int next(pid_t pid, const char *what, uint64_t expected) {
  int status;
  siginfo_t info;
  if (ptrace(PTRACE_CONT, pid, 0, 0) || waitpid(pid, &status, 0) < 0) return -1;
  if (WIFEXITED(status)) return printf("exit %d\n", WEXITSTATUS(status));
  ptrace(PTRACE_GETSIGINFO, pid, 0, &info);
  return printf("%s: signal %d code %d %s\n", what, info.si_signo, info.si_code,
                (uint64_t)info.si_addr == expected ? "there" : "elsewhere");
}

int main(void) {
  pid_t pid = fork();
  int status;
  if (pid == 0) child();
  waitpid(pid, &status, 0);
  uint64_t watched = (uint64_t)&words[3], code = (uint64_t)called;
  if (set(pid, NT_ARM_HW_WATCH, watched, 8, STORE)) return puts("cannot watch stores"), 1;
  next(pid, "store", watched);
  if (set(pid, NT_ARM_HW_WATCH, watched, 8, LOAD)) return puts("cannot watch loads"), 1;
  next(pid, "load", watched);
  if (set(pid, NT_ARM_HW_WATCH, 0, 0, 0)) return puts("cannot stop watching"), 1;
  if (set(pid, NT_ARM_HW_BREAK, code, 4, EXECUTE)) return puts("cannot break"), 1;
  next(pid, "break", code);
  if (set(pid, NT_ARM_HW_BREAK, 0, 0, 0)) return puts("cannot stop breaking"), 1;
  next(pid, "end", 0);
  puts("done");
  return 0;
}
