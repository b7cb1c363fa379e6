/*
 * A plugin as one thread reads it and another runs it: its modules as JavaScript, and who imports whom.
 */

/** One import of a module by another. */
export interface BundledImport {
  /** Where the specifier stands in the code, with its quotes where it belongs to `import()`. */
  readonly start: number;
  readonly end: number;
  /** Where the import's attributes end, which are not needed any more; `end` where it has none. */
  readonly attributesEnd: number;
  /** The imported module's place in the bundle; it is before its importers. */
  readonly module: number;
  readonly isDynamic: boolean;
}

export interface BundledModule {
  /** The file as messages name it. */
  readonly file: string;
  /** JavaScript with the lines and columns of the file, or with those that `map` tells. */
  readonly code: string;
  /** A source map as JSON, where types could not simply be blanked out; null otherwise. */
  readonly map: string | null;
  readonly imports: readonly BundledImport[];
}

/** A plugin's modules; the last is the entry. */
export interface PolicyBundle {
  readonly modules: readonly BundledModule[];
  /** Something that the user should know. */
  readonly notices: readonly string[];
}

/** A policy that a user named: one of ours, or a plugin. */
export type PolicySource = { readonly builtIn: string } | { readonly bundle: PolicyBundle };
