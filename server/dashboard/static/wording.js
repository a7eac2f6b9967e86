// Numbers, times and names as people read them. Pure.

/** Tokens in three digits: 950, 12.4K, 258K, 1.2M. */
export function tokens(count) {
  if (count < 1000) return String(Math.round(count));
  if (count < 999_500) return `${short(count / 1000)}K`;
  return `${short(count / 1_000_000)}M`;
}

function short(number) {
  return number < 99.95 ? number.toFixed(1).replace(/\.0$/, "") : String(Math.round(number));
}

/** A span of milliseconds: 840 ms, 12 s, 3 min 5 s, 2 h 4 min. */
export function span(ms) {
  if (ms < 1000) return `${Math.round(ms)} ms`;
  const seconds = Math.round(ms / 1000);
  if (seconds < 60) return `${ms < 10_000 ? short(ms / 1000) : seconds} s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return join(minutes, "min", seconds % 60, "s");
  return join(Math.floor(minutes / 60), "h", minutes % 60, "min");
}

function join(large, unit, small, smaller) {
  return small ? `${large} ${unit} ${small} ${smaller}` : `${large} ${unit}`;
}

/** How long ago unix `seconds` were: now, 5 min, 3 h, 2 d, or the day. */
export function ago(seconds, nowMs = Date.now()) {
  if (!seconds) return "";
  const passed = Math.max(0, nowMs / 1000 - seconds);
  if (passed < 60) return "now";
  if (passed < 3600) return `${Math.floor(passed / 60)} min`;
  if (passed < 86_400) return `${Math.floor(passed / 3600)} h`;
  if (passed < 7 * 86_400) return `${Math.floor(passed / 86_400)} d`;
  const then = new Date(seconds * 1000);
  const year = then.getFullYear() === new Date(nowMs).getFullYear() ? undefined : "numeric";
  return then.toLocaleDateString("en", { day: "numeric", month: "short", year });
}

/** What a thread is called: its name, what was said first, or that nothing was. */
export function title(thread) {
  const said = (thread.name || thread.preview || "").trim().split("\n")[0];
  return said || "New thread";
}

/** The end of a path, with a little of what is before it. */
export function tail(path, parts = 2) {
  const all = (path || "").split("/").filter(Boolean);
  return all.length <= parts ? path || "" : `…/${all.slice(-parts).join("/")}`;
}

/** `count` things, in the right number. */
export function many(count, thing) {
  return `${count} ${thing}${count === 1 ? "" : "s"}`;
}
