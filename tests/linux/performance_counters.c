/*
 * What a profiler does with the performance counters: it counts a loop's cycles and instructions, and has a signal
 * sent for every so many of them. Run in the guest by performance_counters_test.ts.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <linux/perf_event.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { ROUNDS = 1000000, ROUND_INSTRUCTIONS = 2, PERIOD = 100000 };

static volatile sig_atomic_t signals;

static void count_signal(int signal) { signals++; }

/* An event of this thread, at EL0 only unless the kernel is counted as well, that does not count yet. */
static int open_event(uint64_t config, uint64_t period, int counts_kernel) {
  struct perf_event_attr attr = {
      .type = PERF_TYPE_HARDWARE,
      .size = sizeof attr,
      .config = config,
      .sample_period = period,
      .disabled = 1,
      .exclude_kernel = !counts_kernel,
      .exclude_hv = 1,
      .wakeup_events = 1,
  };
  return syscall(SYS_perf_event_open, &attr, 0, -1, -1, 0);
}

static uint64_t run(int event) {
  uint64_t count = 0;
  ioctl(event, PERF_EVENT_IOC_ENABLE, 0);
  uint64_t left = ROUNDS;
  __asm__ volatile("1: subs %0, %0, #1\n\tb.ne 1b" : "+r"(left) : : "cc");
  ioctl(event, PERF_EVENT_IOC_DISABLE, 0);
  return read(event, &count, sizeof count) == sizeof count ? count : 0;
}

/* Within a tenth more than `expected`: what switches the event on and off counts, too. */
static const char *about(uint64_t count, uint64_t expected) {
  return count >= expected && count <= expected + expected / 10 ? "right" : "wrong";
}

static void measure(const char *name, uint64_t config, int counts_kernel) {
  const uint64_t expected = (uint64_t)ROUNDS * ROUND_INSTRUCTIONS;
  int event = open_event(config, 0, counts_kernel);
  if (event < 0) return perror(name);
  printf("%s: count %s\n", name, about(run(event), expected));
  close(event);

  event = open_event(config, PERIOD, counts_kernel);
  if (event < 0) return perror(name);
  fcntl(event, F_SETFL, O_ASYNC);
  fcntl(event, F_SETSIG, SIGIO);
  fcntl(event, F_SETOWN, getpid());
  signals = 0;
  uint64_t count = run(event);
  printf("%s: samples %s\n", name, about(signals, expected / PERIOD));
  printf("%s: count of samples %s\n", name, about(count, expected));
  close(event);
}

int main(void) {
  signal(SIGIO, count_signal);
  for (int counts_kernel = 0; counts_kernel < 2; counts_kernel++) {
    measure("cycles", PERF_COUNT_HW_CPU_CYCLES, counts_kernel);
    measure("instructions", PERF_COUNT_HW_INSTRUCTIONS, counts_kernel);
  }
  puts("done");
  return 0;
}
