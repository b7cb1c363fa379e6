import { assertEquals } from "@std/assert";
import { Progress } from "./progress.ts";

function terminal(hasCursor: boolean) {
  return {
    hasCursor,
    columns: 80,
    text: "",
    ms: 0,
    write(text: string) {
      this.text += text;
    },
    now() {
      return this.ms;
    },
  };
}

Deno.test("a bar appears after a second, is drawn now and then, and is taken away", () => {
  const t = terminal(true), progress = new Progress("Unpacking Image.xz", t);
  t.ms = 999;
  progress.show(1, 4);
  assertEquals(t.text, "");
  t.ms = 1000;
  progress.show(1, 4, "12 MiB");
  assertEquals(t.text, `\rUnpacking Image.xz [${"#".repeat(7)}${".".repeat(23)}] 25% 12 MiB 3 s left\x1b[K`);
  t.ms = 1099;
  progress.show(2, 4);
  assertEquals(t.text.split("\r").length, 2);
  const drawn = t.text;
  progress.clear();
  Progress.clearAny();
  assertEquals(t.text, `${drawn}\r\x1b[K`);
});

Deno.test("what does not fit in a line is shortened to the percentage and what is done", () => {
  const t = terminal(true), progress = new Progress("Unpacking /a/long/path/Image.xz", t), columns = [80, 72, 40, 20];
  const widths = columns.map((width, i) => {
    [t.columns, t.ms, t.text] = [width, 1000 + 100 * i, ""];
    progress.show(1, 4);
    return t.text.slice(1, -3);
  });
  progress.clear();
  assertEquals(widths, [
    `Unpacking /a/long/path/Image.xz [${"#".repeat(7)}${".".repeat(23)}] 25% 3 s left`,
    "25% Unpacking /a/long/path/Image.xz",
    "25% Unpacking /a/long/path/Image.xz",
    "25% Unpacking /a/lo",
  ]);
});

Deno.test("the bar that stands on the terminal can be taken away by who did not draw it", () => {
  const t = terminal(true), progress = new Progress("Reading", t);
  t.ms = 1000;
  progress.show(1, 4);
  Progress.clearAny();
  assertEquals(t.text.endsWith("\r\x1b[K"), true);
});

Deno.test("a line is written now and then where there is no terminal", () => {
  const t = terminal(false), progress = new Progress("Reading run.log", t);
  for (t.ms = 0; t.ms < 11_000; t.ms += 100) progress.show(t.ms, 20_000, "3 M records");
  progress.clear();
  assertEquals(t.text, "ariel: Reading run.log 25% 3 M records\nariel: Reading run.log 50% 3 M records\n");
});

Deno.test("nothing is written where there is nothing to show", () => {
  for (const t of [terminal(false), terminal(true)]) {
    const progress = new Progress(null, t);
    t.ms = 5000;
    progress.show(1, 2);
    progress.clear();
    assertEquals(t.text, "");
  }
});
