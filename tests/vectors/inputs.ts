import { randomWords } from "../oracle/gnu.ts";
import { MEMORY_BASE, MEMORY_BYTES, STATE_WORDS, WORD } from "../oracle/sequence.ts";

/*
 * What cases start from. Recorded vectors name their inputs by a seed only, so that they must be recorded anew when
 * anything here changes.
 */

/** Doublewords of one kind of content, by halves: interesting values of some type, lane by lane. */
type Pool = Uint32Array;

const POOL_SIZE = 1024;
const SPECIAL_SHARE = 3;

function integer(random: () => number, bits: number): bigint {
  const width = BigInt(bits), top = 1n << (width - 1n);
  const special = [0n, 1n, -1n, 2n, top, top - 1n, top + 1n, -2n, 0x55555555_55555555n, 0xaaaaaaaa_aaaaaaaan];
  const die = random() % 8;
  if (die < 3) return special[random() % special.length];
  if (die === 3) return 1n << BigInt(random() % bits);
  if (die === 4) return (1n << BigInt(random() % bits)) - BigInt(random() % 3);
  if (die === 5) return BigInt(random() % 0x90) - 8n;
  return (BigInt(random()) << 32n | BigInt(random())) >> BigInt(random() % 64);
}

/** A number whose format has `exponentBits` and `fractionBits`: at the bounds of the format, near 1, or integral. */
function float(random: () => number, exponentBits: number, fractionBits: number): bigint {
  const maxExponent = 2 ** exponentBits - 1, bias = maxExponent >> 1;
  const fractionMask = (1n << BigInt(fractionBits)) - 1n;
  const wild = (BigInt(random()) << 32n | BigInt(random())) & fractionMask;
  const quiet = 1n << BigInt(fractionBits - 1);
  const fractions = [0n, 0n, 1n, fractionMask, quiet, quiet - 1n, quiet + 1n, wild, wild, wild & ~(fractionMask >> 5n)];
  let fraction = fractions[random() % fractions.length], exponent: number;
  const die = random() % 10;
  if (die < SPECIAL_SHARE) exponent = [0, 0, maxExponent, maxExponent, 1, maxExponent - 1][random() % 6];
  else if (die < 5) exponent = bias - 2 + random() % 5;
  else if (die < 7) {
    // An integer or a half, up to beyond the integers of 64 bits
    exponent = bias + random() % Math.min(68, bias);
    const below = Math.max(0, fractionBits - (exponent - bias) - 1);
    fraction = (wild >> BigInt(below)) << BigInt(below);
  } else if (die === 7) exponent = random() % Math.min(fractionBits + 3, maxExponent);
  else if (die === 8) exponent = maxExponent - 1 - random() % Math.min(fractionBits + 3, maxExponent - 1);
  else exponent = random() % (maxExponent + 1);
  const sign = BigInt(random() & 1) << BigInt(exponentBits + fractionBits);
  return sign | BigInt(exponent) << BigInt(fractionBits) | fraction;
}

function makePool(random: () => number, bits: number, lane: () => bigint): Pool {
  const pool = new Uint32Array(2 * POOL_SIZE), values = new BigUint64Array(pool.buffer);
  for (let i = 0; i < POOL_SIZE; i++) {
    let value = 0n, previous = 0n;
    for (let at = 0; at < 64; at += bits) {
      if (at === 0 || random() % 4 !== 0) previous = BigInt.asUintN(bits, lane());
      value |= previous << BigInt(at);
    }
    values[i] = value;
  }
  return pool;
}

/** Pools of integers of 64 to 8 bits and of floating-point numbers of 64 to 16 bits. */
function makePools(): Pool[] {
  const random = randomWords(1);
  const ints = [64, 32, 16, 8].map((bits) => makePool(random, bits, () => integer(random, bits)));
  const floats = ([[11, 52], [8, 23], [5, 10]] as const).map(([e, f]) =>
    makePool(random, 1 + e + f, () => float(random, e, f))
  );
  return [...ints, ...floats];
}
const POOLS = makePools();
/** Pools of general-purpose registers: mostly integers of 64 and 32 bits. */
const X_POOLS = [0, 0, 1, 1, 0, 1, 2, 4].map((i) => POOLS[i]);
/** Pools of vectors: floating-point numbers as often as integers. */
const V_POOLS = [4, 4, 5, 5, 6, 6, 0, 1, 2, 3].map((i) => POOLS[i]);

/** What stands in memory at the start of every case. */
export function initialMemory(): Uint8Array {
  const random = randomWords(2), words = new Uint32Array(MEMORY_BYTES >>> 2);
  for (let i = 0; i < words.length; i += 2) {
    const pool = V_POOLS[random() % V_POOLS.length], at = 2 * (random() % POOL_SIZE);
    words.set(random() % 4 === 0 ? [random(), random()] : pool.subarray(at, at + 2), i);
  }
  return new Uint8Array(words.buffer);
}

const FPCR_RMODE_LSB = 22, FPCR_MODES = 0x07080000;
const FPSR_FLAGS = 0x0800009f;
/** Where SP points at the start: within memory, aligned. */
const SP_LOW = Number(BigInt.asUintN(32, MEMORY_BASE)) + MEMORY_BYTES / 4;

/** The state that follows from a seed; its PC is 0. */
export function inputsOf(seed: number): Uint32Array {
  const random = randomWords(seed), state = new Uint32Array(STATE_WORDS);
  state[WORD.nzcv] = random() & 15;
  const die = random();
  state[WORD.fpcr] = die & 1 ? 0 : (random() & FPCR_MODES) | ((random() & 3) << FPCR_RMODE_LSB);
  state[WORD.fpsr] = die & 6 ? 0 : random() & FPSR_FLAGS;
  for (let at = WORD.x; at < WORD.sp; at += 2) fill(state, at, X_POOLS, random);
  state[WORD.sp] = SP_LOW + (random() & 63) * 16;
  state[WORD.sp + 1] = Number(MEMORY_BASE >> 32n);
  for (let at = WORD.v; at < STATE_WORDS; at += 4) {
    if (at > WORD.v && random() % 8 === 0) {
      state.copyWithin(at, at - 4, at);
      continue;
    }
    const pool = [V_POOLS[random() % V_POOLS.length]];
    fill(state, at, pool, random);
    fill(state, at + 2, pool, random);
  }
  return state;
}

/** Sets two words of a state to a value of a pool or to random bits. */
function fill(state: Uint32Array, at: number, pools: readonly Pool[], random: () => number): void {
  const die = random();
  if ((die & 7) === 0) {
    state[at] = random();
    state[at + 1] = random();
    return;
  }
  const pool = pools[(die >>> 3) % pools.length], i = 2 * ((die >>> 8) % POOL_SIZE);
  state[at] = pool[i];
  state[at + 1] = pool[i + 1];
}
