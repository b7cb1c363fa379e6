import { assertEquals } from "@std/assert";
import { Heartbeat, Watchdog } from "./heartbeat.ts";

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

Deno.test("Watchdog tells once who does not return, and leaves those that do alone", async () => {
  const heartbeat = new Heartbeat(new SharedArrayBuffer(Heartbeat.BYTES));
  const told: string[] = [];
  const watchdog = new Watchdog(heartbeat, 80, ["first", "second"], (what) => told.push(what));
  for (let i = 0; i < 10; i++) {
    heartbeat.enter(1, "mmio");
    await pause(20);
    heartbeat.leave();
  }
  assertEquals(told, []);
  heartbeat.enter(1, "sysreg");
  await pause(400);
  assertEquals(told, ["policy second did not return from on.sysreg within 0.08 s (--policy-timeout)"]);
  watchdog.stop();
});

Deno.test("Watchdog watches the loading of policies, too", async () => {
  const heartbeat = new Heartbeat(new SharedArrayBuffer(Heartbeat.BYTES));
  const { promise, resolve } = Promise.withResolvers<string>();
  heartbeat.enterLoading(0);
  const watchdog = new Watchdog(heartbeat, 40, ["p.ts"], resolve);
  assertEquals(await promise, "policy p.ts did not finish loading within 0.04 s (--policy-timeout)");
  watchdog.stop();
});
