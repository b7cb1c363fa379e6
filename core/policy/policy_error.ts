import { formatPlace, placeOf } from "./places.ts";

/** A policy cannot be used, in one sentence that begins with the place in its source: the user's to mend. */
export class PolicyError extends Error {}

/** A PolicyError at the place where a rule was made. */
export function ruleError(origin: Error, text: string): PolicyError {
  const place = placeOf(origin);
  return new PolicyError(place ? `${formatPlace(place)}: ${text}` : text);
}
