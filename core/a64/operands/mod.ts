import type { Operand, Operands } from "../operand.ts";
import { FLOATING_POINT_OPERANDS } from "./floating_point.ts";
import { GENERAL_OPERANDS } from "./general.ts";
import { INTEGER_OPERANDS } from "./integer.ts";
import { MEMORY_OPERANDS } from "./memory.ts";
import { SIMD_OPERANDS } from "./simd.ts";
import { STRUCTURE_OPERANDS } from "./structures.ts";
import { SYSTEM_OPERANDS } from "./system.ts";

/** The operands of all classes by name. Throws TypeError when two files define the same name. */
export const OPERANDS: Operands = merge([
  GENERAL_OPERANDS,
  INTEGER_OPERANDS,
  SYSTEM_OPERANDS,
  MEMORY_OPERANDS,
  FLOATING_POINT_OPERANDS,
  SIMD_OPERANDS,
  STRUCTURE_OPERANDS,
]);

function merge(sets: readonly Operands[]): Operands {
  const result: Record<string, Operand> = {};
  for (const set of sets) {
    for (const [name, operand] of Object.entries(set)) {
      if (name in result) throw new TypeError(`Cannot define operand ${name} as it exists already`);
      result[name] = operand;
    }
  }
  return result;
}

/** The operand of that name. Throws TypeError when there is none. */
export function findOperand(name: string): Operand {
  const operand = OPERANDS[name];
  if (!operand) throw new TypeError(`Cannot find operand "${name}"`);
  return operand;
}
