import { isMaddFused } from "../a64/fp/fused.ts";
import { GUEST_BYTES } from "../machine/memory_map.ts";
import type { Arguments, Command } from "./command.ts";
import { print } from "./output.ts";
import { consoleSize, isColoured, isDumbTerminal } from "./progress.ts";
import { runQuietly } from "./quiet_run.ts";
import { VERSION } from "./version.ts";

const FAILED = 3;
/** The self-test ends by itself in a few seconds; after this time something is wrong. */
const TEST_TIMEOUT_MS = 60_000;

export const DOCTOR: Command = {
  name: "doctor",
  summary: "Say what this host offers, and test the emulator on it",
  options: [{ name: "no-test", help: "Leave the self-test out" }],
  examples: [{ command: "ariel doctor", what: "when something seems wrong, and for bug reports" }],
  exitCodes: { [FAILED]: "the host lacks something that is needed, or the self-test failed" },
  run: doctor,
};

/** One thing that was looked at. */
interface Finding {
  readonly name: string;
  readonly text: string;
  /** False where Ariel cannot run without it. */
  readonly isGood?: boolean;
}

async function doctor(args: Arguments): Promise<number> {
  const colours = isColoured(Deno.stdout);
  let isGood = true;
  const tell = (findings: readonly Finding[]) => {
    for (const finding of findings) {
      isGood &&= finding.isGood ?? true;
      print(line(finding, colours));
    }
  };
  tell([{ name: "Ariel", text: `${VERSION}, on Deno ${Deno.version.deno} with V8 ${Deno.version.v8}` }]);
  tell(hostFindings());
  tell(terminalFindings());
  tell(wasmFindings());
  if (!args.has("no-test")) {
    tell([await tried("Diagnostic guest", diagnosticFinding)]);
    tell([await tried("Speed", speedFinding)]);
  }
  print(isGood ? "\nAll is well.\n" : "\nSomething is missing or wrong: see above.\n");
  return isGood ? 0 : FAILED;
}

function line({ name, text, isGood }: Finding, colours: boolean): string {
  const mark = isGood === undefined ? "" : isGood ? "ok" : "FAIL";
  const coloured = colours && mark ? `\x1b[${isGood ? 32 : 31}m${mark}\x1b[0m` : mark;
  return `${name.padEnd(20)} ${text}${mark ? `: ${coloured}` : ""}\n`;
}

function hostFindings(): Finding[] {
  return [
    { name: "System", text: `${Deno.build.os} on ${Deno.build.arch}` },
    {
      name: "Cores",
      text: `${navigator.hardwareConcurrency}${navigator.hardwareConcurrency < 2 ? ", two are better" : ""}`,
    },
    { name: "Memory", text: memoryText() },
    guestMemoryFinding(),
    { name: "Clock", text: `steps of ${Math.round(clockStepMs() * 1e6)} ns` },
  ];
}

function memoryText(): string {
  if (Deno.permissions.querySync({ name: "sys", kind: "systemMemoryInfo" }).state !== "granted") return "not known";
  const { total, available } = Deno.systemMemoryInfo(), gib = (bytes: number) => (bytes / 2 ** 30).toFixed(1);
  return `${gib(total)} GiB, ${gib(available)} GiB of it available`;
}

/** Whether a guest's memory can be had. */
function guestMemoryFinding(): Finding {
  const pages = GUEST_BYTES / 65536, text = `${GUEST_BYTES / 2 ** 20} MiB of shared memory`;
  try {
    new WebAssembly.Memory({ initial: pages, maximum: pages, shared: true });
    return { name: "Guest RAM", text, isGood: true };
  } catch (error) {
    return { name: "Guest RAM", text: `${text} (${(error as Error).message})`, isGood: false };
  }
}

/** The least time between two readings of the clock that differ. */
function clockStepMs(): number {
  let least = Infinity;
  for (let i = 0, last = performance.now(); i < 1000; i++) {
    const now = performance.now();
    if (now > last) least = Math.min(least, now - last);
    last = now;
  }
  return least;
}

