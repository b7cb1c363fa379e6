import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { ariel, Dialog, FROM_SOURCE, onTerminal } from "./ariel.ts";
import { testing, testingProcess } from "../needs.ts";
import { UserFolder } from "./user_folder.ts";

const GOLDEN = new URL("../../core/log/golden/all.text.log", import.meta.url).pathname;
const GOLDEN_JSON = new URL("../../core/log/golden/all.json.log", import.meta.url).pathname;

testingProcess("ariel log decode: records as columns, as JSON, filtered, from a file and from stdin", async () => {
  const columns = await ariel(["log", "decode", GOLDEN]);
  assertEquals([columns.code, columns.stderr, columns.stdout.split("\n").length], [0, "", 13]);
  assertStringIncludes(columns.stdout, "pl011+0x18:r4");
  const json = await ariel(["log", "decode", "--json", GOLDEN]);
  const records = (await Deno.readTextFile(GOLDEN_JSON)).split("\n").filter((line) => line.startsWith('{"seq"'));
  assertEquals(json.stdout.trimEnd().split("\n"), records);
  const filtered = await ariel(["log", "decode", "--json", "--filter", "kind==mmio && ipa>=0x0a000000", GOLDEN]);
  assertEquals(filtered.stdout.trimEnd(), records[1]);
  const dialog = new Dialog(["log", "decode", "--json"]);
  await dialog.send(await Deno.readTextFile(GOLDEN_JSON));
  assertEquals((await dialog.end()).stdout, json.stdout);
});

testingProcess("ariel log decode --summary says what is in a mixed capture", async () => {
  const dialog = new Dialog(["log", "decode", "--summary"]);
  const log = await Deno.readTextFile(GOLDEN);
  await dialog.send("Booting\r\n" + log.replaceAll("\n", "\r\n").replace(" kind=wfx", " kin") + log.slice(0, 700));
  const { code, stdout } = await dialog.end();
  assertEquals(code, 0);
  assertStringIncludes(stdout, "1 damaged records, the first at line 10");
  assertStringIncludes(stdout, "1 truncated records");
  assertStringIncludes(stdout, "pl011+0x18");
  const json = await ariel(["log", "decode", "--summary", "--json", GOLDEN]);
  const { records, rules, kinds } = JSON.parse(json.stdout);
  assertEquals(records, 11);
  // No rule decides on timers
  const count = (list: { count: number }[]) => list.reduce((sum, entry) => sum + entry.count, 0);
  assertEquals(count(rules), records - count(kinds.filter(({ name }: { name: string }) => name === "timer")));
});

testingProcess("ariel log decode reads the log of a later version, and says so", async () => {
  const dialog = new Dialog(["log", "decode", "--json"]);
  await dialog.send((await Deno.readTextFile(GOLDEN)).replace("schema=1", "schema=2"));
  const { code, stdout, stderr } = await dialog.end();
  assertEquals([code, stdout.split("\n").length], [0, 12]);
  assertStringIncludes(stderr, "the log has schema 2 and this program knows 1");
});

testingProcess("ariel log decode: what is wrong is told in a sentence, with 2", async () => {
  const wrong = async (text: string, ...args: string[]) => {
    const { code, stderr } = await ariel(["log", "decode", ...args]);
    assertEquals(code, 2, stderr);
    assertStringIncludes(stderr, text);
  };
  await wrong("there is no such file", "/nonexistent");
  await wrong("it is a directory", "/");
  await wrong('there is no field "knid"', "--filter", "knid==mmio", GOLDEN);
  await wrong("Cannot follow stdin", "--follow");
  await wrong("Cannot write /nonexistent/x.html", "--html", "/nonexistent/x.html", GOLDEN);
  const { code, stderr } = await ariel(["log", "decode", "/dev/null"]);
  assertEquals([code, stderr], [0, "ariel: records: no records found\n"]);
  assertStringIncludes((await ariel(["log", "decode", "--filter", "help"])).stdout, "FIELD");
});

testingProcess("ariel log decode --follow goes on with a file that grows and with one that begins anew", async () => {
  const path = await Deno.makeTempFile();
  const [header, first, second, third] = (await Deno.readTextFile(GOLDEN)).split("\n");
  await Deno.writeTextFile(path, `${header}\n${first}\n${second.slice(0, 40)}`);
  const dialog = new Dialog(["log", "decode", "--follow", "--json", path]);
  await dialog.expect('"seq":1,');
  await Deno.writeTextFile(path, `${second.slice(40)}\n`, { append: true });
  await dialog.expect('"seq":2,');
  await Deno.writeTextFile(path, `${third}\n`);
  await dialog.expect('"seq":3,');
  dialog.signal("SIGINT");
  assertEquals((await dialog.end()).code, 0);
  await Deno.remove(path);
});

