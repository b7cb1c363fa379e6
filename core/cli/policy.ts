import { counted } from "../log/counted.ts";
import type { PolicyReport } from "../policy/check.ts";
import type { Explanation } from "../policy/explain.ts";
import { BUILT_IN_POLICIES } from "../policy/built_in.ts";
import { TRAP_KINDS } from "../policy/trap.ts";
import { TRAP_TEXT } from "../policy/trap_text.ts";
import { type Arguments, type Command, type Option, UsageError } from "./command.ts";
import { isStdin, reason } from "./files.ts";
import { LogInput } from "./log_input.ts";
import { print, say } from "./output.ts";
import { Learner } from "./policy_learn.ts";
import { newPolicy } from "./policy_new.ts";
import type { ReplayResult } from "./policy_protocol.ts";
import { PolicyTools } from "./policy_tools.ts";
import { Progress } from "./progress.ts";

/** Exit code of "policy test" when a verdict differs. */
const DIFFERENT = 3;
const BUILT_IN = [...BUILT_IN_POLICIES.keys()].join(", ");
const JSON_OPTION: Option = { name: "json", help: "As JSON" };

export const POLICY_NEW: Command = {
  name: "policy new",
  summary: "Write a policy to begin with, and its types for an editor",
  positional: "FILE",
  options: [],
  examples: [{ command: "ariel policy new strict.ts", what: "strict.ts, and .ariel/policy/ beside it" }],
  run: newPolicy,
};

export const POLICY_CHECK: Command = {
  name: "policy check",
  summary:
    "Load policies and tell what is in them: what calls JavaScript, what can never be reached, what has no effect",
  positional: "NAME|FILE...",
  options: [JSON_OPTION],
  examples: [{ command: "ariel policy check first.ts second.ts", what: "together, in the order of their turns" }],
  run: (args) =>
    PolicyTools.use(named(args), async (tools) => {
      const { report } = await tools.ask({ type: "check" }, "report");
      return print(args.has("json") ? json(report) : reportText(report));
    }),
};

export const POLICY_EXPLAIN: Command = {
  name: "policy explain",
  summary: "Tell what policies say to something that a guest may do, and why",
  positional: "NAME|FILE...",
  options: [
    ...TRAP_KINDS.map((kind): Option => ({ name: kind, argument: "WHAT", many: true, help: TRAP_TEXT[kind] })),
    JSON_OPTION,
  ],
  examples: [{ command: "ariel policy explain strict --sysreg OSLAR_EL1:w --mmio pl031:r", what: "two questions" }],
  run: explain,
};

export const POLICY_TEST: Command = {
  name: "policy test",
  summary: "Decide again on the traps of a recorded run, and show what comes out differently",
  positional: "NAME|FILE... LOG",
  options: [JSON_OPTION],
  examples: [
    { command: "ariel run --policy audit --log run.log", what: "record a run" },
    { command: "ariel policy test strict.ts run.log", what: "what strict.ts would have decided in another way" },
  ],
  exitCodes: { [DIFFERENT]: "some verdict differs" },
  run: test,
};

export const POLICY_LEARN: Command = {
  name: "policy learn",
  summary: "Write the least policy under which a recorded run passes",
  positional: "LOG",
  options: [{ name: "name", argument: "NAME", default: "learned", help: "The policy's name" }],
  examples: [
    {
      command: "ariel run --policy audit --log run.log --kernel Image --initrd initrd.gz",
      what: "record a run with all its registers",
    },
    { command: "ariel policy learn run.log > learned.ts", what: "and what it needed, as a policy" },
  ],
  run: learn,
};

function json(value: unknown): string {
  return JSON.stringify(value, null, 2) + "\n";
}

/** The policies that the positional arguments name. */
function named(args: Arguments, names = args.positional): readonly string[] {
  if (names.length === 0) throw new UsageError(`Cannot tell which policy is meant: name a file, or one of ${BUILT_IN}`);
  return names;
}

function reportText({ policies, trappedSysregs, trapsWaits, decidesAborts, hearsExceptions }: PolicyReport): string {
  const lines: string[] = [];
  for (const { name, rules, byKind, otherwise, calls, shadowed, remarks } of policies) {
    const kinds = Object.entries(byKind).map(([kind, n]) => `${n} ${kind}`).join(", ");
    lines.push(`${name}: ${counted(rules, "rule")}${kinds ? ` (${kinds})` : ""}, otherwise ${otherwise}`);
    lines.push(calls.length > 0 ? `  calls JavaScript: ${calls.join(", ")}` : "  calls no JavaScript: tables only");
    for (const { rule, place, by, isUnreachable } of shadowed) {
      const what = isUnreachable ? "is never reached" : "is reached in part";
      lines.push(`  ${place ? `${place}: ` : ""}${rule} ${what}: ${by} decides first`);
    }
    for (const { rule, place, text } of remarks) lines.push(`  ${place ? `${place}: ` : ""}${rule} ${text}`);
  }
  const traps = [
    counted(trappedSysregs, "system register"),
    ...trapsWaits ? ["waits"] : [],
    ...decidesAborts ? ["stage 2 faults"] : [],
    ...hearsExceptions ? ["exceptions"] : [],
  ];
  lines.push(`trapped beyond what the hypervisor traps anyway: ${traps.join(", ")}`);
  return lines.join("\n") + "\n";
}

