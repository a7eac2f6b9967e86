// One thread followed over the wire: attach, come back without a gap, older pages, input that arrives once. No DOM.

import { Thread } from "./thread.js";

const FIRST_TURNS = 8;
const MORE_TURNS = 25;

/** Follows a thread. `onChange(whole)` after each change; `whole`: it was loaded anew. */
export class Attachment {
  #wire;
  #loading = null;
  #ended = false;

  constructor({ wire, threadId, onChange }) {
    this.#wire = wire;
    this.thread = new Thread(threadId);
    this.onChange = onChange;
    this.attached = false;
    this.failure = null;
    this.pending = [];
  }

  get id() {
    return this.thread.id;
  }

  /** Attach, or after a break go on where it was. */
  async attach() {
    this.attached = false;
    const { position } = this.thread;
    const asked = {
      threadId: this.id,
      excludeTurns: true,
      initialTurnsPage: { limit: FIRST_TURNS, sortDirection: "desc", itemsView: "full" },
    };
    if (position !== null) asked.sinceSequence = position;
    let whole;
    try {
      const reply = await this.#wire.request("thread/resume", asked);
      if (this.#ended) return;
      whole = this.thread.load(reply);
    } catch (error) {
      if (!error.lost && !this.#ended) {
        this.failure = error.message;
        this.onChange(true);
      }
      return;
    }
    this.attached = true;
    this.failure = null;
    this.onChange(whole);
    this.#readUsage();
    this.#readState();
    for (const input of this.pending) if (!input.failure) this.#send(input);
  }

  /** The whole of it anew: it was cut short. */
  reload() {
    this.thread.position = null;
    return this.attach();
  }

  /** Stop following. */
  async leave() {
    this.#ended = true;
    if (this.attached) await this.#wire.request("thread/unsubscribe", { threadId: this.id }).catch(() => {});
  }

  /** The connection is gone. */
  lost() {
    this.attached = false;
    this.onChange(false);
  }

  /** Take a notification about this thread. */
  apply(message) {
    if (message.method === "thread/reverted") {
      this.reload();
      return;
    }
    if (!this.thread.apply(message)) return;
    const { item } = message.params;
    if (item?.clientId) this.pending = this.pending.filter(({ id }) => id !== item.clientId);
    if (message.method === "turn/completed") this.#turnEnded(message.params.turn);
    this.onChange(false);
  }

  /** Take a question about this thread. */
  ask(question) {
    this.thread.ask(question);
    this.onChange(false);
  }

  /** The page before the first turn that is there. Loads one at a time. */
  older() {
    const cursor = this.thread.older;
    if (cursor === null || !this.attached) return Promise.resolve(false);
    this.#loading ??= this.#page(cursor).finally(() => (this.#loading = null));
    return this.#loading;
  }

  async #page(cursor) {
    const asked = { threadId: this.id, cursor, limit: MORE_TURNS, sortDirection: "desc", itemsView: "full" };
    try {
      const page = await this.#wire.request("thread/turns/list", asked);
      if (this.#ended || this.thread.older !== cursor) return false;
      this.thread.prepend(page);
      this.onChange(false);
      return true;
    } catch {
      return false;
    }
  }

  /** All pages up to the beginning. */
  async everything() {
    while (await this.older());
  }

  async #readUsage() {
    try {
      this.thread.loadUsage(await this.#wire.request("threadcast/usage/read", { threadId: this.id }));
      this.onChange(false);
    } catch {
      // Without it the chart begins with the next turn.
    }
  }

  async #readState() {
    try {
      this.thread.readState = (await this.#wire.request("thread/read", { threadId: this.id })).readState;
      this.onChange(false);
    } catch {
      // Nothing to mark then.
    }
  }

  /** Somebody has looked at the end of the thread. */
  async markRead() {
    const state = this.thread.readState;
    if (!state?.firstUnread || !this.attached) return;
    this.thread.readState = null;
    const asked = { threadId: this.id, expectedRevision: state.revision, operation: { type: "read" } };
    await this.#wire.request("thread/readState/update", asked).then(
      ({ readState }) => (this.thread.readState = readState),
      (error) => (this.thread.readState = error.data?.readState ?? null),
    );
  }

  /** Say something: a new turn, or more for the running one. It is sent again after a break, and taken once. */
  say(text) {
    const input = { id: newId(), text, taken: false, failure: null };
    this.pending = [...this.pending, input];
    this.onChange(false);
    if (this.attached) this.#send(input);
  }

  async #send(input) {
    const told = { threadId: this.id, clientUserMessageId: input.id, input: [{ type: "text", text: input.text, text_elements: [] }] };
    const { running } = this.thread;
    try {
      if (running === null) await this.#wire.request("turn/start", told);
      else await this.#steer(told, running.id);
      this.#mark((each) => each.id === input.id, { taken: true });
    } catch (error) {
      if (!error.lost) this.#mark((each) => each.id === input.id, { failure: error.message });
    }
  }

  #mark(which, change) {
    this.pending = this.pending.map((each) => (which(each) ? { ...each, ...change } : each));
    this.onChange(false);
  }

  /** What the server has taken and no turn has shown: a stopped turn forgets it, any other keeps it for the model. */
  #turnEnded({ status }) {
    if (status === "interrupted") this.#mark((each) => each.taken, { failure: "The turn was stopped before it came to this." });
    else this.pending = this.pending.filter((each) => !each.taken);
  }

  async #steer(told, turnId) {
    try {
      await this.#wire.request("turn/steer", { ...told, expectedTurnId: turnId });
    } catch (error) {
      if (error.lost) throw error;
      await this.#wire.request("turn/start", told); // that turn has ended, or takes no input
    }
  }

  /** Take back what could not be sent; returns its text. */
  takeBack(id) {
    const input = this.pending.find((each) => each.id === id);
    this.pending = this.pending.filter((each) => each.id !== id);
    this.onChange(false);
    return input?.text ?? "";
  }

  /** Stop the running turn. */
  interrupt() {
    const { running } = this.thread;
    if (running === null) return Promise.resolve();
    return this.#wire.request("turn/interrupt", { threadId: this.id, turnId: running.id });
  }
}

function newId() {
  const bytes = crypto.getRandomValues(new Uint8Array(16)); // randomUUID is for https and loopback only
  return [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}
