// The page put together: connection, list, the open thread, keys. The one module that knows all others.

import { Attachment } from "./attachment.js";
import { Catalogue } from "./catalogue.js";
import { askForName, askForThread, showKeys } from "./dialogs.js";
import { aria, fill, h, icon, iconButton, say } from "./elements.js";
import { KEYS, listen } from "./keys.js";
import { ListView } from "./list_view.js";
import * as session from "./session.js";
import { signInView } from "./sign_in_view.js";
import { ThreadView } from "./thread_view.js";
import { Wire } from "./wire.js";
import { title } from "./wording.js";

const TO_EVERYBODY = new Set(["thread/started", "thread/status/changed", "thread/name/updated", "thread/archived", "thread/unarchived", "thread/closed", "thread/deleted", "thread/reverted", "thread/readState/changed", "thread/tokenUsage/updated", "threadcast/presence/changed"]);

class Page {
  constructor() {
    this.wire = new Wire({
      open: session.openSocket,
      onState: (state, details) => this.#stateChanged(state, details),
      onNotice: (message) => this.#heard(message),
      onQuestion: (question) => this.#asked(question),
    });
    const request = (method, params) => this.wire.request(method, params);
    this.catalogue = new Catalogue({ request, onChange: () => this.#listChanged() });
    this.attachment = null;
    this.view = null;
    this.frame = 0;
    this.whole = false;
    this.#build();
  }

  #build() {
    this.list = new ListView({
      create: () => this.create(),
      search: (term) => this.catalogue.load({ term }),
      archived: (archived) => this.catalogue.load({ archived }),
      more: () => this.catalogue.more(),
      closeDrawer: () => this.#drawer(false),
    });
    this.main = h("main", { class: "main", id: "main", tabIndex: -1 }, this.#nothingOpen());
    this.link = h("p", { class: "link", role: "status" });
    this.told = h("p", { class: "unseen", role: "status" });
    this.toast = h("div", { class: "toast", role: "status", hidden: true });
    this.scrim = h("div", { class: "scrim", onClick: () => this.#drawer(false) });
    this.signOutButton = iconButton("out", "Sign out", () => this.signOut(), { hidden: true });
    const foot = h("footer", { class: "sidebar-foot" }, this.link, iconButton("help", "Keyboard", () => showKeys(KEYS)), iconButton("moon", "Light or dark", () => toggleTheme()), this.signOutButton);
    this.list.element.append(foot);
    this.frameElement = h("div", { class: "frame" }, this.list.element, this.scrim, this.main);
    this.#listen();
  }

  #nothingOpen() {
    return h("div", { class: "empty" }, iconButton("menu", "Threads", () => this.#drawer(true), { class: "drawer-only empty-menu" }), h("img", { src: "/assets/icon.svg", alt: "", width: 56, height: 56 }), h("h1", {}, "Threads, live"), h("p", { class: "muted" }, "Choose a thread, or begin a new one. Everybody who has it open sees the same, as it happens."), h("button", { type: "button", class: "button", onClick: () => this.create() }, icon("add"), "New thread"));
  }

  #listen() {
    addEventListener("hashchange", () => this.#route());
    addEventListener("online", () => this.wire.hurry());
    addEventListener("offline", () => this.wire.offline());
    document.addEventListener("visibilitychange", () => {
      if (document.visibilityState === "visible") this.wire.hurry();
      this.#show();
    });
    listen({
      "/": () => { this.#drawer(true); this.list.search.focus(); },
      j: () => this.#step(1),
      k: () => this.#step(-1),
      n: () => this.create(),
      m: () => this.view?.composer.focus(),
      a: () => this.view?.focusQuestion(),
      g: () => this.view?.toStart(),
      G: () => this.view?.rows.toEnd(),
      u: () => this.#toggleUsage(),
      t: () => toggleTheme(),
      Escape: () => this.#drawer(false),
      "?": () => showKeys(KEYS),
    });
  }

  /** Show the page and connect, or ask for a token first. */
  start() {
    this.wire.connect();
  }

  // -- connection ------------------------------------------------------------------------------------------------------

  async #stateChanged(state, details) {
    document.documentElement.dataset.link = state;
    this.#sayState(state, details);
    if (state === "signedOut") return this.#askToken(details.reason);
    if (state === "open") {
      if (!this.frameElement.isConnected) fill(document.body, this.frameElement, this.toast, this.told);
      this.#opened();
    } else if (state === "waiting" && this.attachment?.attached) this.attachment.lost();
    else this.#show();
  }

  #sayState(state, { reason = "" }) {
    const words = { connecting: "Connecting…", open: "Live", waiting: "Connection lost. Trying again…", closed: "Signed out", signedOut: "Signed out" };
    say(this.link, words[state]);
    this.link.dataset.state = state;
    this.link.title = reason;
  }

  /** Whether this sign-in may do what needs this scope; a server that says nothing of scopes allows all. */
  #may(scope) {
    return this.wire.scopes === null || this.wire.scopes.includes(scope);
  }

  async #opened() {
    this.frameElement.classList.toggle("only-looks", !this.#may("write"));
    this.catalogue.load();
    if (this.attachment !== null) this.attachment.attach();
    else this.#route();
    session.read().then(({ signIn }) => (this.signOutButton.hidden = signIn === "none"), () => {});
    try {
      for (const each of (await this.wire.request("threadcast/presence/list", {})).data) this.catalogue.attached(each);
    } catch {
      // A server that does not tell who is attached.
    }
  }

  #askToken(reason) {
    if (document.querySelector(".sign-in") !== null) return;
    const signIn = async (token, remember) => {
      await session.signIn(token, remember);
      fill(document.body);
      this.wire.connect();
    };
    fill(document.body, signInView(signIn, this.signedIn ? reason : null));
    this.signedIn = true;
  }

  async signOut() {
    this.wire.close();
    await session.signOut().catch(() => {});
    location.hash = "";
    location.reload();
  }

  // -- what is heard ---------------------------------------------------------------------------------------------------

  #heard(message) {
    const { method, params } = message;
    if (TO_EVERYBODY.has(method)) this.catalogue.apply(message);
    if (params?.threadId !== undefined && params.threadId === this.attachment?.id) {
      this.attachment.apply(message);
      this.#sayAloud(message);
    } else if (method === "warning" && !params.threadId) this.#toast(params.message);
    else if (method === "configWarning") this.#toast(params.summary);
  }

  #asked(question) {
    if (question.params.threadId !== this.attachment?.id) return;
    this.attachment.ask(question);
    say(this.told, "Your answer is needed.");
  }

