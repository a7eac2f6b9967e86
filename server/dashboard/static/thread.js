// One thread as this page knows it: turns and items folded into rows, from pages and notifications. Pure: no DOM.

import { Usage } from "./usage.js";

/** More text of an item, by the notification that brings it: where it goes. */
const TEXTS = {
  "item/agentMessage/delta": (item, told) => (item.text = (item.text ?? "") + told.delta),
  "item/plan/delta": (item, told) => (item.text = (item.text ?? "") + told.delta),
  "item/reasoning/summaryTextDelta": (item, told) => grow((item.summary ??= []), told.summaryIndex, told.delta),
  "item/reasoning/textDelta": (item, told) => grow((item.content ??= []), told.contentIndex, told.delta),
  "item/reasoning/summaryPartAdded": (item, told) => grow((item.summary ??= []), told.summaryIndex, ""),
  "item/commandExecution/outputDelta": (item, told) => (item.aggregatedOutput = (item.aggregatedOutput ?? "") + told.delta),
  "item/commandExecution/terminalInteraction": (item, told) => (item.typed = (item.typed ?? "") + told.stdin),
  "item/mcpToolCall/progress": (item, told) => (item.progress = told.message),
};

function grow(texts, index, more) {
  while (texts.length <= index) texts.push("");
  texts[index] += more;
}

/**
 * A thread. `rows` is what is shown, in order: `{key, kind, turnId, …}` where kind is "item" (with `item`), "todo",
 * "retry", "notice" or "end" (how the turn ended). `touched` names the rows that changed since `take()`.
 */
export class Thread {
  #byKey = new Map();
  #touched = new Set();
  #notices = 0;

  constructor(id) {
    this.id = id;
    this.rows = [];
    this.turns = new Map();
    this.questions = new Map();
    this.usage = new Usage();
    this.head = null;
    this.settings = null;
    this.older = null;
    this.readState = null;
    this.position = null;
  }

  /** The reply of a `thread/resume`. True if it brought the whole anew, false if only what was missed comes next. */
  load(reply) {
    const { turns: _turns, ...head } = reply.thread;
    this.head = head;
    const { thread: _thread, initialTurnsPage: page, sequence, ...settings } = reply;
    this.settings = settings;
    this.questions.clear();
    if (sequence?.complete) return false;
    this.position = sequence ? { epoch: sequence.epoch, number: sequence.number } : null;
    this.rows = [];
    this.turns.clear();
    this.#byKey.clear();
    this.#touched.clear();
    this.usage = new Usage();
    this.older = page?.nextCursor ?? null;
    this.rows = this.#rowsOf((page?.data ?? []).toReversed());
    return true;
  }

  /** A page of older turns, newest first, as `thread/turns/list` gives them. */
  prepend({ data, nextCursor }) {
    this.older = nextCursor;
    this.rows = this.#rowsOf(data.toReversed().filter((turn) => !this.turns.has(turn.id))).concat(this.rows);
  }

  #rowsOf(turns) {
    const rows = [];
    for (const { items, ...turn } of turns) {
      this.turns.set(turn.id, turn);
      for (const item of items) rows.push(this.#row("item", `${turn.id}/${item.id}`, turn.id, { item }));
      if (turn.status !== "inProgress") rows.push(this.#row("end", `end/${turn.id}`, turn.id, { turn }));
    }
    return rows;
  }

  #row(kind, key, turnId, more) {
    const row = { kind, key, turnId, ...more };
    this.#byKey.set(key, row);
    return row;
  }

  /** The reply of `threadcast/usage/read`. */
  loadUsage(reply) {
    this.usage.load(reply);
    for (const { kind, key } of this.rows) if (kind === "end") this.#touched.add(key);
  }

  /** The turn that runs, or null. */
  get running() {
    for (const turn of [...this.turns.values()].reverse()) if (turn.status === "inProgress") return turn;
    return null;
  }

  /** An item by turn and id. */
  item(turnId, itemId) {
    return this.#byKey.get(`${turnId}/${itemId}`)?.item ?? null;
  }

  /** The rows that changed since the last call, as keys. */
  take() {
    const touched = this.#touched;
    this.#touched = new Set();
    return touched;
  }

  /** A question to the clients of this thread. */
  ask(question) {
    this.questions.set(question.id, question);
    this.#touched.add(`${question.params.turnId}/${question.params.itemId}`);
  }

  /** Take a notification. False if it was seen before: then nothing has changed. */
  apply({ method, params, sequence }) {
    if (this.head === null) return false; // what is announced to everybody may come before the reply
    if (sequence && !this.#isNew(sequence)) return false;
    const text = TEXTS[method];
    if (text !== undefined) this.#grow(text, params);
    else this.#folds[method]?.(params);
    return true;
  }

  #isNew({ epoch, number }) {
    const seen = this.position;
    if (seen !== null && seen.epoch === epoch && number <= seen.number) return false;
    this.position = { epoch, number };
    return true;
  }

  #grow(text, told) {
    const key = `${told.turnId}/${told.itemId}`;
    const row = this.#byKey.get(key);
    if (row === undefined) return;
    text(row.item, told);
    this.#touched.add(key);
  }

  #put(kind, key, turnId, more) {
    const row = this.#byKey.get(key);
    if (row === undefined) this.rows.push(this.#row(kind, key, turnId, more));
    else Object.assign(row, more);
    this.#touched.add(key);
  }

  #remove(key) {
    if (!this.#byKey.delete(key)) return;
    this.rows = this.rows.filter((row) => row.key !== key);
  }

  #itemTold = ({ turnId, item }) => {
    const known = this.item(turnId, item.id);
    this.#put("item", `${turnId}/${item.id}`, turnId, { item: known?.typed ? { ...item, typed: known.typed } : item });
  };

  #turnBegan = ({ turn: { items: _items, ...turn } }) => {
    this.turns.set(turn.id, turn);
  };

  #turnEnded = ({ turn: { items: _items, ...turn } }) => {
    this.turns.set(turn.id, { ...this.turns.get(turn.id), ...turn });
    this.#remove(`retry/${turn.id}`);
    this.#put("end", `end/${turn.id}`, turn.id, { turn: this.turns.get(turn.id) });
  };

  #failed = ({ turnId, error, willRetry }) => {
    if (willRetry) this.#put("retry", `retry/${turnId}`, turnId, { error });
  };

  #warned = ({ message }) => {
    this.#put("notice", `notice/${++this.#notices}`, null, { message });
  };

  #resolved = ({ requestId }) => {
    const question = this.questions.get(requestId);
    if (question === undefined) return;
    this.questions.delete(requestId);
    this.#touched.add(`${question.params.turnId}/${question.params.itemId}`);
  };

  #folds = {
    "item/started": this.#itemTold,
    "item/completed": this.#itemTold,
    "turn/started": this.#turnBegan,
    "turn/completed": this.#turnEnded,
    "turn/plan/updated": ({ turnId, plan, explanation }) =>
      this.#put("todo", `todo/${turnId}`, turnId, { plan, explanation }),
    "thread/tokenUsage/updated": (told) => {
      this.usage.apply(told);
      this.#touched.add(`end/${told.turnId}`);
    },
    "thread/status/changed": ({ status }) => (this.head.status = status),
    "thread/name/updated": ({ threadName }) => (this.head.name = threadName ?? null),
    "thread/settings/updated": ({ threadSettings }) => Object.assign(this.settings, threadSettings ?? {}),
    "thread/readState/changed": ({ readState }) => (this.readState = readState),
    "serverRequest/resolved": this.#resolved,
    error: this.#failed,
    warning: this.#warned,
  };
}
