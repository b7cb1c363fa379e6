import { assert, assertEquals } from "@std/assert";
import { setSysregTraps } from "../cpu/direct_access.ts";
import { SYSREG_SLOTS } from "../cpu/layout.ts";
import { decodeSysreg, sysregIndex } from "../cpu/sysregs.ts";
import { HypervisorFixture } from "../hypervisor/fixture.ts";
import { GUEST_SYSREGS } from "../policy/targets.ts";
import { makeVerdict, type Verdict } from "../policy/verdict.ts";

/** A guest of which these registers trap; `seen` has each access with the value that it writes. */
function bench(names: readonly string[], verdict: Verdict = makeVerdict("allow")) {
  const f = new HypervisorFixture(), seen: string[] = [];
  const allow = f.vm.decide;
  f.vm.decide = (trap) => {
    if (trap.kind !== "sysreg" || !names.includes(trap.name)) return allow(trap);
    seen.push(trap.isWrite ? `${trap.what}=${trap.value.toString(16)}` : trap.what);
    return verdict;
  };
  trap(f, names);
  return { f, seen };
}

function trap({ machine }: HypervisorFixture, names: readonly string[]): void {
  const traps = new Uint8Array(SYSREG_SLOTS);
  for (const name of names) traps[sysregIndex(name)] = 3;
  setSysregTraps(machine.vcpus[0], traps);
}

const PSTATE = ["NZCV", "DAIF", "CurrentEL", "SPSel", "PAN", "UAO", "DIT", "SSBS", "FPCR", "FPSR"];
const MOVES = `
    mov x1, #3 << 20
    msr cpacr_el1, x1
    isb
    mov x1, #0x5 << 28
    msr nzcv, x1
    cset x2, vs
    mrs x3, nzcv
    mov x1, #0x80
    msr daif, x1
    mrs x4, daif
    mrs x5, currentel
    mov x1, #1 << 24
    msr fpcr, x1
    mrs x6, fpcr
    mov x1, #0x11
    msr fpsr, x1
    mrs x7, fpsr`;
const IMMEDIATES = `
    msr daifset, #15
    msr daifclr, #6
    mrs x2, daif
    mov sp, x28
    msr spsel, #0
    mov sp, x29
    msr spsel, #1
    mov x3, sp
    mrs x4, sp_el0
    msr pan, #1
    msr uao, #1
    msr dit, #1
    msr ssbs, #1
    mrs x5, pan
    mrs x6, uao
    mrs x7, dit
    mrs x9, ssbs`;

Deno.test("Registers that generated code has at hand trap when they are wanted, and are then as they were", () => {
  for (const source of [MOVES, IMMEDIATES]) {
    const results = [[], PSTATE].map((names) => {
      const { f, seen } = bench(names);
      f.runGuest(source);
      return { x: [2, 3, 4, 5, 6, 7, 9, 24].map((n) => f.x(n).toString(16)), seen };
    });
    assertEquals(results[1].x, results[0].x);
    assertEquals(results[0].seen, []);
    assertEquals(
      results[1].seen,
      source === MOVES
        ? [
          ..."NZCV:w=50000000 NZCV:r DAIF:w=80 DAIF:r CurrentEL:r FPCR:w=1000000 FPCR:r FPSR:w=11 FPSR:r".split(" "),
        ]
        : [
          ..."DAIF:w=3c0 DAIF:w=240 DAIF:r SPSel:w=0 SPSel:w=1 PAN:w=400000 UAO:w=800000 DIT:w=1000000".split(" "),
          ..."SSBS:w=1000 PAN:r UAO:r DIT:r SSBS:r".split(" "),
        ],
    );
  }
});

Deno.test("An MSR (immediate) that is refused is UNDEFINED, and one that is ignored does nothing", () => {
  const denied = bench(["DAIF"], makeVerdict("deny")).f.runGuest("msr daifclr, #2");
  assertEquals([denied.x(24), denied.x(20), denied.x(23) & 0x3c0n], [0x200n, 0x0200_0000n, 0x3c0n]);
  const ignored = bench(["DAIF"], makeVerdict("ignore")).f.runGuest("msr daifclr, #2\nmsr vbar_el1, xzr\nudf #0");
  assertEquals(ignored.machine.vcpus[0].sysLo(sysregIndex("SPSR_EL1")) & 0x3c0, 0x3c0);
});

Deno.test("Registers that EL0 may use trap there", () => {
  const { f, seen } = bench(["NZCV", "SSBS"]);
  f.runGuest("adr x1, 1f\nmsr elr_el1, x1\nmsr spsr_el1, xzr\neret\n1: mrs x2, nzcv\nmsr ssbs, #1\nsvc #0");
  assertEquals(seen, ["NZCV:r", "SSBS:w=1000"]);
  assertEquals([f.x(24), f.x(23)], [0x400n, 0x1000n]);
});

/** So few that a loop of seven is not translated in a slice, unless eagerly. */
const LOOP_INSTRUCTIONS = 28_000;

for (const isEager of [true, false]) {
  const what = isEager ? "decoded, and translated," : "decoded";
  Deno.test(`Code that was ${what} before a register is trapped traps from its next instruction on`, () => {
    const { f } = bench([]), { engine } = f.machine, allow = f.vm.decide;
    engine.jit!.isEager = isEager;
    f.runGuest(
      `
    mov x1, #1 << 28
    mov x5, #0
loop:
    msr daifset, #1
    cmp x1, #0
    msr nzcv, x1
    cset x4, vc
    orr x5, x5, x4
    mrs x3, daif
    b loop`,
      LOOP_INSTRUCTIONS,
    );
    for (const [names, traps] of [[["DAIF", "NZCV"], 3], [["NZCV"], 1], [[], 0]] as const) {
      const { regions } = engine.jit!.counts;
      let seen = 0;
      f.vm.decide = (t) => {
        seen++;
        return allow(t);
      };
      trap(f, names);
      f.run(LOOP_INSTRUCTIONS);
      assert(Math.abs(seen - traps * LOOP_INSTRUCTIONS / 7) < 10, `${names}: ${seen}`);
      assertEquals(engine.jit!.counts.regions > regions, isEager);
    }
    assertEquals([f.x(4), f.x(5), f.x(3), f.x(24)], [0n, 0n, 0x3c0n, 0n]);
  });
}

Deno.test("Every register that rules may name traps, whether the CPU has it or generated code has it at hand", () => {
  const f = new HypervisorFixture(), seen = new Set<string>();
  f.vm.decide = (t) => {
    seen.add(t.what);
    // What the guest sets up before is no zero
    return makeVerdict(t.kind === "sysreg" && t.value === 0n ? "ignore" : "allow");
  };
  trap(f, GUEST_SYSREGS.map(({ name }) => name));
  const moves = GUEST_SYSREGS.flatMap(({ name, encoding, canRead, canWrite }) => {
    const [op0, op1, CRn, CRm, op2] = decodeSysreg(encoding), register = `s${op0}_${op1}_c${CRn}_c${CRm}_${op2}`;
    return [
      ...canRead ? [{ what: `${name}:r`, source: `mrs x2, ${register}` }] : [],
      ...canWrite ? [{ what: `${name}:w`, source: `msr ${register}, xzr` }] : [],
    ];
  });
  f.runGuest(`mov x1, #3 << 20\nmsr cpacr_el1, x1\nisb\n${moves.map(({ source }) => source).join("\n")}`);
  assertEquals([f.x(24), f.events], [0n, ["off"]]);
  assertEquals(moves.filter(({ what }) => !seen.has(what)), []);
});
