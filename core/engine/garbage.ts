/**
 * Frees at once what nothing refers to any more: the memory of a machine whose guest has been reset would wait until V8
 * has reason to look, which it may not have for several lives. Only the program can, as V8 was told with its flags; from
 * the sources it does nothing.
 */
export const collectGarbage = (globalThis as { gc?: () => void }).gc ?? (() => {});
