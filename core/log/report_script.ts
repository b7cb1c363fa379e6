/** The script of a report: draws what the page's data say. It sets texts only as texts. */
export const REPORT_SCRIPT = String.raw`
"use strict";
const data = JSON.parse(document.getElementById("data").textContent);
const COLOURS = { mmio: "#2f6fd0", sysreg: "#d9822b", hypercall: "#2a9d5c", smc: "#8e5bd0", wfx: "#8a94a0",
  abort: "#a9812b", exception: "#d04a93", timer: "#1f9fa8" };
const root = document.getElementById("root"), tip = document.getElementById("tip");

function make(tag, className, ...children) {
  const node = document.createElement(tag);
  if (className) node.className = className;
  node.append(...children);
  return node;
}
const count = (n) => Math.round(n).toLocaleString("en-US");
function time(ns) {
  const units = [["s", 1e9], ["ms", 1e6], ["us", 1e3]];
  const [unit, scale] = units.find(([, s]) => Math.abs(ns) >= s) ?? ["ns", 1];
  return Number((ns / scale).toPrecision(4)) + " " + unit;
}
const short = (n) => n >= 1e6 ? Number((n / 1e6).toPrecision(3)) + "M" : n >= 1e4 ? Number((n / 1e3).toPrecision(3)) + "k" : count(n);

function showTip(event, text) {
  tip.textContent = text;
  tip.style.display = text ? "block" : "none";
  const box = tip.getBoundingClientRect();
  tip.style.left = Math.max(4, Math.min(event.clientX + 14, innerWidth - box.width - 8)) + "px";
  tip.style.top = (event.clientY + box.height + 24 > innerHeight ? event.clientY - box.height - 10 : event.clientY + 16) + "px";
}

/** A canvas that is drawn anew when its width or the colours change. */
function chart(height, draw, hover) {
  const canvas = make("canvas"), holder = make("div", "chart", canvas);
  const redraw = () => {
    const width = holder.clientWidth, ratio = devicePixelRatio || 1, h = height(width);
    canvas.width = width * ratio;
    canvas.height = h * ratio;
    canvas.style.height = h + "px";
    const g = canvas.getContext("2d"), style = getComputedStyle(document.documentElement);
    g.scale(ratio, ratio);
    g.font = "12px system-ui, sans-serif";
    draw(g, width, h, (name) => style.getPropertyValue("--" + name).trim());
  };
  new ResizeObserver(redraw).observe(holder);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", redraw);
  canvas.addEventListener("mousemove", (e) => {
    const box = canvas.getBoundingClientRect();
    showTip(e, hover(e.clientX - box.left, e.clientY - box.top, box.width));
  });
  canvas.addEventListener("mouseleave", () => tip.style.display = "none");
  return { holder, redraw };
}

/** Round steps for an axis up to "most". */
function steps(most, wanted) {
  const raw = most / wanted, power = 10 ** Math.floor(Math.log10(raw));
  const step = [1, 2, 5, 10].map((m) => m * power).find((s) => s >= raw) || 1;
  const result = [];
  for (let v = 0; v <= most * 1.0001; v += step) result.push(v);
  return result;
}

function drawTimeAxis(g, left, width, bottom, widthNs, intervals, colour) {
  const total = widthNs * intervals;
  g.fillStyle = colour("dim");
  g.textBaseline = "top";
  g.textAlign = "center";
  for (const t of steps(total, Math.max(2, width / 120))) {
    const x = left + t / total * width;
    if (x > left + width - 10) continue;
    g.textAlign = t === 0 ? "left" : "center";
    g.fillText(time(t), x, bottom + 5);
    g.fillRect(x, bottom, 1, 4);
  }
}

function timeline() {
  const { series, refused, total, widthNs } = data.timeline, kinds = Object.keys(series), n = total.length;
  if (n === 0) return;
  const shown = new Set(kinds);
  const LEFT = 52, BOTTOM = 24, TOP = 8;
  const sums = () => total.map((_, i) => kinds.reduce((sum, k) => sum + (shown.has(k) ? series[k][i] : 0), 0));
  const c = chart(() => 230, (g, width, height, colour) => {
    const all = sums(), most = Math.max(1, ...all), w = (width - LEFT) / n, h = height - BOTTOM - TOP;
    g.textAlign = "right";
    g.textBaseline = "middle";
    for (const v of steps(most, 4)) {
      const y = TOP + h - v / most * h;
      g.fillStyle = colour("line");
      g.fillRect(LEFT, y, width - LEFT, 1);
      g.fillStyle = colour("dim");
      g.fillText(short(v), LEFT - 6, y);
    }
    for (let i = 0; i < n; i++) {
      let y = TOP + h;
      for (const k of kinds) {
        if (!shown.has(k) || series[k][i] === 0) continue;
        const part = series[k][i] / most * h;
        y -= part;
        g.fillStyle = COLOURS[k];
        g.fillRect(LEFT + i * w, y, Math.max(1, w - (w > 3 ? .5 : 0)), part);
      }
      if (refused[i] > 0) {
        g.fillStyle = colour("bad");
        g.fillRect(LEFT + i * w, TOP + h + 1, Math.max(2, w), 3);
      }
    }
    drawTimeAxis(g, LEFT, width - LEFT, TOP + h + 3, widthNs, n, colour);
  }, (x, y, width) => {
    const i = Math.floor((x - LEFT) / ((width - LEFT) / n));
    if (i < 0 || i >= n) return "";
    const lines = kinds.filter((k) => series[k][i] > 0).map((k) => k + "  " + count(series[k][i]));
    if (refused[i] > 0) lines.push("refused  " + count(refused[i]));
    return time(i * widthNs) + " to " + time((i + 1) * widthNs) + "\n" + (lines.join("\n") || "nothing");
  });
  const legend = make("div", "legend");
  for (const k of kinds) {
    const box = make("input"), swatch = make("i");
    box.type = "checkbox";
    box.checked = true;
    swatch.style.background = COLOURS[k];
    box.addEventListener("change", () => {
      if (box.checked) shown.add(k);
      else shown.delete(k);
      c.redraw();
    });
    legend.append(make("label", "", box, swatch, k + "  " + count(series[k].reduce((a, b) => a + b, 0))));
  }
  if (refused.some((r) => r > 0)) {
    const swatch = make("i");
    swatch.style.background = "var(--bad)";
    legend.append(make("span", "", swatch, "below the axis: something was refused"));
  }
  root.append(make("section", "", make("h2", "", "Traps over guest time"), legend, c.holder));
}

function heatMap() {
  const { rows, widthNs } = data.heat;
  if (rows.length === 0) return;
  const n = Math.max(...rows.map((r) => r.counts.length)), ROW = 17, BOTTOM = 24;
  const groupOf = (row) => row.kind === "mmio" || row.kind === "abort" ? 0 : row.kind === "sysreg" ? 1 : 2;
  const pick = (on) => {
    const groups = [0, 1, 2].map((n) => rows.filter((r) => on.has(r.kind) && groupOf(r) === n)).filter((g) => g.length);
    return groups.flatMap((g) => g.slice(0, groups.length === 1 ? 40 : 16));
  };
  const kinds = [...new Set(rows.map((r) => r.kind))], on = new Set(kinds);
  let shown = pick(on);
  const most = Math.max(...rows.flatMap((r) => r.counts));
  // The eye compares orders of magnitude here
  const shade = (v) => v === 0 ? 0 : .12 + .88 * Math.log(1 + v) / Math.log(1 + most);
  const left = (width) => Math.min(250, width * .4);
  const c = chart(() => shown.length * ROW + BOTTOM, (g, width, height, colour) => {
    const x0 = left(width), w = (width - x0) / n;
    g.textBaseline = "middle";
    shown.forEach((row, r) => {
      const y = r * ROW;
      g.textAlign = "right";
      g.fillStyle = colour("fg");
      g.font = "12px ui-monospace, monospace";
      let name = row.name;
      while (name.length > 4 && g.measureText(name).width > x0 - 24) name = name.slice(0, -2).replace(/…$/, "") + "…";
      g.fillText(name, x0 - 16, y + ROW / 2);
      g.fillStyle = COLOURS[row.kind] || "#888";
      g.fillRect(x0 - 10, y + 2, 4, ROW - 4);
      g.fillStyle = colour("panel");
      g.fillRect(x0, y + 1, width - x0, ROW - 2);
      row.counts.forEach((v, i) => {
        if (v === 0) return;
        g.fillStyle = "rgba(" + colour("heat") + "," + shade(v) + ")";
        g.fillRect(x0 + i * w, y + 1, Math.max(1, w), ROW - 2);
      });
    });
    g.font = "12px system-ui, sans-serif";
    drawTimeAxis(g, x0, width - x0, height - BOTTOM, widthNs, n, colour);
  }, (x, y, width) => {
    const row = shown[Math.floor(y / ROW)], x0 = left(width), i = Math.floor((x - x0) / ((width - x0) / n));
    if (!row) return "";
    const all = row.kind + "  " + row.name + "\n" + count(row.counts.reduce((a, b) => a + b, 0)) + " in all";
    return i < 0 || i >= n ? all : all + "\n" + count(row.counts[i] || 0) + " from " + time(i * widthNs) + " to " + time((i + 1) * widthNs);
  });
  const legend = make("div", "legend");
  for (const k of kinds) {
    const box = make("input"), swatch = make("i");
    box.type = "checkbox";
    box.checked = true;
    swatch.style.background = COLOURS[k] || "#888";
    box.addEventListener("change", () => {
      if (box.checked) on.add(k);
      else on.delete(k);
      shown = pick(on);
      c.redraw();
    });
    legend.append(make("label", "", box, swatch, k));
  }
  legend.append(make("span", "dim", "the most frequent; stronger is more, by orders of magnitude"));
  root.append(make("section", "", make("h2", "", "Addresses, registers and functions over guest time"), legend, c.holder));
}

const short256 = (text) => text.length > 256 ? text.slice(0, 256) + "…" : text;

/** A table that sorts by a click on a heading. Columns: title, value of a row, and "n" numbers, "m" code. */
function table(title, rows, columns, note) {
  if (rows.length === 0) return null;
  const body = make("tbody"), heads = [], most = Math.max(...rows.map((r) => r.count || 0), 1);
  let shown = rows, sorted = null;
  const LIMIT = 500;
  const fill = () => {
    body.replaceChildren(...shown.slice(0, LIMIT).map((row) => make("tr", "", ...columns.map((column) => {
      const value = column.value(row);
      const cell = make("td", column.type || "", typeof value !== "number" ? short256(value) : value === 0 && !column.format ? "" : (column.format || count)(value));
      if (column.title === "count") {
        cell.classList.add("bar");
        cell.style.backgroundSize = (100 * row.count / most) + "% 100%";
      }
      if (column.title === "verdict") cell.classList.add({ allow: "good", none: "dim", deny: "bad", kill: "bad", pause: "bad" }[value] || "warn");
      if (column.title === "refused" && value > 0) cell.classList.add("bad");
      return cell;
    }))));
    more.textContent = shown.length > LIMIT ? "the first " + LIMIT + " of " + count(shown.length) : "";
  };
  const more = make("div", "dim");
  const headRow = make("tr", "", ...columns.map((column, n) => {
    const button = make("button", "", column.title), head = make("th", column.type || "", button);
    button.type = "button";
    heads.push(head);
    button.addEventListener("click", () => {
      const up = sorted === n ? head.getAttribute("aria-sort") !== "ascending" : column.type !== "n";
      sorted = n;
      heads.forEach((h) => h.removeAttribute("aria-sort"));
      head.setAttribute("aria-sort", up ? "ascending" : "descending");
      const compare = (a, b) => {
        const [x, y] = [column.value(a), column.value(b)];
        return typeof x === "number" && typeof y === "number" ? x - y : String(x).localeCompare(String(y), "en", { numeric: true });
      };
      rows = [...rows].sort((a, b) => up ? compare(a, b) : compare(b, a));
      search.dispatchEvent(new Event("input"));
    });
    return head;
  }));
  const search = make("input");
  search.type = "search";
  search.placeholder = "search";
  search.setAttribute("aria-label", "search in " + title);
  search.addEventListener("input", () => {
    const text = search.value.toLowerCase();
    shown = text === "" ? rows : rows.filter((r) => columns.some((c) => String(c.value(r)).toLowerCase().includes(text)));
    fill();
  });
  const initial = columns.findIndex((c) => c.title === "count");
  if (initial >= 0) {
    sorted = initial;
    heads[initial].setAttribute("aria-sort", "descending");
  }
  fill();
  const heading = make("div", "head", make("h2", "", title + (rows.length > 12 ? " (" + count(rows.length) + ")" : "")));
  if (rows.length > 12) heading.append(search);
  return make("section", "", heading, ...(note ? [make("div", "dim", note)] : []),
    make("div", "scroll", make("table", "", make("thead", "", headRow), body)), more);
}

const num = (title, value, format) => ({ title, value, type: "n", format });
const code = (title, value) => ({ title, value, type: "m" });
const word = (title, value) => ({ title, value });
const COUNT = num("count", (r) => r.count);
const name = (title) => code(title, (r) => r.name || '""');
const VERDICTS = data.verdicts.map((v) => v.name);
const byVerdict = (title) => [name(title), COUNT, ...VERDICTS.map((v) => num(v, (r) => r.verdicts[v] || 0))];
const accesses = (a) => [num("reads", (r) => r.accesses.r || 0), num("writes", (r) => r.accesses.w || 0),
  ...(a ? [num("fetches", (r) => r.accesses.x || 0)] : []), num("refused", (r) => r.refused)];

function tiles() {
  const c = data.counts, box = make("div", "tiles");
  const tile = (value, label, className) => box.append(make("div", "tile", make("b", className || "", value), make("span", "", label)));
  const of = (verdict) => (data.verdicts.find((v) => v.name === verdict) || { count: 0 }).count;
  tile(count(data.records), data.records === c.records ? "records" : "records of " + count(c.records));
  tile(time(data.lastNs - data.firstNs), "of guest time");
  tile(short(data.perSecond) + "/s", "on average");
  tile(short(data.peakPerSecond) + "/s", "at most, at " + time(data.peakNs));
  const refused = of("deny") + of("pause") + of("kill");
  tile(count(refused), "refused", refused ? "bad" : "good");
  if (data.exceptions.length) tile(count(data.exceptions.reduce((a, e) => a + e.count, 0)), "guest exceptions");
  if (c.lost) tile(count(c.lost), "lost when written", "bad");
  for (const key of ["missing", "damaged", "truncated", "interleaved"]) {
    if (c[key]) tile(count(c[key]), key + (data.firstLines[key] ? ", from line " + data.firstLines[key] : ""), "warn");
  }
  if (c.foreign) tile(count(c.foreign), "lines of something else", "dim");
  root.append(box);
}

tiles();
timeline();
heatMap();
const grid = make("div", "grid");
root.append(grid);
const add = (place, node) => node && place.append(node);
add(grid, table("By kind", data.kinds, byVerdict("kind")));
add(grid, table("By rule", data.rules, byVerdict("rule")));
const rarer = (list) => data.left[list] ? "and " + count(data.left[list]) + " that are rarer" : "";
add(grid, table("Addresses", data.addresses, [name("place"), word("kind", (r) => r.kind), COUNT, ...accesses(true)], rarer("addresses")));
add(grid, table("System registers", data.registers, [name("register"), COUNT, ...accesses(false)], rarer("registers")));
add(grid, table("Calls and waits", data.calls, [name("function"), word("kind", (r) => r.kind), COUNT, num("refused", (r) => r.refused)], rarer("calls")));
add(grid, table("Instructions that trapped most", data.sites, [name("pc"), COUNT]));
add(grid, table("By vCPU", data.vcpus, [name("vCPU"), COUNT, ...Object.keys(data.timeline.series).map((k) => num(k, (r) => r.kinds[k] || 0))]));
add(grid, table("Timer interrupts", data.timers, [name("timer"), COUNT, num("mean late", (r) => r.meanNs, time),
  num("99% within", (r) => r.p99Ns, time), num("at most", (r) => r.maxNs, time), num("ticks behind", (r) => r.offsetTicks, count), num("drift", (r) => r.offsetChangeTicks, count)]));
add(root, table("Guest exceptions", data.exceptions, [name("class"), COUNT, num("reported", (r) => r.reported), num("last at", (r) => r.lastNs, time),
  code("pc", (r) => r.pc), code("syndrome", (r) => r.syndrome), code("far", (r) => r.far)]));
add(root, table("Stage 2 faults", data.faults, [name("fault"), COUNT, code("last ipa", (r) => r.lastIpa)]));
add(root, table("Errors of policies", data.errors, [name("error"), COUNT]));
const samples = data.samples.map((line) => JSON.parse(line));
add(root, table("Not simply allowed", samples, [num("seq", (r) => r.seq), num("t", (r) => r.t, time), num("vCPU", (r) => r.vcpu, count), code("pc", (r) => r.pc),
  word("kind", (r) => r.kind), code("what", (r) => r.what), code("value", (r) => r.value), word("verdict", (r) => r.verdict), word("rule", (r) => r.rule),
  ...(samples.some((r) => r.error) ? [word("error", (r) => r.error || "")] : [])],
  samples.length < 500 ? "" : "the first " + samples.length + " of them"));
if (data.records === 0) root.append(make("p", "warn", "There are no records in this log."));
`;
