import { assertEquals } from "@std/assert";
import { LineEditor } from "./line_editor.ts";

/** A terminal of one line, which understands what the editor writes. */
class Terminal {
  line: string[] = [];
  cursor = 0;
  readonly finished: string[] = [];

  write(text: string): void {
    // deno-lint-ignore no-control-regex
    for (const [, csi, letter, char] of text.matchAll(/\x1b\[([\d;]*)([A-Za-z])|([\s\S])/gu)) {
      if (letter === "D") this.cursor -= Number(csi);
      else if (letter === "K") this.line.length = this.cursor;
      else if (char === "\r") this.cursor = 0;
      else if (char === "\n") {
        this.finished.push(this.line.join(""));
        [this.line, this.cursor] = [[], 0];
      } else if (char !== undefined) this.line[this.cursor++] = char;
    }
  }
  /** What is shown, with the cursor as a bar. */
  get shown(): string {
    return `${this.line.slice(0, this.cursor).join("")}|${this.line.slice(this.cursor).join("")}`;
  }
}

function editor(words: readonly string[] = []) {
  const terminal = new Terminal(), lines: string[] = [];
  let ended = 0;
  const edit = new LineEditor({
    write: (text) => terminal.write(text),
    line: (text) => {
      lines.push(text);
      edit.show();
    },
    end: () => ended++,
    complete: (text) => words.filter((w) => w.startsWith(/\S*$/.exec(text)![0])),
  });
  edit.prompt = "> ";
  edit.show();
  const typeBytes = (bytes: Uint8Array) => {
    edit.receive(bytes);
    return terminal.shown;
  };
  const type = (text: string) => typeBytes(new TextEncoder().encode(text));
  return { type, typeBytes, lines, terminal, ended: () => ended };
}

Deno.test("typing, moving and deleting look right on the terminal", () => {
  const { type, lines } = editor();
  assertEquals(type("break here"), "> break here|");
  assertEquals(type("\x1b[D\x1b[D\x02x"), "> break hx|ere");
  assertEquals(type("\x01"), "> |break hxere");
  assertEquals(type("\x1b[3~\x04"), "> |eak hxere");
  assertEquals(type("\x05\x7f\x7f"), "> eak hxe|");
  assertEquals(type("\x17"), "> eak |");
  assertEquals(type("b c\x1bb\x1bb"), "> eak |b c");
  assertEquals(type("\x0b"), "> eak |");
  assertEquals(type("\x15ok\r"), "> |");
  assertEquals(lines, ["ok"]);
});

Deno.test("letters of several bytes count as one, whatever pieces they come in", () => {
  const { type, typeBytes, lines } = editor();
  for (const byte of new TextEncoder().encode("é€")) typeBytes(Uint8Array.of(byte));
  assertEquals(type("\x7f"), "> é|");
  type("\r");
  assertEquals(lines, ["é"]);
});

Deno.test("history: up and down, the line that is being written comes back, no line twice in a row", () => {
  const { type } = editor();
  type("one\rtwo\rtwo\rthr");
  assertEquals(type("\x1b[A"), "> two|");
  assertEquals(type("\x1b[A"), "> one|");
  assertEquals(type("\x10"), "> one|");
  assertEquals(type("\x1b[B\x0e"), "> thr|");
});

Deno.test("Tab completes as far as is certain, and shows the choices at the second", () => {
  const { type, terminal } = editor(["stage1", "stage2", "sysregs"]);
  assertEquals(type("info st\t"), "> info stage|");
  assertEquals(type("\t"), "> info stage|");
  assertEquals(terminal.finished.at(-1), "stage1  stage2");
  assertEquals(type("1\t"), "> info stage1 |");
  assertEquals(type("x\t"), "> info stage1 x|");
});

Deno.test("Ctrl-C drops the line, Ctrl-D on an empty one ends", () => {
  const { type, lines, ended } = editor();
  assertEquals(type("half\x03"), "> |");
  type("\x04");
  assertEquals([lines, ended()], [[], 1]);
});

Deno.test("no sequence of bytes is too strange", () => {
  const { type } = editor(["abc", "abd"]);
  let seed = 1;
  for (let i = 0; i < 20_000; i++) {
    seed = Math.imul(seed, 1664525) + 1013904223 >>> 0;
    type(String.fromCharCode(seed >>> 25));
  }
});
