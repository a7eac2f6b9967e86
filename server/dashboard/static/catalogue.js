// The threads that the list shows: pages of `thread/list`, kept right by what the server announces. No DOM.

const PAGE = 50;

/** Threads in the order in which they are shown. `onChange()` after each change. */
export class Catalogue {
  #request;
  #generation = 0;

  constructor({ request, onChange }) {
    this.#request = request;
    this.onChange = onChange;
    this.threads = [];
    this.tokens = new Map();
    this.unread = new Map();
    this.present = new Map();
    this.cursor = null;
    this.loading = false;
    this.failure = null;
    this.term = "";
    this.archived = false;
    this.counts = true;
    this.rows = [];
  }

  /** Begin anew, with this search and these threads. */
  async load({ term = this.term, archived = this.archived } = {}) {
    Object.assign(this, { term, archived, cursor: null });
    this.#generation += 1;
    await this.#page([]);
  }

  /** The next page, if there is one. */
  async more() {
    if (this.cursor !== null && !this.loading) await this.#page(this.threads);
  }

  async #page(before) {
    const generation = this.#generation;
    this.loading = true;
    const asked = { limit: PAGE, cursor: this.cursor, archived: this.archived, sortKey: "recency_at", searchTerm: this.term || null, modelProviders: [] };
    try {
      const page = await this.#request("thread/list", asked);
      if (generation !== this.#generation) return;
      const known = new Set(before.map(({ id }) => id));
      this.threads = [...before, ...page.data.filter(({ id }) => !known.has(id))];
      for (const [id, state] of Object.entries(page.readStates ?? {})) this.unread.set(id, state.firstUnread !== null);
      this.cursor = page.nextCursor;
      this.failure = null;
      this.#count(page.data.map(({ id }) => id));
    } catch (error) {
      if (generation === this.#generation && !error.lost) this.failure = error.message;
    } finally {
      if (generation === this.#generation) {
        this.loading = false;
        this.#changed();
      }
    }
  }

  async #count(ids) {
    if (!this.counts || ids.length === 0) return;
    try {
      const { usage } = await this.#request("threadcast/usage/list", { threadIds: ids });
      for (const [id, spent] of Object.entries(usage)) this.tokens.set(id, spent.total.totalTokens);
      this.#changed();
    } catch (error) {
      if (!error.lost) this.counts = false; // an older server; the list does without
    }
  }

  /** A thread of the list, or undefined. */
  find(id) {
    return this.threads.find((thread) => thread.id === id);
  }

  #changed() {
    this.rows = this.threads.map((thread) => ({ key: thread.id, thread }));
    this.onChange();
  }

  /** Take a notification. */
  apply({ method, params }) {
    this.#folds[method]?.(params);
  }

  /** Who is attached: `clients` of a thread. */
  attached({ threadId, clients }) {
    if (clients.length) this.present.set(threadId, clients);
    else this.present.delete(threadId);
    this.#changed();
  }

  #update(id, change) {
    const known = this.find(id);
    if (known === undefined) return;
    this.threads = this.threads.map((thread) => (thread.id === id ? { ...thread, ...change } : thread));
    this.#changed();
  }

  #remove(id) {
    if (this.find(id) === undefined) return;
    this.threads = this.threads.filter((thread) => thread.id !== id);
    this.#changed();
  }

  #toTop(thread) {
    if (thread.ephemeral) return; // such a thread is in no list
    this.threads = [thread, ...this.threads.filter(({ id }) => id !== thread.id)];
    this.#changed();
  }

  /** What was announced may have changed more than it says. */
  async #refresh(id) {
    try {
      const { thread, readState } = await this.#request("thread/read", { threadId: id });
      if (readState) this.unread.set(id, readState.firstUnread !== null);
      if (this.find(id) !== undefined) this.#update(id, thread);
      else if (!this.archived && this.term === "") this.#toTop(thread);
      this.#count([id]);
    } catch {
      // It is gone, or the connection is; then the list is loaded again.
    }
  }

  #statusChanged({ threadId, status }) {
    const before = this.find(threadId);
    this.#update(threadId, { status });
    if (status.type === "active" && before?.status.type !== "active") {
      if (before !== undefined && this.term === "" && !this.archived) this.#toTop({ ...before, status, recencyAt: Math.floor(Date.now() / 1000) });
      if (before === undefined) this.#refresh(threadId);
    } else if (before?.status.type === "active" && status.type !== "active") this.#refresh(threadId);
  }

  #folds = {
    "thread/started": ({ thread }) => {
      if (!this.archived && this.term === "") this.#toTop(thread);
    },
    "thread/status/changed": (told) => this.#statusChanged(told),
    "thread/name/updated": ({ threadId, threadName }) => this.#update(threadId, { name: threadName ?? null }),
    "thread/archived": ({ threadId }) => (this.archived ? this.#refreshList() : this.#remove(threadId)),
    "thread/unarchived": ({ threadId }) => (this.archived ? this.#remove(threadId) : this.#refresh(threadId)),
    "thread/deleted": ({ threadId }) => this.#remove(threadId),
    "thread/closed": ({ threadId }) => this.#update(threadId, { status: { type: "notLoaded" } }),
    "thread/reverted": ({ threadId }) => this.#refresh(threadId),
    "thread/tokenUsage/updated": ({ threadId, tokenUsage }) => {
      this.tokens.set(threadId, tokenUsage.total.totalTokens);
      this.#changed();
    },
    "thread/readState/changed": ({ threadId, readState }) => {
      this.unread.set(threadId, readState.firstUnread !== null);
      this.#changed();
    },
    "threadcast/presence/changed": (told) => this.attached(told),
  };

  #refreshList() {
    this.load();
  }
}
