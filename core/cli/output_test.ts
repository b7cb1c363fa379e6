import { assertEquals } from "@std/assert";
import { OrderedOutput } from "./output.ts";

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
