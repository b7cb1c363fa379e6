/** One thing to do: why, and what to type or to put in a file. Tests do all of it, as it stands there. */
export interface Step {
  readonly text: string;
  /** A file that the next command reads. */
  readonly file?: { readonly name: string; readonly content: string };
  /** Command lines, one after the other. */
  readonly commands?: readonly string[];
  /** What is typed while the last of them runs, a line each; or a key of the console, such as "Ctrl-A c". */
  readonly keys?: readonly string[];
  /** The last command runs on, and the next step is done in another terminal. */
  readonly isKept?: boolean;
}

/** Something to learn by doing it. The help and the README's tour are made from these. */
export interface Topic {
  readonly name: string;
  readonly title: string;
  readonly steps: readonly Step[];
}

const POLICY = `import { allow, definePolicy, deny, value } from "ariel/policy";

export default definePolicy({
  name: "mine",
  apiVersion: 1,
  rules: [ // the first that matches decides; what none decides is allowed
    value.sysreg("MIDR_EL1", 0x410fd034n, { because: "this guest wants a Cortex-A53" }),
    deny.sysreg("DBG*", { log: "once" }),
    allow.mmio("pl011"),
  ],
});
`;

export const TOPICS: readonly Topic[] = [
  {
    name: "start",
    title: "First run",
    steps: [
      {
        text:
          "No file is needed: the bundled guest meets every kind of trap once and says how each went. On a terminal " +
          "it stops in the monitor on its way, to show that; this lets it go on:",
        commands: ["ariel run"],
        keys: ["continue"],
      },
      {
        text: "The same without the host's clock: one instruction is one nanosecond, and every run is the same.",
        commands: ["ariel run --time virtual --stats -"],
      },
      {
        text: "If something seems wrong, this says what the host offers and tests the emulator.",
        commands: ["ariel doctor"],
      },
    ],
  },
  {
    name: "linux",
    title: "Linux in three lines",
    steps: [
      {
        text: "Any arm64 kernel will do, packed or not. The Debian installer's comes with an initial RAM disk:",
        commands: [
          "apt-get download debian-installer-12-netboot-arm64",
          "dpkg-deb -x debian-installer-12-netboot-arm64_*.deb .",
          "cp usr/lib/debian-installer/images/12/arm64/text/debian-installer/arm64/{linux,initrd.gz} .",
        ],
      },
      {
        text: "The guest's console is this terminal. Ctrl-A x quits, Ctrl-A h tells what else there is.",
        commands: ["ariel run --kernel linux --initrd initrd.gz"],
      },
      {
        text: "A folder becomes the initial RAM disk by itself; --initrd may be given several times.",
        commands: ["ariel run --kernel linux --initrd initrd.gz --initrd-dir files --append 'console=ttyAMA0 quiet'"],
      },
    ],
  },
  {
    name: "policy",
    title: "A policy of one's own in ten lines",
    steps: [
      {
        text: "A policy says what the guest may do. It is a TypeScript file:",
        file: { name: "mine.ts", content: POLICY },
      },
      {
        text: "Under it the guest sees another CPU, and the debug registers do not exist.",
        commands: ["ariel run --policy mine.ts"],
      },
      {
        text: "What is in it, and what runs no JavaScript. Types are taken away, not checked: editors do that.",
        commands: ["ariel policy check mine.ts"],
      },
      {
        text: "What it says to one thing that a guest may do, and why:",
        commands: ["ariel policy explain mine.ts --sysreg MIDR_EL1"],
      },
      {
        text: "Built-in policies go by name, and several may be given: the first verdict holds.",
        commands: ["ariel run --policy mine.ts --policy audit --log run.log"],
      },
      {
        text: "The least policy under which a recorded run passes is a good beginning:",
        commands: ["ariel policy learn run.log > learned.ts"],
      },
    ],
  },
  {
    name: "log",
    title: "Reading the log",
    steps: [
      { text: "Every trap to the hypervisor can be recorded, a line each.", commands: ["ariel run --log run.log"] },
      { text: "What the guest did, in one page:", commands: ["ariel log decode --summary run.log"] },
      {
        text: 'Only some records; "--filter help" tells what can be asked.',
        commands: ["ariel log decode run.log --filter 'kind==sysreg && verdict!=allow'"],
      },
      { text: "To look at in a browser, without any network:", commands: ["ariel log decode run.log --html run.html"] },
    ],
  },
  {
    name: "monitor",
    title: "The monitor",
    steps: [
      {
        text: "While a guest runs, Ctrl-A c turns to the monitor and back, as continue does. It knows QEMU's words:",
        commands: ["ariel run --kernel linux --initrd initrd.gz"],
        keys: ["Ctrl-A c", "stop", "info registers", "x/4i $pc", "info gic", "help", "continue", "Ctrl-A x"],
      },
      {
        text: "For another terminal or a program it can be on a Unix socket instead.",
        commands: ["ariel run --kernel linux --monitor unix=ariel.sock"],
        isKept: true,
      },
      {
        text: "There:",
        commands: ["nc -U ariel.sock"],
        keys: ["info cpus", "info exceptions", "info jit", "quit"],
      },
    ],
  },
  {
    name: "gdb",
    title: "GDB",
    steps: [
      {
        text: "The guest waits for GDB, which needs no more than the port.",
        commands: ["ariel run --kernel linux --gdb 1234,wait"],
        isKept: true,
      },
      {
        text: "In another terminal; the monitor's commands are there as well:",
        commands: ["gdb-multiarch -ex 'target remote :1234'"],
        keys: ["stepi", "x/4i $pc", "info registers cpsr", "monitor info vm", "detach", "quit"],
      },
    ],
  },
];
