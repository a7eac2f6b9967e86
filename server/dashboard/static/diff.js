// A change of a file as lines: unified diffs, and files that came or went as wholes. Pure.

/** Lines `{kind: "add" | "remove" | "same" | "place", text, old, now}` of one change; numbers are null where none count. */
export function lines({ kind, diff }) {
  if (kind.type !== "update") return whole(diff, kind.type === "add" ? "add" : "remove");
  const found = [];
  let [old, now] = [0, 0];
  for (const line of split(diff)) {
    const place = /^@@+ -(\d+)(?:,\d+)? \+(\d+)/.exec(line);
    if (place) {
      [old, now] = [Number(place[1]), Number(place[2])];
      found.push({ kind: "place", text: line, old: null, now: null });
    } else if (line.startsWith("\\") || (found.length === 0 && /^(\+\+\+|---)/.test(line))) continue;
    else if (line.startsWith("+")) found.push({ kind: "add", text: line.slice(1), old: null, now: now++ });
    else if (line.startsWith("-")) found.push({ kind: "remove", text: line.slice(1), old: old++, now: null });
    else found.push({ kind: "same", text: line.slice(1), old: old++, now: now++ });
  }
  return found;
}

function whole(text, kind) {
  return split(text).map((line, at) => ({
    kind,
    text: line,
    old: kind === "remove" ? at + 1 : null,
    now: kind === "add" ? at + 1 : null,
  }));
}

function split(text) {
  const found = text.split("\n");
  if (found.at(-1) === "") found.pop();
  return found;
}

/** How many lines a change adds and removes. */
export function counts(change) {
  const found = lines(change);
  const of = (kind) => found.filter((line) => line.kind === kind).length;
  return { added: of("add"), removed: of("remove") };
}