function terminalFindings(): Finding[] {
  const streams = { stdin: Deno.stdin, stdout: Deno.stdout, stderr: Deno.stderr };
  const terminals = Object.entries(streams).flatMap(([name, stream]) => stream.isTerminal() ? [name] : []);
  if (terminals.length === 0) return [{ name: "Terminal", text: "none" }];
  const { columns, rows } = consoleSize();
  const kind = isDumbTerminal() ? ", dumb" : Deno.noColor ? ", without colours (NO_COLOR)" : "";
  return [{ name: "Terminal", text: `${terminals.join(", ")}; ${columns} by ${rows}${kind}` }];
}

/** The least module that uses a feature of WebAssembly. */
// deno-fmt-ignore
const WASM_FEATURES: Readonly<Record<string, readonly number[]>> = {
  "shared memory": [5, 4, 1, 3, 1, 1],
  "SIMD": [1, 5, 1, 0x60, 0, 1, 0x7b, 3, 2, 1, 0, 10, 10, 1, 8, 0, 0x41, 0, 0xfd, 0x0f, 0xfd, 0x62, 0x0b],
  "tail calls": [1, 4, 1, 0x60, 0, 0, 3, 2, 1, 0, 10, 6, 1, 4, 0, 0x12, 0, 0x0b],
  "relaxed SIMD": [
    1, 5, 1, 0x60, 0, 1, 0x7b, 3, 2, 1, 0,
    10, 15, 1, 13, 0, 0x41, 1, 0xfd, 0x0f, 0x41, 2, 0xfd, 0x0f, 0xfd, 0x80, 2, 0x0b,
  ],
};
const WASM_HEADER = [0, 0x61, 0x73, 0x6d, 1, 0, 0, 0];

function wasmFindings(): Finding[] {
  const has = (bytes: readonly number[]) => WebAssembly.validate(Uint8Array.from([...WASM_HEADER, ...bytes]));
  const names = Object.keys(WASM_FEATURES), missing = names.filter((name) => !has(WASM_FEATURES[name]));
  const isGood = missing.length === 0;
  return [
    { name: "WebAssembly", text: isGood ? names.join(", ") : `lacks ${missing.join(", ")}`, isGood },
    {
      name: "Multiply-add",
      text: isGood && isMaddFused() ? "one instruction of the host" : "in software, which is slower",
    },
  ];
}

/** What a test found; when the machine itself broke, that. */
async function tried(name: string, test: () => Promise<Finding>): Promise<Finding> {
  try {
    return await test();
  } catch (error) {
    return { name, text: (error as Error).message, isGood: false };
  }
}

async function diagnosticFinding(): Promise<Finding> {
  const result = await runQuietly(null, TEST_TIMEOUT_MS);
  const name = "Diagnostic guest";
  if (result === null) return { name, text: "did not end", isGood: false };
  const summary = /(\d+) passed, (\d+) failed\n$/.exec(result.console);
  const isGood = result.outcome.kind === "off" && summary?.[2] === "0";
  const failures = result.console.split("\n").filter((text) => / FAIL/.test(text));
  const text = `${summary?.[0].trim() ?? `ended (${result.outcome.kind})`} in ${result.seconds.toFixed(1)} s`;
  return { name, text: [text, ...failures].join("\n"), isGood };
}

/** A loop of four instructions, 50 million times, then PSCI SYSTEM_OFF. */
const LOOP = [
  0xd2a05f41,
  0xd2800000,
  0x8b010000,
  0xca010c02,
  0xf1000421,
  0x54ffffa1,
  0x52b08000,
  0x72800100,
  0xd4000002,
];

async function speedFinding(): Promise<Finding> {
  const result = await runQuietly(new Uint8Array(Uint32Array.from(LOOP).buffer), TEST_TIMEOUT_MS);
  const name = "Speed";
  if (result?.statistics == null || result.outcome.kind !== "off") return { name, text: "did not end", isGood: false };
  return { name, text: `${Math.round(result.statistics.mips)} million instructions a second in a small loop` };
}
