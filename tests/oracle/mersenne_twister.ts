/*
 * The generator MT19937 of M. Matsumoto and T. Nishimura, "Mersenne Twister: a 623-dimensionally equidistributed uniform
 * pseudorandom number generator" (1998), with initialization by an array: the judge draws its secrets from it.
 */

const N = 624, M = 397;

function initialize(state: Uint32Array, seed: number): void {
  state[0] = seed;
  for (let i = 1; i < N; i++) state[i] = Math.imul(1812433253, state[i - 1] ^ (state[i - 1] >>> 30)) + i;
}

function initializeByArray(state: Uint32Array, key: readonly number[]): void {
  initialize(state, 19650218);
  let i = 1;
  const step = (): void => {
    if (++i < N) return;
    state[0] = state[N - 1];
    i = 1;
  };
  const mixed = (factor: number): number => state[i] ^ Math.imul(state[i - 1] ^ (state[i - 1] >>> 30), factor);
  for (let k = 0; k < Math.max(N, key.length); k++) {
    const j = k % key.length;
    state[i] = mixed(1664525) + key[j] + j;
    step();
  }
  for (let k = 0; k < N - 1; k++) {
    state[i] = mixed(1566083941) - i;
    step();
  }
  state[0] = 0x80000000;
}

function renew(state: Uint32Array): void {
  for (let i = 0; i < N; i++) {
    const y = (state[i] & 0x80000000) | (state[(i + 1) % N] & 0x7fffffff);
    state[i] = state[(i + M) % N] ^ (y >>> 1) ^ (y & 1 ? 0x9908b0df : 0);
  }
}

/** Numbers of 32 bits that follow from the words of a key. */
export function mersenneTwister(key: readonly number[]): () => number {
  const state = new Uint32Array(N);
  let next = N;
  initializeByArray(state, key);
  return () => {
    if (next === N) {
      renew(state);
      next = 0;
    }
    let y = state[next++];
    y ^= y >>> 11;
    y ^= (y << 7) & 0x9d2c5680;
    y ^= (y << 15) & 0xefc60000;
    return (y ^ (y >>> 18)) >>> 0;
  };
}
