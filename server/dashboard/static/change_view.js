// Changes of files with their lines in colour; used in the thread and in the cards that ask about them.

import { counts, lines } from "./diff.js";
import { h, icon } from "./elements.js";

const SHOWN_LINES = 60; // a change of up to so many lines is open at first
const MOST_LINES = 2000;
const SIGNS = { add: "+", remove: "−", same: " ", place: "" };
const NAMES = { add: "added", delete: "deleted", update: "changed" };

/** Files and their lines. `open(at, byDefault)` and `folder(at, isOpen, …children)` come from who keeps what is open. */
export function changeList(changes, { open, folder, cwd }) {
  return h("div", { class: "changes" }, changes.map((change, at) => file(change, at, { open, folder, cwd })));
}

function file(change, at, { open, folder, cwd }) {
  const { added, removed } = counts(change);
  const isOpen = open(at, added + removed <= SHOWN_LINES);
  const name = relative(change.path, cwd);
  const moved = change.kind.movePath ?? change.kind.move_path;
  const head = folder(
    at,
    isOpen,
    icon("turn"),
    h("span", { class: "path clip" }, moved ? `${name} → ${relative(moved, cwd)}` : name),
    change.kind.type === "update" ? null : h("span", { class: "muted" }, NAMES[change.kind.type]),
    h("span", { class: "plus", aria: { label: `${added} lines added` }, role: "img" }, `+${added}`),
    h("span", { class: "minus", aria: { label: `${removed} lines removed` }, role: "img" }, `−${removed}`),
  );
  return h("section", { class: "change", aria: { label: name } }, head, isOpen ? table(change, name) : null);
}

function table(change, name) {
  const all = lines(change);
  const row = (line) =>
    h(
      "tr",
      { class: `line-${line.kind}` },
      h("td", { class: "number" }, line.old ?? ""),
      h("td", { class: "number" }, line.now ?? ""),
      h("td", { class: "sign" }, SIGNS[line.kind]),
      h("td", { class: "code-line" }, line.text),
    );
  const rest = all.length > MOST_LINES ? h("p", { class: "muted inset" }, `${all.length - MOST_LINES} more lines`) : null;
  return h(
    "div",
    { class: "diff", tabIndex: 0, role: "region", aria: { label: `Lines of ${name}` } },
    h("table", { role: "presentation" }, h("tbody", {}, all.slice(0, MOST_LINES).map(row))),
    rest,
  );
}

function relative(path, cwd) {
  return cwd && path.startsWith(`${cwd.replace(/\/$/, "")}/`) ? path.slice(cwd.replace(/\/$/, "").length + 1) : path;
}
