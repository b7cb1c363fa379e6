/*
 * Ten workloads for a Linux guest. Each prints a line: "WORK name seconds result". The arguments are their size
 * in percent, and the name of the only one that is to run.
 * To compile: aarch64-linux-gnu-gcc -O2 -static -o workloads workloads.c
 */
#define _GNU_SOURCE
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static double percent = 100;

static long scaled(double full) {
  long count = (long)(full * percent / 100);
  return count > 0 ? count : 1;
}

static double seconds(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* The next of a row of numbers without order. */
static uint64_t state = 0x243f6a8885a308d3;
static uint64_t next(void) {
  state ^= state << 13;
  state ^= state >> 7;
  state ^= state << 17;
  return state;
}

/* CRC-32C of bytes, by a table. */
static uint64_t checksum(void) {
  enum { BYTES = 1 << 20 };
  static uint32_t table[256];
  static uint8_t bytes[BYTES];
  for (uint32_t n = 0; n < 256; n++) {
    uint32_t value = n;
    for (int bit = 0; bit < 8; bit++) value = (value >> 1) ^ (value & 1 ? 0x82f63b78 : 0);
    table[n] = value;
  }
  for (long i = 0; i < BYTES; i++) bytes[i] = (uint8_t)next();
  uint32_t sum = 0xffffffff;
  for (long round = scaled(100); round > 0; round--)
    for (long i = 0; i < BYTES; i++) sum = table[(sum ^ bytes[i]) & 0xff] ^ (sum >> 8);
  return sum;
}

/* Counts primes: a bit for each odd number. */
static uint64_t primes(void) {
  const long limit = 4000000;
  uint64_t *composite = malloc((size_t)limit / 16 + 8);
  uint64_t count = 0;
  for (long round = scaled(15); round > 0; round--) {
    memset(composite, 0, (size_t)limit / 16 + 8);
    count = 1;
    for (long n = 3; n < limit; n += 2) {
      if (composite[n >> 7] >> ((n >> 1) & 63) & 1) continue;
      count++;
      for (long m = n * n; m < limit; m += 2 * n) composite[m >> 7] |= 1ull << ((m >> 1) & 63);
    }
  }
  free(composite);
  return count;
}

static int inOrder(const void *a, const void *b) {
  uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
  return x < y ? -1 : x > y;
}

/* Sorts through a comparison by pointer. */
static uint64_t sorting(void) {
  long count = scaled(800000);
  uint64_t *values = malloc((size_t)count * sizeof *values), sum = 0;
  for (long i = 0; i < count; i++) values[i] = next();
  qsort(values, (size_t)count, sizeof *values, inOrder);
  for (long i = 0; i < count; i += 1000) sum = 31 * sum + values[i];
  free(values);
  return sum;
}

/* Multiplies matrices of doubles. */
static uint64_t matrices(void) {
  enum { N = 200 };
  static double a[N][N], b[N][N], c[N][N];
  for (int i = 0; i < N; i++)
    for (int j = 0; j < N; j++) a[i][j] = i + j, b[i][j] = i - 2 * j, c[i][j] = 0;
  for (long round = scaled(12); round > 0; round--)
    for (int i = 0; i < N; i++)
      for (int k = 0; k < N; k++)
        for (int j = 0; j < N; j++) c[i][j] += a[i][k] * b[k][j];
  double trace = 0;
  for (int i = 0; i < N; i++) trace += c[i][i];
  return (uint64_t)(int64_t)trace;
}

/* Ackermann's function: calls and little else. */
static __attribute__((noinline)) uint64_t ackermann(uint64_t m, uint64_t n) {
  if (m == 0) return n + 1;
  if (n == 0) return ackermann(m - 1, 1);
  return ackermann(m - 1, ackermann(m, n - 1));
}
static uint64_t recursion(void) {
  uint64_t sum = 0;
  for (long round = scaled(40); round > 0; round--) sum += ackermann(3, 8);
  return sum;
}

/* Mixes words: multiplications, shifts and rotations in registers. */
static uint64_t mixing(void) {
  uint64_t a = 1, b = 2;
  for (long i = scaled(150000000); i > 0; i--) {
    a = (a ^ b) * 0x9e3779b97f4a7c15;
    b = (b << 23 | b >> 41) + a;
    a ^= a >> 29;
  }
  return a + b;
}

/* Copies and fills blocks of all sizes. */
static uint64_t copying(void) {
  enum { BYTES = 1 << 20 };
  static char from[BYTES], to[BYTES];
  for (long round = scaled(3000); round > 0; round--)
    for (long size = 64; size < BYTES; size = 3 * size + 1) {
      memcpy(to + round % 16, from, (size_t)size - 16);
      memset(from, (int)round, (size_t)size);
    }
  return (uint64_t)(unsigned char)to[BYTES / 4];
}

/* System calls that do nothing. */
static uint64_t systemCalls(void) {
  uint64_t sum = 0;
  for (long i = scaled(1000000); i > 0; i--) sum += (uint64_t)syscall(SYS_getppid);
  return sum;
}

/* Processes that run another program and end. */
static uint64_t processes(void) {
  uint64_t ended = 0;
  for (long i = scaled(300); i > 0; i--) {
    pid_t child = fork();
    if (child == 0) {
      execl("/proc/self/exe", "workloads", "0", (char *)NULL);
      _exit(9);
    }
    int status = -1;
    if (child > 0 && waitpid(child, &status, 0) == child && status == 0) ended++;
  }
  return ended;
}

/* Memory that is mapped, touched and given back. */
static uint64_t pages(void) {
  enum { BYTES = 16 << 20 };
  uint64_t touched = 0;
  for (long round = scaled(40); round > 0; round--) {
    char *memory = mmap(NULL, BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) return 0;
    for (long i = 0; i < BYTES; i += 4096) memory[i] = 1, touched++;
    munmap(memory, BYTES);
  }
  return touched;
}

int main(int count, char **arguments) {
  static const struct {
    const char *name;
    uint64_t (*run)(void);
  } works[] = {
      {"checksum", checksum}, {"primes", primes},   {"sorting", sorting},
      {"matrices", matrices}, {"recursion", recursion}, {"mixing", mixing},
      {"copying", copying},   {"syscalls", systemCalls}, {"processes", processes},
      {"pages", pages},
  };
  if (count > 1) percent = atof(arguments[1]);
  if (percent <= 0) return 0;
  for (size_t i = 0; i < sizeof works / sizeof *works; i++) {
    if (count > 2 && strcmp(arguments[2], works[i].name) != 0) continue;
    double start = seconds();
    uint64_t result = works[i].run();
    printf("WORK %s %.3f %016llx\n", works[i].name, seconds() - start, (unsigned long long)result);
    fflush(stdout);
  }
  return 0;
}
