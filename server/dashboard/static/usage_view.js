// How full the model's window is, and what each turn cost: a meter, a chart, and the same numbers as a table.

import { aria, fill, h, say, svg } from "./elements.js";
import { parts } from "./usage.js";
import { many, tokens } from "./wording.js";

const KINDS = [
  ["cached", "Cached input"],
  ["input", "Input"],
  ["output", "Output"],
  ["reasoning", "Reasoning"],
];
const BARS = 24;
const [WIDTH, HEIGHT, FOOT] = [288, 132, 4];

/** The small meter in a thread's head. */
export class Meter {
  constructor(onClick) {
    this.ring = svg("circle", { cx: 8, cy: 8, r: 6, class: "ring-part", pathLength: 100, "stroke-dasharray": "0 100" });
    const drawing = svg("svg", { viewBox: "0 0 16 16", class: "ring", "aria-hidden": "true" }, svg("circle", { cx: 8, cy: 8, r: 6, class: "ring-whole" }), this.ring);
    this.text = h("span", { class: "meter-text" });
    this.element = h("button", { type: "button", class: "meter", onClick, data: { testid: "meter" } }, drawing, this.text);
  }

  show(usage) {
    const { used, window: size, part } = usage.context();
    this.element.hidden = usage.last === null;
    const percent = part === null ? null : Math.round(part * 100);
    this.ring.setAttribute("stroke-dasharray", `${(part ?? 0) * 100} 100`);
    this.element.dataset.level = part === null || part < 0.75 ? "low" : part < 0.9 ? "high" : "full";
    say(this.text, percent === null ? tokens(used) : `${percent}%`);
    aria(this.element, "label", `Context: ${tokens(used)}${size ? ` of ${tokens(size)} tokens used, ${percent}%` : " tokens"}. Show usage`);
  }
}

/** The panel: context, totals, tokens by turn. */
export class UsagePanel {
  constructor() {
    this.bar = h("div", { class: "bar-part" });
    this.context = h("p", { class: "figure" });
    this.note = h("p", { class: "muted" });
    this.chart = h("div", { class: "chart" });
    this.totals = h("dl", { class: "totals" });
    this.element = h(
      "div",
      { class: "usage" },
      h("section", {}, h("h3", { class: "eyebrow" }, "Context"), this.context, h("div", { class: "bar" }, this.bar), this.note),
      h("section", {}, h("h3", { class: "eyebrow" }, "Tokens by turn"), this.chart),
      h("section", {}, h("h3", { class: "eyebrow" }, "All turns"), this.totals),
    );
  }

  show(usage) {
    const { used, window: size, part } = usage.context();
    fill(this.context, h("strong", {}, tokens(used)), size ? h("span", { class: "muted" }, ` of ${tokens(size)}`) : null);
    this.bar.style.width = `${(part ?? 0) * 100}%`;
    this.bar.parentElement.hidden = part === null;
    say(this.note, part === null ? "" : `${Math.round((1 - part) * 100)}% free`);
    this.#showChart(usage);
    this.#showTotals(parts(usage.total), usage.total.totalTokens);
  }

  #showTotals(spent, all) {
    const rows = KINDS.map(([kind, name]) => h("div", {}, h("dt", {}, h("span", { class: `swatch fill-${kind}` }), name), h("dd", {}, tokens(spent[kind]))));
    fill(this.totals, rows, h("div", { class: "sum" }, h("dt", {}, "Total"), h("dd", {}, tokens(all))));
  }

  #showChart(usage) {
    const turns = [...usage.turns.values()].map((spent, at) => ({ number: at + 1, spent, ...parts(spent) }));
    if (turns.length === 0) {
      fill(this.chart, h("p", { class: "muted" }, usage.known ? "No turn has used tokens yet." : "…"));
      return;
    }
    const shown = turns.slice(-BARS);
    const most = Math.max(1, ...shown.map(sum));
    const said = `Tokens of ${many(shown.length, "turn")}, the most in one is ${tokens(most)}`;
    const bars = shown.map((turn, at) => column(turn, at, shown.length, most));
    const drawing = svg("svg", { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, role: "img", "aria-label": said }, gridline(most, 1), gridline(most, 0.5), bars);
    const span = h("p", { class: "axis muted" }, h("span", {}, shown.length > 2 ? `Turn ${shown[0].number}` : `${shown[0].number}`), h("span", {}, shown.length > 1 ? `${shown.at(-1).number}` : ""));
    span.style.width = `${(100 * shown.length * slotOf(shown.length)) / WIDTH}%`;
    fill(this.chart, drawing, span, table(turns));
  }
}

function sum(turn) {
  return turn.cached + turn.input + turn.output + turn.reasoning;
}

function gridline(most, share) {
  const y = HEIGHT - FOOT - share * (HEIGHT - FOOT - 16);
  return [svg("line", { x1: 0, x2: WIDTH, y1: y, y2: y, class: "gridline" }), svg("text", { x: WIDTH, y: y - 4, class: "gridtext", "text-anchor": "end" }, tokens(most * share))];
}

function slotOf(count) {
  return Math.min(36, (WIDTH - 34) / count);
}

function column(turn, at, count, most) {
  const slot = slotOf(count);
  const width = Math.max(2, slot * 0.66);
  let y = HEIGHT - FOOT;
  const pieces = KINDS.map(([kind]) => {
    const height = (turn[kind] / most) * (HEIGHT - FOOT - 16);
    y -= height;
    return height === 0 ? null : svg("rect", { x: at * slot, y, width, height, class: `fill-${kind}` });
  });
  const told = KINDS.map(([kind, name]) => `${name}: ${tokens(turn[kind])}`).join("\n");
  return svg("g", { class: "column-of-turn" }, svg("title", {}, `Turn ${turn.number}\n${told}`), svg("rect", { x: at * slot, y: 0, width: slot, height: HEIGHT, class: "hit" }), pieces.filter(Boolean));
}

/** For those who do not see the drawing. */
function table(turns) {
  const head = h("tr", {}, ["Turn", ...KINDS.map(([, name]) => name), "Total"].map((name) => h("th", { scope: "col" }, name)));
  const row = (turn) => h("tr", { data: { turn: String(turn.number) } }, h("th", { scope: "row" }, String(turn.number)), KINDS.map(([kind]) => h("td", {}, String(turn[kind]))), h("td", {}, String(turn.spent.totalTokens)));
  return h("table", { class: "unseen", data: { testid: "usage-table" } }, h("caption", {}, "Tokens by turn"), h("thead", {}, head), h("tbody", {}, turns.slice(-100).map(row)));
}
