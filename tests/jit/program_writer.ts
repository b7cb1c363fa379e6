import { SequenceWriter } from "../vectors/sequence_writer.ts";
import { MEMORY } from "./layout.ts";

/*
 * Random programs: functions of random instructions with loops, calls, tables, changed code and changed translations
 * around them. What loops and calls use up is limited, so that most programs end.
 */

/** Variables of programs, behind the supervisor's own: see supervisor.ts. */
const VARIABLES = String.raw`
.equ RECOVERY, 0x18
.equ FUEL, 0xa00
.equ SHADOW, 0xa08                          // where the next return address is kept
.equ COUNTERS, 0xa10
.equ STACK, 0x2000002000
.equ MEM, 0x31fffff000
.equ DISTANCE, 0x400000  // from the code to the same under another address
.equ DEVICE, 0x2400000000

.macro variables
    movz    x16, #0x20, lsl #32
    movk    x16, #0x1000
.endm
.macro burn skip                            // flags stay
    variables
    ldr     x17, [x16, #FUEL]
    sub     x17, x17, #1
    str     x17, [x16, #FUEL]
    tbnz    x17, #63, \skip
.endm
.macro prologue
    variables
    ldr     x17, [x16, #SHADOW]
    str     x30, [x17], #8
    str     x17, [x16, #SHADOW]
.endm
.macro pop
    variables
    ldr     x17, [x16, #SHADOW]
    ldr     x30, [x17, #-8]!
    str     x17, [x16, #SHADOW]
.endm
.macro synchronize
    dc      cvau, x17
    dsb     ish
    ic      ivau, x17
    dsb     ish
    isb
.endm
`;

/** What a slot of changed code may hold: arithmetic, a branch, an access, something undefined. */
const PATCHES = [0x91000421, 0xf1000c42, 0x14000002, 0xd503201f, 0xf9400343, 0xca010021, 0x54000040, 0x00000000];
const CONDITIONS = ["eq", "ne", "cs", "cc", "mi", "pl", "vs", "vc", "hi", "ls", "ge", "lt", "gt", "le"];

export interface ProgramOptions {
  readonly functions: number;
  /** Things in a row at the top of main. */
  readonly steps: number;
  /** Loops and calls of a run. */
  readonly fuel: number;
  readonly hasInterrupts: boolean;
}

/** Writes a program's source. Symbols that it expects: DESCRIPTOR and DESCRIPTOR_OTHER. */
export class ProgramWriter {
  readonly #lines: string[] = [];
  #label = 0;
  #counter = 0;
  readonly #slots: string[] = [];

  constructor(readonly random: () => number, readonly options: ProgramOptions) {}

