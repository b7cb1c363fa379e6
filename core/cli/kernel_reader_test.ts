import { assertEquals, assertThrows } from "@std/assert";
import { BadInput } from "./guest_layout.ts";
import { KernelReader } from "./kernel_reader.ts";
import { quietMessage } from "./quiet_run.ts";
import { CONTROL, type KernelAnswer, type WorkerMessage } from "./vm_protocol.ts";

/** A reader whose main thread gives this answer, or never any. */
function readerOf(answer: KernelAnswer | null) {
  const { port1, port2 } = new MessageChannel(), message = { ...quietMessage(new Uint8Array(4096)), kernelPort: port1 };
  const posted: WorkerMessage[] = [], control = new Int32Array(message.control);
  const post = (message: WorkerMessage) => {
    posted.push(message);
    if (answer) port2.postMessage(answer);
  };
  const close = () => [port1, port2].forEach((port) => port.close());
  return { reader: new KernelReader(message, post, control), message, posted, control, close };
}

Deno.test("the kernel's memory is given back, and asked for again", () => {
  const { reader, message, posted, close } = readerOf({
    buffer: Uint8Array.of(0, 1, 2, 3, 0).buffer,
    byteOffset: 1,
    length: 3,
  });
  reader.release();
  assertEquals(message.guest.kernel!.length, 0);
  assertEquals(reader.readAgain()!.kernel, Uint8Array.of(1, 2, 3));
  assertEquals(posted, [{ type: "readKernel" }]);
  close();
});

Deno.test("a kernel that cannot be read again is kept", () => {
  const message = quietMessage(new Uint8Array(4096)), reader = new KernelReader(message, () => {}, new Int32Array(4));
  reader.release();
  assertEquals(reader.readAgain()!.kernel!.length, 4096);
});

Deno.test("a kernel that is not what it was ends the run, and so does a stop that is asked for meanwhile", () => {
  const changed = readerOf({ why: "It has changed" });
  assertThrows(() => changed.reader.readAgain(), BadInput, "It has changed");
  changed.close();
  const stopped = readerOf(null);
  Atomics.store(stopped.control, CONTROL.stop, 1);
  assertEquals(stopped.reader.readAgain(), null);
  stopped.close();
});
