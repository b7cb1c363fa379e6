import { assertEquals } from "@std/assert";
import { ByteRing } from "../machine/byte_ring.ts";
import { layOutGuest } from "./guest_layout.ts";
import { GuestMachine } from "./guest_machine.ts";
import { Outbox } from "./outbox.ts";
import { quietMessage } from "./quiet_run.ts";

function makeGuest(): GuestMachine {
  const message = { ...quietMessage(null), jit: false }, control = new Int32Array(message.control);
  const guest = new GuestMachine(message, new Outbox(() => {}, control), new ByteRing(message.input), () => null);
  guest.load(layOutGuest(message.guest, message.memoryBytes, message.cpuCount));
  return guest;
}

Deno.test("the end of a run comes before a reset that was asked for first, and stays", () => {
  const guest = makeGuest();
  guest.reset();
  assertEquals(guest.run(Infinity), { kind: "reset" });
  guest.quit();
  assertEquals(guest.run(Infinity), { kind: "interrupted" });
  guest.reset();
  assertEquals(guest.run(Infinity), { kind: "interrupted" });
});