  #sayAloud({ method, params }) {
    if (method === "turn/completed") say(this.told, { completed: "The turn has ended.", failed: "The turn failed.", interrupted: "The turn was stopped." }[params.turn.status] ?? "");
    if (method === "turn/started") say(this.told, "A turn has begun.");
  }

  // -- the open thread -------------------------------------------------------------------------------------------------

  #route() {
    const id = /^#\/thread\/([0-9a-f-]{36})$/.exec(location.hash)?.[1] ?? null;
    if (id === (this.attachment?.id ?? null)) return;
    this.attachment?.leave();
    this.view?.close();
    [this.attachment, this.view] = [null, null];
    this.#drawer(false);
    if (id === null) fill(this.main, this.#nothingOpen());
    else this.#open(id);
    this.#show();
  }

  #open(id) {
    const attachment = new Attachment({ wire: this.wire, threadId: id, onChange: (whole) => { this.whole ||= whole; this.#show(); } });
    this.attachment = attachment;
    this.view = new ThreadView(attachment, {
      answer: (question, result) => this.wire.answer(question.id, result),
      interrupt: () => attachment.interrupt().catch((error) => this.#toast(error.message)),
      rename: () => this.rename(),
      fork: () => this.fork(),
      archive: () => this.archive(),
      openDrawer: () => this.#drawer(true),
      toggleUsage: () => this.#toggleUsage(),
    });
    fill(this.main, this.view.element, this.view.aside);
    if (this.wire.state === "open") attachment.attach();
  }

  #step(by) {
    const id = this.list.beside(by);
    if (id === null) return;
    location.hash = `#/thread/${id}`;
    this.list.rows.reveal(id);
  }

  async create() {
    if (!this.#may("write")) return;
    const models = await this.wire.request("model/list").then(({ data }) => data, () => []);
    const cwd = this.attachment?.thread.settings?.cwd ?? this.catalogue.threads[0]?.cwd ?? "/";
    const asked = await askForThread({ cwd, models, mayLoosen: this.#may("admin") });
    if (asked === null) return;
    const given = Object.fromEntries(Object.entries(asked).filter(([, value]) => value !== ""));
    await this.#do(async () => this.#go((await this.wire.request("thread/start", given)).thread));
    this.view?.composer.focus();
  }

  async fork() {
    await this.#do(async () => {
      const { thread } = await this.wire.request("thread/fork", { threadId: this.attachment.id, excludeTurns: true });
      this.#go(thread);
      this.#toast("This is the fork; the other thread stays as it is.");
    });
  }

  #go(thread) {
    this.catalogue.apply({ method: "thread/started", params: { thread } });
    location.hash = `#/thread/${thread.id}`;
    this.#route();
  }

  async rename() {
    const name = await askForName(title(this.attachment.thread.head));
    if (name !== null) await this.#do(() => this.wire.request("thread/name/set", { threadId: this.attachment.id, name }));
  }

  async archive() {
    const threadId = this.attachment.id;
    await this.#do(async () => {
      await this.wire.request("thread/archive", { threadId });
      location.hash = "";
      this.#toast("Archived.", "Undo", () => this.#do(async () => {
        await this.wire.request("thread/unarchive", { threadId });
        location.hash = `#/thread/${threadId}`;
      }));
    });
  }

  async #do(action) {
    try {
      await action();
    } catch (error) {
      this.#toast(error.message);
    }
  }

  // -- showing ---------------------------------------------------------------------------------------------------------

  /** Everything is brought up to date once in a frame, however much was heard. */
  #show() {
    if (this.frame === 0) this.frame = requestAnimationFrame(() => this.#paint());
  }

  #listChanged() {
    this.listIsOld = true;
    this.#show();
  }

  #paint() {
    this.frame = 0;
    const { attachment, view, catalogue } = this;
    if (this.listIsOld || this.list.open !== (attachment?.id ?? null)) this.list.show(catalogue, attachment?.id ?? null);
    this.listIsOld = false;
    if (view === null) {
      document.title = "Threadcast";
      return;
    }
    const row = catalogue.find(attachment.id) ?? null;
    const people = catalogue.present.get(attachment.id) ?? [];
    view.show({ whole: this.whole, row, connected: this.wire.state === "open", scopes: this.wire.scopes, people });
    this.whole = false;
    const head = attachment.thread.head ?? row;
    const waits = attachment.thread.questions.size ? "● " : "";
    if (head) document.title = `${waits}${title(head)} · Threadcast`;
    if (document.visibilityState === "visible" && attachment.thread.running === null) attachment.markRead();
  }

  #drawer(open) {
    this.frameElement.classList.toggle("drawer-open", open);
    if (open) this.list.close.focus({ preventScroll: true }); // not the search: on a phone that brings up the keyboard
  }

  #toggleUsage() {
    const hidden = this.frameElement.classList.toggle(innerWidth > 1180 ? "usage-closed" : "usage-open");
    if (this.view) aria(this.view.meter.element, "expanded", innerWidth > 1180 ? !hidden : hidden);
  }

  #toast(text, action = null, does = null) {
    clearTimeout(this.toastTimer);
    const button = action ? h("button", { type: "button", class: "button quiet", onClick: () => { this.toast.hidden = true; does(); } }, action) : null;
    fill(this.toast, h("span", {}, text), button);
    this.toast.hidden = false;
    this.toastTimer = setTimeout(() => (this.toast.hidden = true), 6000);
  }
}

function toggleTheme() {
  const root = document.documentElement;
  const dark = root.dataset.theme ? root.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
  root.dataset.theme = dark ? "light" : "dark";
  try {
    localStorage.setItem("threadcast.theme", root.dataset.theme);
  } catch {
    // Not kept then.
  }
}

new Page().start();
