// The list of threads beside the open one: search, state, branch, tokens, who is there, what is new.

import { aria, h, icon, iconButton, say } from "./elements.js";
import { Windowed } from "./windowed.js";
import { ago, many, tail, title, tokens } from "./wording.js";

const SEARCH_PAUSE_MS = 180;

/** `actions`: open(id), create(), search(term), archived(flag), more(). */
export class ListView {
  #timer = 0;

  constructor(actions) {
    this.actions = actions;
    this.open = null;
    this.search = h("input", { type: "search", class: "field search-field", placeholder: "Search threads", autocomplete: "off", spellcheck: false, aria: { label: "Search threads" }, onInput: () => this.#searchSoon() });
    this.count = h("p", { class: "list-count", aria: { live: "polite" } });
    this.canvas = h("div", { class: "thread-rows", role: "list", aria: { label: "Threads" } });
    this.scroller = h("div", { class: "list-scroller", tabIndex: -1 }, this.canvas);
    this.archivedButton = h("button", { type: "button", class: "tab", onClick: () => this.#show(true), aria: { pressed: false } }, "Archived");
    this.activeButton = h("button", { type: "button", class: "tab", onClick: () => this.#show(false), aria: { pressed: true } }, "Active");
    this.create = h("button", { type: "button", class: "button primary new-thread", onClick: () => actions.create() }, icon("add"), "New thread");
    this.close = iconButton("close", "Close the list", () => actions.closeDrawer(), { class: "drawer-only" });
    this.element = h(
      "nav",
      { class: "sidebar", id: "sidebar", aria: { label: "Threads" } },
      h("header", { class: "sidebar-head" }, h("span", { class: "brand" }, h("img", { src: "/assets/icon.svg", alt: "", width: 24, height: 24 }), "Threadcast"), this.close),
      h("div", { class: "sidebar-tools" }, this.create, h("div", { class: "search-box", role: "search" }, icon("search"), this.search), h("div", { class: "list-line" }, h("div", { class: "tabs", role: "group", aria: { label: "Which threads" } }, this.activeButton, this.archivedButton), this.count)),
      this.scroller,
    );
    this.rows = new Windowed(this.scroller, this.canvas, { draw: (row, known) => this.#draw(row, known), estimate: () => 66, keepsTop: true, onEnd: () => actions.more() });
  }

  #searchSoon() {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.actions.search(this.search.value.trim()), SEARCH_PAUSE_MS);
  }

  #show(archived) {
    aria(this.archivedButton, "pressed", archived);
    aria(this.activeButton, "pressed", !archived);
    this.actions.archived(archived);
  }

  /** Show the catalogue; `open` is the id of the thread beside the list. */
  show(catalogue, open) {
    this.catalogue = catalogue;
    this.open = open;
    const { rows, cursor, loading, term, failure } = catalogue;
    const told = failure ?? (rows.length || !loading ? `${many(rows.length, "thread")}${cursor ? "+" : ""}` : "…");
    say(this.count, rows.length === 0 && !loading && term ? "Nothing found" : told);
    this.rows.show(rows, new Set(rows.map(({ key }) => key)));
  }

  /** The id of the thread `step` below (or above) the open one. */
  beside(step) {
    const { rows } = this.catalogue;
    const at = rows.findIndex(({ key }) => key === this.open);
    return rows[Math.max(0, Math.min(rows.length - 1, at < 0 ? 0 : at + step))]?.key ?? null;
  }

  #draw({ thread }, known) {
    const { catalogue } = this;
    const unread = catalogue.unread.get(thread.id) === true && thread.id !== this.open;
    const spent = catalogue.tokens.get(thread.id);
    const people = catalogue.present.get(thread.id) ?? [];
    const look = JSON.stringify([title(thread), thread.status, thread.gitInfo?.branch, thread.cwd, spent, people, unread, thread.id === this.open, ago(thread.recencyAt ?? thread.updatedAt), thread.model]);
    if (known?.dataset.look === look) return known;
    const state = status(thread.status);
    const name = title(thread);
    const branch = thread.gitInfo?.branch;
    const row = h(
      "a",
      { class: `thread-row${unread ? " is-unread" : ""}`, href: `#/thread/${thread.id}`, onClick: () => this.actions.closeDrawer(), aria: { current: thread.id === this.open ? "page" : null } },
      h("span", { class: `dot dot-${state.kind}`, role: "img", title: state.label, aria: { label: state.label } }),
      h("span", { class: "row-title clip" }, name),
      h("span", { class: "row-time" }, ago(thread.recencyAt ?? thread.updatedAt)),
      h("span", { class: "row-facts" }, branch ? h("span", { class: "fact clip" }, icon("branch"), h("span", { class: "clip" }, branch)) : h("span", { class: "fact clip" }, tail(thread.cwd, 1)), spent ? h("span", { class: "fact" }, `${tokens(spent)} tokens`) : null, people.length ? h("span", { class: "fact people", title: people.map(called).join(", ") }, icon("people"), String(people.length), h("span", { class: "unseen" }, " attached")) : null),
      unread ? h("span", { class: "unread-mark" }, h("span", { class: "unseen" }, "Unread")) : null,
    );
    const holder = known ?? h("div", { role: "listitem", class: "row-holder" });
    const focused = holder.contains(document.activeElement);
    holder.replaceChildren(row);
    if (focused) row.focus({ preventScroll: true });
    holder.dataset.look = look;
    aria(holder, "setsize", catalogue.cursor ? -1 : catalogue.rows.length);
    return holder;
  }
}

/** A client by name. */
export function called({ name, version }) {
  return version ? `${name} ${version}` : name;
}

/** What a status is called, and the kind of its dot. */
export function status({ type, activeFlags = [] }) {
  if (type === "active" && activeFlags.length) {
    return { kind: "waiting", label: activeFlags.includes("waitingOnUserInput") ? "Waiting for an answer" : "Waiting for approval" };
  }
  if (type === "active") return { kind: "active", label: "Working" };
  if (type === "systemError") return { kind: "error", label: "Failed" };
  return type === "idle" ? { kind: "idle", label: "Ready" } : { kind: "asleep", label: "Not loaded" };
}
