/** What a compiled program knows of how it was made. */
export interface BuildInfo {
  /** Commit in the repository; with "+" behind it when files differed from it. */
  readonly commit: string;
  /** The commit's date, so that equal sources make equal programs. */
  readonly date: string;
  readonly target: string;
  /** Packages inside, with their versions and licences. */
  readonly packages: readonly { readonly name: string; readonly version: string; readonly license: string }[];
}

/** Null when the program runs from its source: `deno task compile` puts another file here. */
export const BUILD_INFO: BuildInfo | null = null;
