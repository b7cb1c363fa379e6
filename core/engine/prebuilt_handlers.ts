import type { PrebuiltHandlers } from "./prebuilt.ts";

/** Null when the program runs from its source: `deno task compile` puts modules here. */
export const PREBUILT_HANDLERS: readonly PrebuiltHandlers[] | null = null;
