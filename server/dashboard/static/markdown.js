// The little Markdown that models write, as blocks and spans; what is not understood stays text. Pure: no DOM.

const FENCE = /^\s{0,3}(```+|~~~+)\s*([\w+#.-]*)/;
const HEADING = /^(#{1,6})\s+(.*)$/;
const BULLET = /^(\s*)([-*+]|\d{1,9}[.)])\s+(.*)$/;
const RULE = /^\s{0,3}([-*_])(\s*\1){2,}\s*$/;
const SPAN = /(`+)([^`]+)\1|\*\*([^*]+)\*\*|(?<![\w*])\*([^*\s][^*]*)\*(?![\w*])|\[([^\]\n]{1,300})\]\((https?:\/\/[^\s)]{1,2000})\)|(https?:\/\/[^\s<>"'`)\]]{1,2000})/g;

/**
 * Where the last block of a growing text begins: all before it stays as it is, whatever comes. `from`: an earlier
 * answer for a shorter text, so that what is settled is not looked at again.
 */
export function settled(text, from = 0) {
  let end = from;
  let at = from;
  let fence = null;
  while (at < text.length) {
    const next = text.indexOf("\n", at);
    if (next < 0) break;
    const line = text.slice(at, next);
    const mark = FENCE.exec(line)?.[1];
    if (fence !== null) {
      if (mark && mark.startsWith(fence) && line.trim() === mark) {
        fence = null;
        end = next + 1;
      }
    } else if (mark) fence = mark;
    else if (line.trim() === "") end = next + 1;
    at = next + 1;
  }
  return end;
}

/** The blocks of a text: `{kind: "text" | "heading" | "code" | "list" | "quote" | "rule", …}`. */
export function blocks(text) {
  const lines = text.split("\n");
  const found = [];
  let at = 0;
  while (at < lines.length) {
    const line = lines[at];
    const fence = FENCE.exec(line);
    if (line.trim() === "") at += 1;
    else if (fence) at = code(lines, at, fence, found);
    else if (HEADING.test(line)) {
      const [, marks, words] = HEADING.exec(line);
      found.push({ kind: "heading", level: marks.length, text: words.replace(/\s+#+\s*$/, "") });
      at += 1;
    } else if (RULE.test(line)) {
      found.push({ kind: "rule" });
      at += 1;
    } else if (BULLET.test(line)) at = list(lines, at, found);
    else if (line.startsWith(">")) at = quote(lines, at, found);
    else at = paragraph(lines, at, found);
  }
  return found;
}

function code(lines, begin, [, mark, language], found) {
  let at = begin + 1;
  while (at < lines.length && !(lines[at].trim().startsWith(mark) && lines[at].trim().replaceAll(mark[0], "") === "")) at++;
  found.push({ kind: "code", language, text: lines.slice(begin + 1, at).join("\n") });
  return at + 1;
}

function list(lines, begin, found) {
  const ordered = /^\d/.test(BULLET.exec(lines[begin])[2]);
  const items = [];
  let at = begin;
  for (; at < lines.length; at++) {
    const bullet = BULLET.exec(lines[at]);
    if (bullet) items.push({ depth: Math.min(4, Math.floor(bullet[1].replaceAll("\t", "  ").length / 2)), text: bullet[3] });
    else if (lines[at].trim() === "" || !/^\s/.test(lines[at])) break;
    else items.at(-1).text += `\n${lines[at].trim()}`;
  }
  found.push({ kind: "list", ordered, start: ordered ? parseInt(BULLET.exec(lines[begin])[2], 10) : 1, items });
  return at;
}

function quote(lines, begin, found) {
  let at = begin;
  const inside = [];
  while (at < lines.length && lines[at].startsWith(">")) inside.push(lines[at++].replace(/^> ?/, ""));
  found.push({ kind: "quote", text: inside.join("\n") });
  return at;
}

function paragraph(lines, begin, found) {
  let at = begin + 1;
  const ends = (line) => line.trim() === "" || FENCE.test(line) || HEADING.test(line) || BULLET.test(line) || line.startsWith(">");
  while (at < lines.length && !ends(lines[at])) at++;
  found.push({ kind: "text", text: lines.slice(begin, at).join("\n") });
  return at;
}

/** The spans of a line of text: `{kind: "text" | "code" | "strong" | "em" | "link", text, href?}`. */
export function spans(text) {
  const found = [];
  let at = 0;
  for (const match of text.matchAll(SPAN)) {
    if (match.index > at) found.push({ kind: "text", text: text.slice(at, match.index) });
    found.push(span(match));
    at = match.index + match[0].length;
  }
  if (at < text.length) found.push({ kind: "text", text: text.slice(at) });
  return found;
}

function span([whole, ticks, coded, strong, em, label, href]) {
  if (ticks) return { kind: "code", text: coded };
  if (strong) return { kind: "strong", text: strong };
  if (em) return { kind: "em", text: em };
  if (label) return { kind: "link", text: label, href };
  return { kind: "link", text: whole, href: whole };
}
