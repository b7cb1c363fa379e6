import { assertEquals } from "@std/assert";
import { Progress } from "./progress.ts";

function terminal(isShown: boolean) {
  return {
    isShown,
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
  progress.clear();
  assertEquals(t.text.endsWith("\r\x1b[K"), true);
});

Deno.test("nothing is written where there is no terminal, or nothing to show", () => {
  for (const [what, t] of [["Reading", terminal(false)], [null, terminal(true)]] as const) {
    const progress = new Progress(what, t);
    t.ms = 5000;
    progress.show(1, 2);
    progress.clear();
    assertEquals(t.text, "");
  }
});
