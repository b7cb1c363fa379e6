import { assertEquals } from "@std/assert";
import { QEMU_OPTIONS } from "./qemu_options.ts";
import { RUN } from "./run.ts";

Deno.test("QEMU's options are none of ours, and what is to be given in their place is there", () => {
  const ours = RUN.options.flatMap(({ name, short }) => [name, ...short ? [short] : []]);
  assertEquals(Object.keys(QEMU_OPTIONS).filter((name) => ours.includes(name)), []);
  const named = Object.values(QEMU_OPTIONS).flatMap((text) => [...text.matchAll(/--([\w-]+)/g)].map((m) => m[1]));
  assertEquals(named.filter((name) => !ours.includes(name)), []);
});
