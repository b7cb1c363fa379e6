import { REPORT_SCRIPT } from "./report_script.ts";
import { REPORT_STYLE } from "./report_style.ts";
import type { Summary } from "./summary_data.ts";

const ENTITIES: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "'": "&#39;",
};

/** A text as HTML, also between quotation marks. */
export function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (c) => ENTITIES[c]);
}

/** Data for a script element: nothing in it ends the element or begins a comment. */
function embed(data: unknown): string {
  return JSON.stringify(data).replace(
    /[<>&\u2028\u2029]/g,
    (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}

/** Rows of a table in the page. */
const ROWS_MAX = 2000;

/** The summary with lists of a length that a browser shows at once. */
function shorten(summary: Summary): Summary & { readonly left: Readonly<Record<string, number>> } {
  const left: Record<string, number> = {};
  const lists = Object.entries(summary).flatMap(([key, value]) => {
    if (!Array.isArray(value) || value.length <= ROWS_MAX) return [];
    left[key] = value.length - ROWS_MAX;
    return [[key, value.slice(0, ROWS_MAX)]];
  });
  return { ...summary, ...Object.fromEntries(lists), left };
}

/**
 * A page that shows a summary: one file with all that it needs. Whatever a guest or a policy wrote stands in it as data
 * only, and the page may load nothing.
 * @param name where the log came from.
 */
export function reportPage(summary: Summary, name: string): string {
  const header = Object.entries(summary.header ?? {}).map(([key, value]) => `${key} ${value}`).join(" · ");
  const policy = "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; img-src data:";
  return `<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${policy}">
<meta name="viewport" content="width=device-width">
<meta name="color-scheme" content="light dark">
<link rel="icon" href="data:,">
<title>${escapeHtml(name)}: traps</title>
<style>${REPORT_STYLE}</style>
</head>
<body>
<h1>${escapeHtml(name)}</h1>
<div class="dim">${escapeHtml(header)}</div>
<main id="root"><noscript><p>This page needs scripts; "ariel log decode --summary" needs none.</p></noscript></main>
<div id="tip" role="tooltip"></div>
<script type="application/json" id="data">${embed(shorten(summary))}</script>
<script>${REPORT_SCRIPT}</script>
</body>
</html>
`;
}
