/** The diagnostic guest's image as it was assembled when the program was compiled. */
export interface PrebuiltImage {
  /** The bytes, in base 64. */
  readonly base64: string;
  readonly origin: number;
  readonly entry: number;
}

/** Null when the program runs from its source: `deno task compile` puts the image here. */
export const DIAGNOSTIC_IMAGE: PrebuiltImage | null = null;
