import { assertEquals } from "@std/assert";
import { besideStream, OrderedOutput, said } from "./output.ts";

/** A stream that takes at most 3 bytes at once, and fails as it is told to. */
class Narrow {
  taken = "";
  fail: () => Error | undefined = () => undefined;

  write(bytes: Uint8Array): Promise<number> {
    const error = this.fail();
    if (error) return Promise.reject(error);
    const part = bytes.subarray(0, 3);
    this.taken += new TextDecoder().decode(part);
    return Promise.resolve(part.length);
  }
}

const bytes = (text: string) => new TextEncoder().encode(text);

Deno.test("OrderedOutput writes everything in order and tells when each part is out", async () => {
  const to = new Narrow(), done: string[] = [];
  const output = new OrderedOutput(to, (error) => done.push(error.message));
  output.write(bytes("hello, "), () => done.push("first"));
  output.write(bytes("world"), () => done.push("second"));
  await output.drain();
  assertEquals([to.taken, ...done], ["hello, world", "first", "second"]);
});

Deno.test("OrderedOutput waits where the stream would block", async () => {
  const to = new Narrow();
  let refusals = 2;
  to.fail = () => refusals-- > 0 ? new Deno.errors.WouldBlock("full") : undefined;
  const output = new OrderedOutput(to, () => {});
  output.write(bytes("late"));
  await output.drain();
  assertEquals(to.taken, "late");
});

Deno.test("OrderedOutput tells once that the reader is gone, and drops what comes then", async () => {
  const to = new Narrow(), told: string[] = [];
  to.fail = () => new Deno.errors.BrokenPipe("gone");
  const output = new OrderedOutput(to, (error) => told.push(error.name));
  output.write(bytes("a"), () => told.push("out"));
  output.write(bytes("b"), () => told.push("out"));
  await output.drain(1000);
  assertEquals([to.taken, ...told], ["", "BrokenPipe", "out", "out"]);
});

Deno.test("what is said acts on no terminal, whatever a guest or a plugin has put in it", () => {
  const text = new TextDecoder().decode(said("a\x1b]0;title\x07\r\tb\u202e\x9b\n  c"));
  assertEquals(text, "ariel: a\\u001b]0;title\\u0007\\u000d\tb\\u202e\\u009b\n  c\n");
});

Deno.test("what is said while the log goes to stderr stands between its lines, and none is lost", async () => {
  const to = new Narrow(), log = new OrderedOutput(to, () => {}), aside = besideStream("stderr", log);
  let refusals = 20;
  to.fail = () => refusals-- > 0 ? new Deno.errors.WouldBlock("full") : undefined;
  log.write(bytes("[ariel] seq=1\n"));
  aside(said("one"));
  await Promise.resolve();
  aside(said("two"));
  log.write(bytes("[ariel] seq=2\n"));
  await log.drain();
  assertEquals(to.taken, "[ariel] seq=1\nariel: one\nariel: two\n[ariel] seq=2\n");
});
