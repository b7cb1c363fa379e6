/** Functions that all regions share, by index; see region_module.ts. */
export interface ModuleFunctions {
  readonly dispatch: number;
  readonly read: number;
  readonly write: number;
  readonly unprivileged: number;
  readonly resume: number;
  readonly exactFlags: number;
  readonly arrive: number;
  readonly endSlice: number;
  readonly continueAt: number;
  readonly sideExit: number;
  readonly straddle: number;
  readonly callFar: number;
  /** Those of Builder.outline, by name. */
  readonly outlines: ReadonlyMap<string, number>;
}