  write(): string {
    const { functions, steps } = this.options;
    for (let f = 0; f < functions; f++) this.#function(f);
    const body = this.#lines.splice(0);
    this.#start();
    for (let i = 0; i < steps; i++) this.#step();
    this.#line("brk     #0", ".ltorg");
    return [VARIABLES, ...this.#lines, ...body].join("\n");
  }

  #below(n: number): number {
    return this.random() % n;
  }
  #line(...lines: string[]): void {
    for (const line of lines) this.#lines.push(line.endsWith(":") ? line : `    ${line}`);
  }
  #newLabel(): string {
    return `l${this.#label++}`;
  }

  #start(): void {
    this.#line("variables", `mov     x17, #${this.options.fuel}`, "str     x17, [x16, #FUEL]");
    if (!this.options.hasInterrupts) return;
    this.#line(
      `mov     x17, #${20 + this.#below(200)}`,
      "msr     cntv_tval_el0, x17",
      "mov     x17, #1",
      "msr     cntv_ctl_el0, x17",
      "msr     icc_igrpen1_el1, x17",
      "mov     x17, #0xff",
      "msr     icc_pmr_el1, x17",
      "isb",
      "msr     daifclr, #2",
    );
  }

  /** A part of main: what goes astray in it comes back behind it. */
  #step(): void {
    const next = this.#newLabel();
    this.#line(
      "variables",
      "ldr     x17, =STACK",
      "str     x17, [x16, #SHADOW]",
      `adr     x17, ${next}`,
      "str     x17, [x16, #RECOVERY]",
    );
    this.#rebase();
    this.#items(2, 1 + this.#below(3));
    this.#line(`${next}:`);
  }

  #function(f: number): void {
    if (this.#below(3) === 0) this.#line(".balign 4096", `.skip   4096 - ${4 * (1 + this.#below(40))}`);
    this.#line(`f${f}:`, "prologue");
    this.#items(2, 1 + this.#below(4));
    const die = this.#below(12);
    this.#line("pop");
    if (die === 0) this.#line("pop", "ret");
    else if (die === 1) this.#tailCall();
    else if (die === 2) this.#line("br      x30");
    else if (die === 3) this.#line("mov     x5, x30", "ret     x5");
    else this.#line("ret");
    this.#line(".ltorg");
  }

  #tailCall(): void {
    const end = this.#newLabel();
    this.#line(`burn    ${end}`, `b       f${this.#below(this.options.functions)}`, `${end}:`, "ret");
  }

  #items(depth: number, count: number): void {
    for (let i = 0; i < count; i++) this.#item(depth);
  }

  #item(depth: number): void {
    const die = this.#below(depth > 0 ? 24 : 12);
    if (die < 7) this.#chunk();
    else if (die === 7) this.#rebase();
    else if (die === 8) this.#patch();
    else if (die === 9) this.#toggle();
    else if (die === 10) this.#slot();
    else if (die === 11) this.#look();
    else if (die < 15) this.#loop(depth - 1);
    else if (die < 19) this.#call();
    else if (die < 22) this.#conditional(depth - 1);
    else if (die === 22) this.#table(depth - 1);
    else this.#remap();
  }

  /** Random instructions, as other tests have them. */
  #chunk(): void {
    const writer = new SequenceWriter(this.random, 3 + this.#below(25), (word) => word);
    for (const word of writer.write()) this.#line(`.inst   0x${(word >>> 0).toString(16)}`);
  }

  /** Lets the base registers point to memory again. */
  #rebase(): void {
    for (const register of ["x26", "x27", "x28", "x5"]) {
      const offset = 64 + this.#below(4096 * MEMORY.pages - 128) & (this.#below(4) ? ~15 : ~0);
      const address = MEMORY.va + BigInt(register === "x5" ? offset & ~15 : offset);
      this.#line(
        `movz    ${register}, #${address & 0xffffn}`,
        `movk    ${register}, #${address >> 16n & 0xffffn}, lsl #16`,
        `movk    ${register}, #${address >> 32n}, lsl #32`,
      );
    }
    this.#line("mov     sp, x5", `mov     x24, #${this.#below(64)}`, `mov     x25, #-${this.#below(64)}`);
  }

  #loop(depth: number): void {
    const [start, end] = [this.#newLabel(), this.#newLabel()], at = `COUNTERS + ${8 * (this.#counter++ % 64)}`;
    this.#line("variables", `mov     x17, #${1 + this.#below(12)}`, `str     x17, [x16, #${at}]`, `${start}:`);
    this.#items(depth, 1 + this.#below(2));
    this.#line(`burn    ${end}`, `ldr     x17, [x16, #${at}]`);
    if (this.#below(2)) this.#line("sub     x17, x17, #1", `str     x17, [x16, #${at}]`, `cbnz    x17, ${start}`);
    else this.#line("subs    x17, x17, #1", `str     x17, [x16, #${at}]`, `b.gt    ${start}`);
    this.#line(`${end}:`);
  }

  #call(): void {
    const end = this.#newLabel(), callee = `f${this.#below(this.options.functions)}`;
    this.#line(`burn    ${end}`);
    const die = this.#below(6);
    if (die < 3) this.#line(`bl      ${callee}`);
    else if (die < 5) this.#line(`adr     x22, ${callee}`, "blr     x22");
    else this.#line(`adr     x22, ${callee}`, "ldr     x17, =DISTANCE", "add     x22, x22, x17", "blr     x22");
    this.#line(`${end}:`);
  }

  #conditional(depth: number): void {
    const [other, end] = [this.#newLabel(), this.#newLabel()], die = this.#below(4), n = this.#below(23);
    if (die < 2) this.#line(`b.${CONDITIONS[this.#below(CONDITIONS.length)]}    ${other}`);
    else if (die === 2) this.#line(`${this.#below(2) ? "cbz" : "cbnz"}    ${this.#below(2) ? "x" : "w"}${n}, ${other}`);
    else this.#line(`${this.#below(2) ? "tbz" : "tbnz"}    x${n}, #${this.#below(64)}, ${other}`);
    this.#items(depth, 1);
    if (this.#below(2)) {
      this.#line(`b       ${end}`, `${other}:`);
      this.#items(depth, 1);
    } else this.#line(`${other}:`);
    this.#line(`${end}:`);
  }

  #table(depth: number): void {
    const labels = Array.from({ length: 4 }, () => this.#newLabel()),
      [table, end] = [this.#newLabel(), this.#newLabel()];
    this.#line(
      `adr     x16, ${table}`,
      `and     x17, x${this.#below(16)}, #3`,
      "ldrsw   x17, [x16, x17, lsl #2]",
      "add     x16, x16, x17",
      "br      x16",
      `${table}:`,
      `.word   ${labels.map((label) => `${label} - ${table}`).join(", ")}`,
    );
    for (const label of labels) {
      this.#line(`${label}:`);
      if (this.#below(2)) this.#items(depth, 1);
      if (this.#below(2)) this.#line(`b       ${end}`);
    }
    this.#line(`${end}:`);
  }

  /** An instruction that others change. */
  #slot(): void {
    const label = `slot${this.#slots.length}`;
    this.#slots.push(label);
    this.#line(`${label}:`, "nop", "nop");
  }

  /** Changes an instruction, with or without what makes that sure. */
  #patch(): void {
    if (this.#slots.length === 0) return;
    const slot = this.#slots[this.#below(this.#slots.length)];
    const word = PATCHES[this.#below(PATCHES.length)];
    this.#line(`mov     w16, #${word & 0xffff}`, `movk    w16, #${word >>> 16}, lsl #16`, `adr     x17, ${slot}`);
    if (this.#below(3) === 0) this.#line("ldr     x22, =DISTANCE", "add     x17, x17, x22");
    this.#line("str     w16, [x17]");
    const die = this.#below(4);
    if (die < 2) this.#line("synchronize");
    else if (die === 2) this.#line("isb");
  }

  /** Something of PSTATE or the controls, or an exception. */
  #toggle(): void {
    const choices = [
      ["msr     daifset, #2"],
      ["msr     daifclr, #2"],
      ["msr     spsel, #0"],
      ["msr     spsel, #1"],
      ["msr     pan, #1"],
      ["msr     pan, #0"],
      ["msr     cpacr_el1, xzr"],
      ["mov     x17, #3 << 20", "msr     cpacr_el1, x17"],
      ["mov     x17, #3 << 20", "msr     cpacr_el1, x17", "isb"],
      ["msr     nzcv, x3"],
      ["svc     #1"],
      ["brk     #1"],
      ["udf     #1"],
      ["isb"],
    ];
    this.#line(...choices[this.#below(choices.length)]);
  }

  /** Reads how many instructions were executed. */
  #look(): void {
    const n = this.#below(16);
    if (this.#below(2)) this.#line(`mrs     x${n}, cntvct_el0`);
    else this.#line("ldr     x17, =DEVICE", `ldr     w${n}, [x17, #${this.#below(2) * 8}]`);
  }

  /** Puts other memory in place of the first page, and the first page in place of the other. */
  #remap(): void {
    this.#line(
      "ldr     x16, =DESCRIPTOR",
      "ldr     x17, =DESCRIPTOR_OTHER",
      "ldr     x20, [x16]",
      "ldr     x21, [x17]",
      "str     x20, [x17]",
      "str     x21, [x16]",
      "dsb     ishst",
      "ldr     x20, =MEM >> 12",
      this.#below(2) ? "tlbi    vae1, x20" : "tlbi    vmalle1",
      "dsb     ish",
      "isb",
    );
  }
}
