// The open thread: its head, its rows, what waits for a person, and the composer. Shows an Attachment.

import { Composer } from "./composer.js";
import { chooseAction } from "./dialogs.js";
import { aria, fill, h, icon, iconButton, say } from "./elements.js";
import { ItemView } from "./item_view.js";
import { called, status } from "./list_view.js";
import { questionCard } from "./question_view.js";
import { Meter, UsagePanel } from "./usage_view.js";
import { Windowed } from "./windowed.js";
import { many, tail, title } from "./wording.js";

/** `actions`: answer(question, result), rename(), fork(), archive(), openDrawer(), toggleUsage(). */
export class ThreadView {
  #cards = new Map();
  #shown = null;

  constructor(attachment, actions) {
    this.attachment = attachment;
    this.actions = actions;
    const { thread } = attachment;
    this.items = new ItemView(thread, { onChange: (key, fold) => this.#foldChanged(key, fold) });
    this.canvas = h("div", { class: "rows", role: "feed", aria: { label: "Conversation", busy: true } });
    this.scroller = h("div", { class: "stream", tabIndex: 0, role: "region", aria: { label: "Conversation" } }, h("div", { class: "stream-top" }), this.canvas);
    this.meter = new Meter(() => actions.toggleUsage());
    this.panel = new UsagePanel();
    this.toEnd = h("button", { type: "button", class: "to-end", hidden: true, onClick: () => this.rows.toEnd(), aria: { label: "To the newest" } }, icon("down"));
    this.dock = h("div", { class: "dock", role: "region", aria: { label: "Waiting for you" } });
    this.composer = new Composer({
      say: (text) => { attachment.say(text); this.rows.toEnd(); },
      interrupt: () => actions.interrupt(),
      takeBack: (id) => attachment.takeBack(id),
    });
    this.element = h("section", { class: "thread", aria: { label: "Thread" } }, this.#head(), h("div", { class: "stream-holder" }, this.scroller, this.toEnd), h("div", { class: "foot-of-thread" }, this.dock, this.composer.element));
    this.aside = this.#aside();
    this.rows = new Windowed(this.scroller, this.canvas, {
      draw: (row, known) => this.items.draw(row, known),
      estimate: (row) => this.items.estimate(row),
      follows: true,
      onStart: () => attachment.older(),
      onMoved: (stuck) => (this.toEnd.hidden = stuck),
    });
  }

  #head() {
    this.title = h("h1", { class: "clip" });
    this.dot = h("span", { class: "dot", role: "img" });
    this.facts = h("p", { class: "facts" });
    const menu = iconButton("more", "More", () => this.#menu(), { class: "menu-button", aria: { haspopup: "dialog" } });
    const buttons = [this.meter.element, menu, iconButton("edit", "Rename", this.actions.rename, { class: "acts" }), iconButton("fork", "Fork", this.actions.fork, { class: "acts" }), iconButton("archive", "Archive", this.actions.archive, { class: "acts" })];
    this.acts = buttons.slice(1);
    return h("header", { class: "thread-head" }, iconButton("menu", "Threads", this.actions.openDrawer, { class: "drawer-only" }), h("div", { class: "heading-of-thread" }, h("div", { class: "title-line" }, this.dot, this.title), this.facts), h("div", { class: "head-buttons" }, buttons));
  }

  /** On a phone what can be done with a thread is behind one button. */
  #menu() {
    const { rename, fork, archive } = this.actions;
    chooseAction(title(this.attachment.thread.head ?? {}), [["edit", "Rename", rename], ["fork", "Fork", fork], ["archive", "Archive", archive]]);
  }

  #aside() {
    return h("aside", { class: "aside", id: "usage", aria: { label: "Usage" } }, h("header", {}, h("h2", {}, "Usage"), iconButton("close", "Close usage", this.actions.toggleUsage)), this.panel.element);
  }

  #foldChanged(key, fold) {
    this.rows.stuck = false;
    this.rows.show(this.attachment.thread.rows, new Set([key]));
    requestAnimationFrame(() => requestAnimationFrame(() => {
      const element = this.rows.element(key);
      [...(element?.querySelectorAll("[data-fold]") ?? [])].find((each) => each.dataset.fold === fold)?.focus({ preventScroll: true });
    }));
  }

