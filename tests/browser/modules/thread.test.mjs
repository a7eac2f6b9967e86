// The fold of notifications into rows, by itself.
import assert from "node:assert/strict";
import test from "node:test";

import { Thread } from "../../../server/dashboard/static/thread.js";

const STATUS = { type: "idle" };
const message = (id, text) => ({ type: "agentMessage", id, text });
const turn = (id, status, items) => ({ id, status, items });

function loaded({ turns = [], sequence = { epoch: "e", number: 5, complete: false }, nextCursor = null } = {}) {
  const thread = new Thread("t");
  assert.equal(thread.load(reply(turns, sequence, nextCursor)), true);
  return thread;
}

function reply(turns, sequence, nextCursor = null) {
  return { thread: { id: "t", status: STATUS, turns: [] }, cwd: "/", initialTurnsPage: { data: turns, nextCursor }, sequence };
}

function told(method, params, number) {
  return { method, params: { threadId: "t", turnId: "a", ...params }, sequence: { epoch: "e", number } };
}

const texts = (thread) => thread.rows.filter(({ kind }) => kind === "item").map(({ item }) => item.text);

test("a page of turns comes newest first and is shown oldest first", () => {
  const thread = loaded({ turns: [turn("b", "completed", [message("2", "two")]), turn("a", "completed", [message("1", "one")])] });
  assert.deepEqual(thread.rows.map(({ key }) => key), ["a/1", "end/a", "b/2", "end/b"]);
});

test("the text so far grows by what comes, and not by what was seen", () => {
  const thread = loaded({ turns: [turn("a", "inProgress", [message("1", "one")])] });
  const delta = (text, number) => told("item/agentMessage/delta", { itemId: "1", delta: text }, number);
  assert.equal(thread.apply(delta(" two", 6)), true);
  assert.equal(thread.apply(delta(" two", 6)), false);
  assert.equal(thread.apply(delta("one", 5)), false);
  assert.equal(thread.apply(delta(" three", 9)), true);
  assert.deepEqual(texts(thread), ["one two three"]);
  assert.deepEqual(thread.position, { epoch: "e", number: 9 });
});

test("coming back keeps what is there, and whole replies replace it", () => {
  const thread = loaded({ turns: [turn("a", "inProgress", [message("1", "one")])] });
  assert.equal(thread.load(reply([], { epoch: "e", number: 8, complete: true })), false);
  assert.deepEqual(thread.position, { epoch: "e", number: 5 }, "what was missed has greater numbers than this");
  assert.equal(thread.apply(told("item/agentMessage/delta", { itemId: "1", delta: "!" }, 6)), true);
  assert.deepEqual(texts(thread), ["one!"]);
  assert.equal(thread.load(reply([turn("a", "completed", [message("7", "other")])], { epoch: "f", number: 1, complete: false })), true);
  assert.deepEqual(texts(thread), ["other"]);
});

test("reasoning, commands and plans grow in their own ways", () => {
  const thread = loaded();
  const item = (type, id, more = {}) => told("item/started", { item: { type, id, ...more } });
  let number = 5;
  const apply = (each) => thread.apply({ ...each, sequence: { epoch: "e", number: ++number } });
  apply(told("turn/started", { turn: turn("a", "inProgress", []) }));
  apply(item("reasoning", "r", { summary: [], content: [] }));
  apply(told("item/reasoning/summaryPartAdded", { itemId: "r", summaryIndex: 0 }));
  apply(told("item/reasoning/summaryTextDelta", { itemId: "r", summaryIndex: 0, delta: "th" }));
  apply(told("item/reasoning/summaryTextDelta", { itemId: "r", summaryIndex: 0, delta: "ink" }));
  apply(told("item/reasoning/summaryTextDelta", { itemId: "r", summaryIndex: 1, delta: "more" }));
  apply(item("commandExecution", "c", { aggregatedOutput: null }));
  apply(told("item/commandExecution/outputDelta", { itemId: "c", delta: "a\n" }));
  apply(told("item/commandExecution/outputDelta", { itemId: "c", delta: "b\n" }));
  apply(told("turn/plan/updated", { plan: [{ step: "x", status: "pending" }] }));
  apply(told("turn/plan/updated", { plan: [{ step: "x", status: "completed" }] }));
  assert.deepEqual(thread.item("a", "r").summary, ["think", "more"]);
  assert.equal(thread.item("a", "c").aggregatedOutput, "a\nb\n");
  assert.equal(thread.rows.filter(({ kind }) => kind === "todo").length, 1);
  assert.equal(thread.running.id, "a");
  apply(told("turn/completed", { turn: { ...turn("a", "failed", []), error: { message: "no" } } }));
  assert.equal(thread.running, null);
  assert.equal(thread.rows.at(-1).turn.error.message, "no");
});

test("a question is open until it is resolved", () => {
  const thread = loaded();
  thread.ask({ id: 3, method: "item/fileChange/requestApproval", params: { threadId: "t", turnId: "a", itemId: "1" } });
  assert.equal(thread.questions.size, 1);
  thread.apply(told("serverRequest/resolved", { requestId: 3 }, 6));
  assert.equal(thread.questions.size, 0);
});

test("older pages go in front, each turn once", () => {
  const thread = loaded({ turns: [turn("c", "completed", [message("3", "three")])], nextCursor: "more" });
  thread.prepend({ data: [turn("c", "completed", []), turn("b", "completed", [message("2", "two")])], nextCursor: null });
  assert.deepEqual(texts(thread), ["two", "three"]);
  assert.equal(thread.older, null);
});

test("what is announced before the reply changes nothing", () => {
  const thread = new Thread("t");
  assert.equal(thread.apply({ method: "thread/status/changed", params: { threadId: "t", status: STATUS } }), false);
});
