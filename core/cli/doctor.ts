import type { Command } from "./command.ts";
export const DOCTOR: Command = {
  name: "doctor",
  summary: "Say what this host offers, and test the emulator on it",
  options: [],
  examples: [],
  run: () => 0,
};
