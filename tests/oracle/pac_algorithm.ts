import type { Builder, I64 } from "../../core/engine/builder.ts";
import { type PacAlgorithm, setPacAlgorithm } from "../../core/a64/pointer_authentication.ts";

/*
 * What QEMU's "pauth-impdef" computes, so that all that surrounds the algorithm can be compared with QEMU: XXH64 of the four
 * 64-bit words data, modifier, and the key's low and high halves, with seed 1 and without the addition of the length.
 */

const PRIME1 = 0x9e3779b185ebca87n;
const PRIME2 = 0xc2b2ae3d27d4eb4fn;
const PRIME3 = 0x165667b19e3779f9n;
const PRIME4 = 0x85ebca77c2b2ae63n;
const SEED = 1n;
const LANE_SEEDS: readonly bigint[] = [SEED + PRIME1 + PRIME2, SEED + PRIME2, SEED, SEED - PRIME1];
const LANE_ROTATIONS: readonly number[] = [1, 7, 12, 18];

function signed(value: bigint): bigint {
  return BigInt.asIntN(64, value);
}
const SIGNED_PRIME1 = signed(PRIME1), SIGNED_PRIME2 = signed(PRIME2);
const SIGNED_PRIME3 = signed(PRIME3), SIGNED_PRIME4 = signed(PRIME4);
const SIGNED_LANE_SEEDS: readonly bigint[] = LANE_SEEDS.map(signed);

/** A rotation to the left, folded into rotr as WebAssembly's rotations differ only in direction. */
function rotl(o: Builder, value: I64, amount: number): I64 {
  return o.rotr(value, o.i64(64 - amount));
}

function xxh64Round(o: Builder, input: I64): I64 {
  return o.mul(rotl(o, input, 31), o.i64(SIGNED_PRIME1));
}

const xxh64: PacAlgorithm = (o, ...inputs) => {
  const prime2 = o.i64(SIGNED_PRIME2);
  const lanes = inputs.map((input, i) => xxh64Round(o, o.add(o.mul(input, prime2), o.i64(SIGNED_LANE_SEEDS[i]))));
  let hash = lanes.map((lane, i) => rotl(o, lane, LANE_ROTATIONS[i])).reduce((sum, lane) => o.add(sum, lane));
  for (const lane of lanes) {
    const merged = o.xor(hash, xxh64Round(o, o.mul(lane, prime2)));
    hash = o.add(o.mul(merged, o.i64(SIGNED_PRIME1)), o.i64(SIGNED_PRIME4));
  }
  hash = o.mul(o.xor(hash, o.shrU(hash, o.i64(33))), prime2);
  hash = o.mul(o.xor(hash, o.shrU(hash, o.i64(29))), o.i64(SIGNED_PRIME3));
  return o.xor(hash, o.shrU(hash, o.i64(32)));
};

setPacAlgorithm(xxh64);
