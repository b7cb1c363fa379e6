import { assertEquals, assertThrows } from "@std/assert";
import { parseFilter } from "./filter.ts";
import { FilterError } from "./filter_tokens.ts";
import { LogReader } from "./log_reader.ts";
import { FIELD } from "./fields.ts";
import { testingStored } from "../../tests/needs.ts";

/** The numbers of the records of the golden log for which a filter holds. */
function matches(filter: string): string {
  const wanted = parseFilter(filter), seqs: number[] = [];
  const reader = new LogReader({ record: (r) => wanted(r) && seqs.push(r.number(FIELD.seq)) });
  // Twice, since texts are looked at once
  const log = Deno.readFileSync(new URL("./golden/all.text.log", import.meta.url));
  reader.push(log);
  const first = seqs.splice(0).join(" ");
  reader.push(log);
  assertEquals(seqs.join(" "), first);
  return first;
}

testingStored("Filters compare numbers, exactly up to 64 bits", () => {
  assertEquals(matches("seq==3"), "3");
  assertEquals(matches("seq != 3 && seq<5"), "1 2 4");
  assertEquals(matches("ipa>=0x0a000000"), "2 9");
  assertEquals(matches("ipa >= 0x0a00_0000 && kind==mmio"), "2");
  assertEquals(matches("pc>0xffffffc00000ffff"), "2");
  assertEquals(matches("pc==0xffffffc080010000"), "2");
  assertEquals(matches("pc!=0xffffffc080010000 && kind==mmio"), "1");
  assertEquals(matches("value>0x123456789abcdee"), "2");
  assertEquals(matches("value<=0x123456789abcdee && kind==mmio"), "1");
  assertEquals(matches("t>3us && t<=0.005ms"), "4 5");
  assertEquals(matches("t>=8s"), "10");
});

testingStored("Filters compare texts, by globs too", () => {
  assertEquals(matches("kind==mmio"), "1 2");
  assertEquals(matches("kind == 'smc' || kind==wfx"), "6 7 8");
  assertEquals(matches("what=~psci_*"), "6");
  assertEquals(matches("what=~pl011+0x?8:r4"), "1");
  assertEquals(matches('rule=~"strict: *"'), "3");
  assertEquals(matches("rule=='strict: deny.sysreg(\"DBG*\")'"), "3");
  assertEquals(matches("verdict!=allow && verdict!~*e*"), "7");
  assertEquals(matches("name==OSLAR_EL1"), "3");
  assertEquals(matches("access==w"), "2 3");
  assertEquals(matches("device==pl011 || size==8"), "1 2");
  assertEquals(matches("fault==permission && intent==map && access==x"), "9");
});

testingStored("&& binds more than ||, ! most; a field alone asks whether it is there", () => {
  assertEquals(matches("seq==1 || seq==2 && seq==3"), "1");
  assertEquals(matches("(seq==1 || seq==2) && !(seq==1)"), "2");
  assertEquals(matches("!seq<9"), "9 10 10");
  assertEquals(matches("!!ipa"), "1 2 9");
  assertEquals(matches("reported || late"), "10 10");
  assertEquals(matches("device"), "1");
  assertEquals(matches("error"), "3");
});

testingStored("What is asked of a field that a record has not is false", () => {
  assertEquals(matches("ipa!=0"), "1 2 9");
  assertEquals(matches("!(ipa==0x9000018) && kind==wfx"), "8");
  assertEquals(matches("region!=ram"), "");
});

testingStored("What is wrong with a filter is told with its place", () => {
  const wrong = (filter: string, why: string, position: number) => {
    const error = assertThrows(() => parseFilter(filter), FilterError, why);
    assertEquals(error.position, position, filter);
  };
  wrong("knid==mmio", 'there is no field "knid"', 0);
  wrong("kind==mmoi", 'there is no kind "mmoi": it is one of mmio', 6);
  wrong("kind<3", "kind is a text", 4);
  wrong("ipa=~0x9*", "ipa is a number", 3);
  wrong("ipa==pl011", "ipa needs a number", 5);
  wrong("ipa==0x1_0000_0000_0000_0000", "more than 64 bits", 5);
  wrong("ipa=3", "did you mean ==?", 3);
  wrong("ipa==3 & pc==1", "did you mean &&?", 7);
  wrong("ipa==3 pc==1", "here && or || is missing", 7);
  wrong("ipa==", "here a value must stand", 5);
  wrong("(ipa==3", "not closed", 0);
  wrong("ipa==3)", "closes nothing", 6);
  wrong("", "it ends too early", 0);
  wrong("ipa==3 &&", "it ends too early", 9);
  wrong('what=="a', "has no end", 6);
  wrong("==3", "here a field must stand", 0);
  wrong("hasOwnProperty==3", "there is no field", 0);
});

testingStored("Long filters are taken, and those that are too deep are told", () => {
  assertEquals(matches(Array(20_000).fill("seq==3").join(" || ")), "3");
  assertEquals(matches(Array(20_000).fill("seq==3").join(" && ")), "3");
  assertEquals(matches(`${"(".repeat(100)}seq==3${")".repeat(100)}`), "3");
  assertThrows(() => parseFilter(`${"(".repeat(20_000)}seq${")".repeat(20_000)}`), FilterError, "within one another");
});

testingStored("A filter of any characters is taken or refused, and never breaks", () => {
  const parts = [
    "ipa",
    "kind",
    "==",
    "=~",
    "&&",
    "||",
    "!",
    "(",
    ")",
    " ",
    "mmio",
    "0x9",
    "'",
    '"',
    "*",
    "é",
    "\\",
    "<",
  ];
  for (let n = 0; n < 5000; n++) {
    const filter = Array.from({ length: n % 12 }, () => parts[Math.floor(Math.random() * parts.length)]).join("");
    try {
      matches(filter);
    } catch (error) {
      if (!(error instanceof FilterError)) throw new Error(filter, { cause: error });
    }
  }
});