testingProcess("ariel log decode --follow: a line that is not whole when it is interrupted is no damage", async () => {
  const path = await Deno.makeTempFile();
  const [header, first, second] = (await Deno.readTextFile(GOLDEN)).split("\n");
  await Deno.writeTextFile(path, `${header}\n${first}\n${second.slice(0, 40)}`);
  const dialog = new Dialog(["log", "decode", "--follow", "--json", path]);
  await dialog.expect('"seq":1,');
  dialog.signal("SIGINT");
  const { code, stderr } = await dialog.end();
  assertEquals([code, stderr], [0, ""]);
  await Deno.remove(path);
});

testingProcess("ariel log decode --html writes one page that holds its data as data", async () => {
  const log = await Deno.makeTempFile(), page = await Deno.makeTempFile();
  const text = await Deno.readTextFile(GOLDEN);
  await Deno.writeTextFile(log, text.replaceAll("rule=unclaimed", 'rule="</script><script>alert(1)</script><!--"'));
  const { code, stdout } = await ariel(["log", "decode", log, "--html", page]);
  assertEquals([code, stdout], [0, ""]);
  const html = await Deno.readTextFile(page);
  assertEquals(html.match(/<script/g)!.length, 2);
  assert(!/https?:|<!--|alert\(1\)<|src=|@import/.test(html));
  assertStringIncludes(html, "default-src 'none'");
  const data = JSON.parse(/id="data">(.*)<\/script>/.exec(html)![1]);
  assertEquals(data.records, 11);
  assert(data.rules.some((r: { name: string }) => r.name === "</script><script>alert(1)</script><!--"));
  await Promise.all([log, page].map((path) => Deno.remove(path)));
});

testing({ permissions: ["read", "write", "env", "run"], programs: ["python3"] })(
  "ariel log decode has colours on a terminal only, and none with NO_COLOR",
  async () => {
    const run = (env: Record<string, string>) =>
      ariel(["log", "decode", GOLDEN], { command: onTerminal(FROM_SOURCE), env: { ...Deno.env.toObject(), ...env } });
    assertStringIncludes((await run({ NO_COLOR: "" })).stdout, "\x1b[31m");
    assert(!(await run({ NO_COLOR: "1" })).stdout.includes("\x1b["));
    assert(!(await ariel(["log", "decode", GOLDEN])).stdout.includes("\x1b["));
  },
);

testing({ permissions: ["read", "write", "env", "run"], programs: ["python3", "bash"] })(
  "ariel log decode has no colours on a terminal that has none, as the README starts it",
  async () => {
    const folder = new UserFolder();
    const decoded = async (term: string) =>
      (await folder.type(`unset NO_COLOR; TERM=${term} ariel log decode ${GOLDEN}`).end()).stdout;
    assertStringIncludes(await decoded("xterm"), "\x1b[31m");
    assert(!(await decoded("dumb")).includes("\x1b["));
    folder.remove();
  },
);

testingProcess("ariel run --log-format json, --log-level: what the guest did is what the log has", async () => {
  const path = await Deno.makeTempFile(), stats = await Deno.makeTempFile();
  for (const format of ["text", "json"]) {
    await ariel(["run", "--time", "virtual", "--log", path, "--log-format", format, "--stats", stats]);
    const { kinds, counts } = JSON.parse((await ariel(["log", "decode", "--summary", "--json", path])).stdout);
    const { traps } = JSON.parse(await Deno.readTextFile(stats));
    for (const [kind, verdicts] of Object.entries(traps)) {
      assertEquals(kinds.find((k: { name: string }) => k.name === kind).verdicts, verdicts);
    }
    assertEquals([counts.damaged, counts.truncated, counts.foreign, counts.missing, counts.lost], [0, 0, 0, 0, 0]);
  }
  await ariel(["run", "--time", "virtual", "--log", path, "--log-level", "none"]);
  assertEquals((await Deno.readTextFile(path)).split("\n").map((line) => line.split(" ")[1]), [
    "schema=1",
    "end=0",
    undefined,
  ]);
  await Promise.all([path, stats].map((file) => Deno.remove(file)));
});
