/** What a debugger's user asked for cannot be done, in one sentence. */
export class DebugError extends Error {}

/** A 64-bit value in hexadecimal, without leading zeros unless `digits` asks for them. */
export function hex(value: bigint | number, digits = 1): string {
  return `0x${value.toString(16).padStart(digits, "0")}`;
}