  /** Bring all up to date. `whole`: the thread was loaded anew. `row`: what the list knows of it. */
  show({ whole, row, connected, scopes, people }) {
    const { thread, attached, failure, pending } = this.attachment;
    const may = (scope) => scopes === null || scopes.includes(scope);
    const head = thread.head === null ? row : { ...thread.head, name: thread.head.name ?? row?.name, preview: thread.head.preview || row?.preview };
    this.#showHead(head, people, may("write"));
    if (failure !== null && thread.head === null) return this.#showFailure(failure);
    if (thread.head === null) return;
    aria(this.canvas, "busy", null);
    const touched = thread.take();
    if (whole) {
      this.rows.redraw();
      this.rows.stuck = true;
    }
    this.rows.show(thread.rows, touched);
    this.#showQuestions(thread, may("answer") && connected && attached);
    this.composer.show({ running: thread.running !== null, may: may("write"), connected: connected && attached, pending });
    this.meter.show(thread.usage);
    this.#showUsage(thread.usage);
  }

  #showHead(head, people, mayWrite) {
    if (!head) return;
    const state = status(head.status);
    say(this.title, title(head));
    this.dot.className = `dot dot-${state.kind}`;
    aria(this.dot, "label", state.label);
    this.dot.title = state.label;
    for (const button of this.acts) button.hidden = !mayWrite;
    const model = this.attachment.thread.settings?.model ?? head.model;
    const facts = [
      ["state", null, state.label],
      people.length > 1 ? ["people", "people", many(people.length, "client"), people.map(called).join(", ")] : null,
      head.gitInfo?.branch ? ["branch", "branch", head.gitInfo.branch] : null,
      ["place", "file", tail(head.cwd, 2), head.cwd],
      model ? ["model", null, model] : null,
    ].filter(Boolean);
    const look = JSON.stringify(facts);
    if (this.facts.dataset.look === look) return;
    this.facts.dataset.look = look;
    fill(this.facts, facts.map(([kind, name, text, long]) => h("span", { class: `fact fact-${kind}`, title: long ?? text }, name ? icon(name) : null, h("span", { class: "clip" }, text))));
  }

  #showFailure(failure) {
    fill(this.canvas, h("article", { class: "row row-notice", aria: { label: "Error" } }, h("div", { class: "column" }, h("div", { class: "callout failed" }, icon("error"), h("div", {}, h("p", { class: "callout-title" }, "This thread cannot be opened"), h("p", { class: "text" }, failure))))));
    this.composer.show({ running: false, may: false, connected: true, pending: [] });
  }

  #showUsage(usage) {
    const look = `${usage.known}/${usage.total.totalTokens}/${usage.last?.totalTokens}/${usage.turns.size}`;
    if (this.#shown === look) return;
    this.#shown = look;
    this.panel.show(usage);
  }

  #showQuestions(thread, mayAnswer) {
    for (const [id, { element }] of this.#cards) {
      if (thread.questions.has(id)) continue;
      const focused = element.contains(document.activeElement);
      element.remove();
      this.#cards.delete(id);
      if (focused) this.composer.focus();
    }
    for (const [id, question] of thread.questions) {
      const item = thread.item(question.params.turnId, question.params.itemId);
      const look = `${mayAnswer}/${item?.changes?.length}`;
      const known = this.#cards.get(id);
      if (known?.look === look) continue;
      const send = (result) => this.actions.answer(question, result);
      const element = questionCard(question, { item, cwd: thread.settings?.cwd, mayAnswer, send });
      if (known) known.element.replaceWith(element);
      else this.dock.append(element);
      this.#cards.set(id, { element, look });
    }
    this.dock.hidden = this.#cards.size === 0;
  }

  /** Go to the first thing that waits for a person. */
  focusQuestion() {
    this.dock.querySelector("input, footer button:not(:disabled)")?.focus();
  }

  /** To the very beginning, with all pages before what is there. */
  async toStart() {
    await this.attachment.everything();
    this.rows.show(this.attachment.thread.rows);
    this.rows.toStart();
  }

  close() {
    this.rows.close();
  }
}
