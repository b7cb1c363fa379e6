import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import $ from "dax";
import { needs } from "../../tests/needs.ts";
import { Arguments, UsageError } from "./command.ts";
import { loadCommands } from "./commands.ts";
import { HELP, topicText } from "./help.ts";
import { TOPICS } from "./help_topics.ts";
import { manualPage } from "./man.ts";
import { referenceMarkdown, withParts } from "./reference.ts";

Deno.test("every topic has steps, each with something to do", () => {
  for (const topic of TOPICS) {
    assert(topic.steps.length > 0, topic.name);
    for (const { text, commands = [], file, keys = [] } of topic.steps) {
      assert(text !== "" && (commands.length > 0 || file), `${topic.name}: ${text}`);
      for (const command of commands) assertStringIncludes(topicText(topic), `\n    ${command}\n`);
      for (const key of keys) assertStringIncludes(topicText(topic), `\n        ${key}\n`);
    }
  }
});

Deno.test("help for what there is not is refused", async () => {
  for (const words of [["nothing"], ["run", "more"], ["log", "decode", "more"], ["linux", "more"]]) {
    await assertRejects(async () => await HELP.run(new Arguments(words, new Map())), UsageError, words.at(0));
  }
});

Deno.test("manual page and reference name every command and option", async () => {
  const commands = await loadCommands(), page = manualPage(commands), reference = referenceMarkdown(commands);
  for (const { name, options } of commands) {
    assertStringIncludes(page, `.SS "ariel ${name}`);
    assertStringIncludes(reference, `### ariel ${name}`);
    for (const option of options) {
      assertStringIncludes(page, `\\-\\-${option.name.replaceAll("-", "\\-")}`);
      assertStringIncludes(reference, `--${option.name}`);
    }
  }
});

Deno.test({
  name: "groff has nothing to say about the manual page",
  ...needs({ permissions: ["run", "env"], programs: ["groff"] }),
  async fn() {
    const page = manualPage(await loadCommands());
    const { stderr } = await $`groff -man -Tutf8 -ww -z`.stdinText(page).stderr("piped");
    assertEquals(stderr, "");
  },
});

Deno.test("parts of a text are made anew between their marks only", async () => {
  const text = "a\n<!-- tour -->\nold\n<!-- end of tour -->\nb\n";
  const once = await withParts(text);
  assert(once.startsWith("a\n<!-- tour -->\n\n### ") && once.endsWith("<!-- end of tour -->\nb\n"));
  assertEquals(await withParts(once), once);
  assertEquals(await withParts("nothing\n"), "nothing\n");
});
