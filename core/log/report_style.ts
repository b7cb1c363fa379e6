/** The style sheet of a report. */
export const REPORT_STYLE = `
:root {
  color-scheme: light dark;
  --bg: #ffffff; --fg: #1c2026; --dim: #667080; --line: #dde2e8; --panel: #f6f8fa; --accent: #2f6fd0;
  --bad: #c8322b; --warn: #a86400; --good: #23803c; --heat: 47, 111, 208;
}
@media (prefers-color-scheme: dark) {
  :root {
    --bg: #14171b; --fg: #dfe4ea; --dim: #8d98a6; --line: #2c333b; --panel: #1b2026; --accent: #6ea4f4;
    --bad: #f2756d; --warn: #e0a344; --good: #62c27c; --heat: 110, 164, 244;
  }
}
* { box-sizing: border-box; }
body { margin: 0 auto; padding: 24px 28px 60px; max-width: 1500px; background: var(--bg); color: var(--fg);
  font: 14px/1.45 system-ui, sans-serif; }
h1 { font-size: 21px; margin: 0; overflow-wrap: anywhere; }
h2 { font-size: 15px; margin: 0 0 8px; }
.dim { color: var(--dim); }
.bad { color: var(--bad); } .warn { color: var(--warn); } .good { color: var(--good); }
.tiles { display: flex; flex-wrap: wrap; gap: 10px; margin: 16px 0; }
.tile { background: var(--panel); border: 1px solid var(--line); border-radius: 6px; padding: 8px 14px; min-width: 118px; }
.tile b { display: block; font-size: 20px; font-weight: 600; font-variant-numeric: tabular-nums; white-space: nowrap; }
.tile span { color: var(--dim); font-size: 12px; }
section { margin-top: 26px; min-width: 0; }
.grid { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 560px), 1fr)); column-gap: 30px; align-items: start; }
canvas { display: block; width: 100%; }
.chart { position: relative; }
#tip { position: fixed; display: none; z-index: 9; pointer-events: none; white-space: pre; background: var(--fg); color: var(--bg);
  border-radius: 4px; padding: 5px 9px; font-size: 12px; max-width: 90vw; overflow: hidden; }
.legend { display: flex; flex-wrap: wrap; gap: 4px 14px; margin: 6px 0; font-size: 13px; }
.legend label { cursor: pointer; user-select: none; }
.legend label:has(input:not(:checked)) { opacity: .45; }
.legend input { position: absolute; opacity: 0; }
.legend input:focus-visible + i { outline: 2px solid var(--accent); }
.legend i { display: inline-block; width: 10px; height: 10px; border-radius: 2px; margin-right: 5px; }
.scroll { overflow: auto; max-height: 420px; border: 1px solid var(--line); border-radius: 6px; }
table { border-collapse: collapse; width: 100%; font-size: 13px; }
th { position: sticky; top: 0; background: var(--panel); text-align: left; font-weight: 600; white-space: nowrap; padding: 0; }
th button { all: unset; cursor: pointer; display: block; width: 100%; padding: 6px 10px; box-sizing: border-box; }
th button:focus-visible { outline: 2px solid var(--accent); outline-offset: -2px; }
th[aria-sort=ascending] button::after { content: " \\25b2"; font-size: 9px; }
th[aria-sort=descending] button::after { content: " \\25bc"; font-size: 9px; }
td { padding: 3px 10px; border-top: 1px solid var(--line); overflow-wrap: break-word; }
td.n, th.n button { text-align: right; }
td.n { font-variant-numeric: tabular-nums; white-space: nowrap; }
td.m { font-family: ui-monospace, monospace; font-size: 12px; }
td.bar { background-repeat: no-repeat; background-image: linear-gradient(rgba(var(--heat), .22), rgba(var(--heat), .22)); }
tr:hover td { background-color: var(--panel); }
input[type=search] { font: inherit; font-size: 13px; padding: 3px 8px; margin: 0 0 6px; border: 1px solid var(--line);
  border-radius: 4px; background: var(--bg); color: inherit; width: 240px; max-width: 100%; }
.head { display: flex; justify-content: space-between; align-items: baseline; flex-wrap: wrap; gap: 4px 12px; }
@media print { .scroll { max-height: none; overflow: visible; } }
`;
