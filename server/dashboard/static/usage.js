// Token usage of a thread: how full the window is, and what each turn cost. A fold; pure.

const PARTS = ["inputTokens", "cachedInputTokens", "outputTokens", "reasoningOutputTokens", "totalTokens"];
const NOTHING = Object.fromEntries(PARTS.map((part) => [part, 0]));

/** What a thread has used. `turns`: turn id → counters, in the order of the turns. */
export class Usage {
  constructor() {
    this.total = NOTHING;
    this.last = null;
    this.window = null;
    this.turns = new Map();
    this.known = false;
  }

  /** The reply of `threadcast/usage/read`: all that the rollout says. */
  load({ usage, turns }) {
    this.turns = new Map(turns.map(({ turnId, usage: spent }) => [turnId, spent]));
    this.known = true;
    if (usage) this.#now(usage);
  }

  /** A `thread/tokenUsage/updated`, replayed or live: what is more than before was spent by its turn. */
  apply({ turnId, tokenUsage }) {
    if (this.known) {
      const spent = minus(tokenUsage.total, this.total);
      if (spent.totalTokens > 0) this.turns.set(turnId, plus(this.turns.get(turnId) ?? NOTHING, spent));
    }
    this.#now(tokenUsage);
  }

  #now({ total, last, modelContextWindow }) {
    this.total = total;
    this.last = last;
    this.window = modelContextWindow;
  }

  /** Tokens in the model's context, and the part of its window that they fill (0 to 1, null if unknown). */
  context() {
    const used = this.last?.totalTokens ?? 0;
    return { used, window: this.window, part: this.window ? Math.min(1, used / this.window) : null };
  }
}

/** The four parts of a bar, from the bottom: input counts what was cached, output counts what was reasoned. */
export function parts(spent) {
  const cached = Math.min(spent.cachedInputTokens, spent.inputTokens);
  const reasoning = Math.min(spent.reasoningOutputTokens, spent.outputTokens);
  return { cached, input: spent.inputTokens - cached, output: spent.outputTokens - reasoning, reasoning };
}

function plus(one, other) {
  return Object.fromEntries(PARTS.map((part) => [part, one[part] + other[part]]));
}

function minus(one, other) {
  return Object.fromEntries(PARTS.map((part) => [part, Math.max(0, one[part] - other[part])]));
}
