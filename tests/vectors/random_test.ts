import { assertEquals } from "@std/assert";
import { testingStored } from "../needs.ts";
import { SequenceJudge } from "../oracle/sequence.ts";
import { formatSpec, parseSpec } from "./case_spec.ts";
import { Comparison, describeOutcome, type Outcome } from "./comparison.ts";
import { recordedDifferences } from "./recorded.ts";

const CASES = 60_000, STEPPED_CASES = 4_000;

/** Rows that differ, as the keys of an outcome's differences. */
function assertNone(outcome: Outcome): void {
  assertEquals([...outcome.differences.keys()], [], describeOutcome(outcome));
}

for (const tier of ["interpreter", "step"]) {
  testingStored(`instructions do what was recorded of another implementation (${tier})`, async () => {
    assertEquals(await recordedDifferences(tier), []);
  });
}

const isPresent = SequenceJudge.isPresent();
const note = isPresent ? "" : " (ignored: qemu-aarch64 of qemu-user or aarch64-linux-gnu-gcc is missing)";

function judged(name: string, compare: (judge: SequenceJudge, seed: number) => Promise<Outcome>): void {
  Deno.test({
    name: name + note,
    ignore: !isPresent,
    async fn() {
      const seed = Date.now() % 1e9;
      console.log(`seed ${seed}`);
      await using judge = await SequenceJudge.open();
      assertNone(await compare(judge, seed));
    },
  });
}

judged(
  "random instructions and sequences agree with another implementation",
  (judge, seed) => new Comparison(judge, seed).random(CASES),
);

judged(
  "every shape of every row agrees with another implementation",
  (judge, seed) => new Comparison(judge, seed).shapes(),
);

judged(
  "single steps agree with another implementation",
  (judge, seed) => new Comparison(judge, seed, "step").random(STEPPED_CASES),
);

Deno.test("a case is read back as it was written", () => {
  const text = "31fff1000c 2a 8b020020,d503201f x1=ffffffffffffffff x31=0";
  assertEquals(formatSpec(parseSpec(text)), text);
});
