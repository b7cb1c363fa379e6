import { assertEquals } from "@std/assert";
import { ByteRing } from "../machine/byte_ring.ts";
import { layOutGuest } from "./guest_layout.ts";
import { GuestMachine } from "./guest_machine.ts";
import { Outbox } from "./outbox.ts";
import { quietMessage } from "./quiet_run.ts";

/** How a guest's life ends of which this is asked, between two slices. */
function endOf(asked: readonly ("reset" | "quit")[]): string {
  const message = { ...quietMessage(null), jit: false }, control = new Int32Array(message.control);
  const outbox = new Outbox(() => {}, control);
  const guest: GuestMachine = new GuestMachine(message, outbox, new ByteRing(message.input), () => {
    for (const what of asked) guest[what]();
    return null;
  });
  guest.load(layOutGuest(message.guest, message.memoryBytes, message.cpuCount));
  return guest.run(Infinity).kind;
}

Deno.test("the end of a run comes before a reset, whichever was asked for first", () => {
  assertEquals(endOf(["reset"]), "reset");
  assertEquals(endOf(["reset", "quit"]), "interrupted");
  assertEquals(endOf(["quit", "reset"]), "interrupted");
});
