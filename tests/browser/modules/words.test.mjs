// Usage, Markdown, diffs and words, by themselves.
import assert from "node:assert/strict";
import test from "node:test";

import { counts, lines } from "../../../server/dashboard/static/diff.js";
import { blocks, settled, spans } from "../../../server/dashboard/static/markdown.js";
import { parts, Usage } from "../../../server/dashboard/static/usage.js";
import { pause } from "../../../server/dashboard/static/wire.js";
import { ago, span, tokens } from "../../../server/dashboard/static/wording.js";

const spent = (input, cached, output, reasoning) => ({
  inputTokens: input,
  cachedInputTokens: cached,
  outputTokens: output,
  reasoningOutputTokens: reasoning,
  totalTokens: input + output,
});

test("a turn costs what the sum grew by while it ran", () => {
  const usage = new Usage();
  const update = (turnId, total) => usage.apply({ turnId, tokenUsage: { total, last: total, modelContextWindow: 1000 } });
  usage.load({ usage: { total: spent(100, 50, 10, 5), last: spent(100, 50, 10, 5), modelContextWindow: 1000 }, turns: [{ turnId: "a", usage: spent(100, 50, 10, 5) }] });
  update("a", spent(100, 50, 10, 5));
  assert.deepEqual([...usage.turns.values()], [spent(100, 50, 10, 5)], "a replay is nothing new");
  update("b", spent(150, 60, 20, 5));
  update("b", spent(200, 70, 30, 9));
  assert.deepEqual(usage.turns.get("b"), spent(100, 20, 20, 4));
  assert.deepEqual(usage.context(), { used: 230, window: 1000, part: 0.23 });
  assert.deepEqual(parts(spent(100, 20, 20, 4)), { cached: 20, input: 80, output: 16, reasoning: 4 });
});

test("Markdown is taken apart, and what is none stays text", () => {
  const kinds = blocks("# A\n\ntext\nmore\n\n- one\n- two\n\n> said\n\n```js\ncode\n```\n\n---\n").map(({ kind }) => kind);
  assert.deepEqual(kinds, ["heading", "text", "list", "quote", "code", "rule"]);
  assert.deepEqual(spans("a `b` **c** https://x.example/d").map(({ kind }) => kind), ["text", "code", "text", "strong", "text", "link"]);
  assert.deepEqual(spans("[x](javascript:alert(1))"), [{ kind: "text", text: "[x](javascript:alert(1))" }]);
  assert.deepEqual(spans("snake_case and 2*3*4"), [{ kind: "text", text: "snake_case and 2*3*4" }]);
});

test("what is settled never becomes less, wherever a text is cut", () => {
  const text = "one\n\ntwo\n\n```\na\n\nb\n```\nthree\n\nfour";
  let border = 0;
  for (let end = 0; end <= text.length; end++) {
    const next = settled(text.slice(0, end), border);
    assert.ok(next >= border && next <= end);
    assert.equal(next, settled(text.slice(0, end)));
    border = next;
  }
  assert.equal(text.slice(border), "four");
});

test("a diff is lines with numbers", () => {
  const change = { kind: { type: "update" }, diff: "@@ -3,2 +3,3 @@\n a\n-b\n+c\n+d\n" };
  assert.deepEqual(lines(change).map(({ kind, old, now }) => [kind, old, now]), [["place", null, null], ["same", 3, 3], ["remove", 4, null], ["add", null, 4], ["add", null, 5]]);
  assert.deepEqual(counts(change), { added: 2, removed: 1 });
  assert.deepEqual(counts({ kind: { type: "add" }, diff: "one\ntwo\n" }), { added: 2, removed: 0 });
  assert.deepEqual(lines({ kind: { type: "update" }, diff: "@@ -1 +1 @@\n--- x\n+++ y\n" }).map(({ text }) => text), ["@@ -1 +1 @@", "-- x", "++ y"]);
});

test("pauses grow, differ and have an end", () => {
  assert.equal(pause(0, () => 1), 250);
  assert.equal(pause(0, () => 0), 125);
  assert.ok(pause(3) > pause(0, () => 1));
  assert.equal(pause(99, () => 1), 15_000);
});

test("numbers are read as people say them", () => {
  assert.deepEqual([950, 1000, 12_440, 258_400, 1_250_000].map(tokens), ["950", "1K", "12.4K", "258K", "1.3M"]);
  assert.deepEqual([840, 3_200, 12_000, 185_000, 7_440_000].map(span), ["840 ms", "3.2 s", "12 s", "3 min 5 s", "2 h 4 min"]);
  assert.deepEqual([0, 100, 4_000, 90_000].map((passed) => ago(1_000_000 - passed, 1_000_000_000)), ["now", "1 min", "1 h", "1 d"]);
});