async function explain(args: Arguments): Promise<number> {
  const traps = TRAP_KINDS.flatMap((kind) => args.all(kind).map((text) => ({ kind, text })));
  if (traps.length === 0) {
    throw new UsageError(`Cannot tell what is asked: give ${TRAP_KINDS.map((kind) => `--${kind}`).join(" or ")}`);
  }
  return await PolicyTools.use(named(args), async (tools) => {
    const { explanations } = await tools.ask({ type: "explain", traps }, "explanations");
    return print(args.has("json") ? json(explanations) : explanations.map(explanationText).join("\n"));
  });
}

function explanationText({ what, verdict, rule, because, error, steps, trapped }: Explanation): string {
  const lines = [
    `${what}: ${verdict}${rule ? `, by ${rule}` : ", as no policy decides"}`,
    ...because && !error ? [`  because ${because}`] : [],
    ...error ? [`  error: ${error}`] : [],
    `  trapped: ${trapped}`,
    ...steps.map((step, n) => `  ${n + 1}. ${step.rule}${step.place ? ` (${step.place})` : ""}: ${step.what}`),
  ];
  return lines.join("\n") + "\n";
}

/** Reads a log to its end. Throws UsageError when that cannot be done. */
async function readLog(path: string, take: (piece: Uint8Array<ArrayBuffer>) => Promise<unknown> | void): Promise<void> {
  const input = new LogInput(path), progress = new Progress(input.sizeBytes === null ? null : `Reading ${path}`);
  let bytes = 0;
  try {
    for await (const piece of input.pieces(false)) {
      await take(piece);
      progress.show(bytes += piece.length, input.sizeBytes ?? 0);
    }
  } catch (error) {
    if (error instanceof UsageError) throw error;
    throw new UsageError(`Cannot read ${path}: ${reason(error)}`);
  } finally {
    progress.clear();
  }
}

async function test(args: Arguments): Promise<number> {
  const log = args.positional.at(-1);
  if (args.positional.length < 2 || log === undefined) {
    throw new UsageError("Cannot test without a policy and a log: ariel policy test NAME|FILE... LOG");
  }
  return await PolicyTools.use(named(args, args.positional.slice(0, -1)), async (tools) => {
    await readLog(log, (piece) => tools.ask({ type: "replay", piece: piece.slice() }, "taken"));
    const { result } = await tools.ask({ type: "replay", piece: null }, "replayed");
    if (result.records === 0) throw new UsageError(`Cannot test with ${log} as there is no record in it`);
    print(args.has("json") ? json(result) : replayText(result));
    return result.differences.length > 0 ? DIFFERENT : 0;
  });
}

function replayText({ records, undecided, unreadable, differences, more }: ReplayResult): string {
  const total = differences.reduce((sum, { count }) => sum + count, 0) + more;
  const width = Math.max(0, ...differences.map(({ what }) => what.length));
  const lines = differences.map(({ kind, what, before, after, rule, error, count, firstSeq }) =>
    `${String(count).padStart(8)}  ${kind.padEnd(9)} ${what.padEnd(width)}  ${before} -> ${after}  ${rule}, first at ` +
    `seq ${firstSeq}${error ? `: ${error}` : ""}`
  );
  if (more > 0) lines.push(`${String(more).padStart(8)}  more`);
  const notes = [
    ...undecided > 0 ? [`${undecided} undecided, as a handler wanted to see the machine`] : [],
    ...unreadable > 0 ? [`${unreadable} lines damaged`] : [],
  ];
  lines.push(
    `${records} records: ${total === 0 ? "no verdict differs" : `${total} verdicts differ`}${
      notes.length > 0 ? `; ${notes.join("; ")}` : ""
    }`,
  );
  return lines.join("\n") + "\n";
}

async function learn(args: Arguments): Promise<number> {
  const [path] = args.positional;
  if (path === undefined) throw new UsageError("Cannot learn without a log: ariel policy learn LOG, or - for stdin");
  const name = args.get("name")!;
  if (/[\s"=\\]/.test(name)) throw new UsageError(`Cannot take "${name}" for --name as it must be one word`);
  const learner = new Learner();
  await readLog(path, (piece) => learner.push(piece));
  const source = learner.source(name, isStdin(path) ? "stdin" : path);
  if (learner.records === 0) throw new UsageError(`Cannot learn from ${path} as there is no record in it`);
  for (const doubt of learner.doubts()) say(`look at what was learned from ${path}: ${doubt}`);
  return print(source);
}
