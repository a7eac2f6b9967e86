// Markdown on the page: blocks become elements, and a text that grows keeps the elements of what is settled.

import { h } from "./elements.js";
import { blocks, settled, spans } from "./markdown.js";

const PLAIN_TAIL = 3000; // a block that is longer than this while it grows is shown as it comes, and formed at its end
const PART = 4000; // and in parts, for a browser breaks a whole paragraph into lines again when a letter is added
const MOST_FORMED = 30_000; // a single block that is longer stays in parts: no form is worth that a page stands still

/** A text of a model, shown in `element`. `show(text, done)` may be called with a longer text at any time. */
export class Prose {
  #settled = 0;
  #text = "";
  #tail = [];
  #plain = null; // the last part of a tail that is shown as it comes
  #shown = 0; // so much of the tail is shown in that way

  constructor() {
    this.element = h("div", { class: "prose" });
  }

  show(text, done = true) {
    if (!text.startsWith(this.#text)) this.#forget();
    this.#text = text;
    const rest = text.length - this.#settled;
    const border = done && (this.#plain === null || rest <= MOST_FORMED) ? text.length : settled(text, this.#settled);
    if (border > this.#settled) {
      this.#cutTail();
      this.element.append(...formed(text.slice(this.#settled, border)));
      this.#settled = border;
    }
    this.#showTail(text.slice(border));
  }

  #forget() {
    this.#cutTail();
    this.element.replaceChildren();
    this.#settled = 0;
  }

  #cutTail() {
    for (const element of this.#tail) element.remove();
    this.#tail = [];
    this.#plain = null;
    this.#shown = 0;
  }

  #showTail(rest) {
    if (this.#plain !== null) return this.#goOn(rest);
    this.#cutTail();
    if (rest === "") return;
    if (rest.length > PLAIN_TAIL) this.#goOn(rest);
    else {
      this.#tail = formed(rest);
      this.element.append(...this.#tail);
    }
  }

  #goOn(rest) {
    while (this.#shown < rest.length) {
      if (this.#plain === null || this.#plain.length >= PART) {
        this.#plain = document.createTextNode("");
        const part = h("p", { class: "part" }, this.#plain);
        this.#tail.push(part);
        this.element.append(part);
      }
      const more = rest.slice(this.#shown, this.#shown + PART - this.#plain.length);
      this.#plain.appendData(more);
      this.#shown += more.length;
    }
  }
}

function formed(text) {
  return blocks(text).map(block);
}

function block(found) {
  switch (found.kind) {
    case "heading":
      return h("p", { class: `heading heading-${Math.min(3, found.level)}`, role: "heading", aria: { level: Math.min(6, found.level + 2) } }, inline(found.text));
    case "code":
      return h("pre", { class: "code", tabIndex: 0, role: "region", aria: { label: found.language ? `Code, ${found.language}` : "Code" } }, h("code", {}, found.text));
    case "list":
      return list(found);
    case "quote":
      return h("blockquote", {}, formed(found.text));
    case "rule":
      return h("hr");
    default:
      return h("p", {}, inline(found.text));
  }
}

function list({ ordered, start, items }) {
  const element = h(ordered ? "ol" : "ul", ordered ? { start } : {});
  for (const { depth, text } of items) element.append(h("li", { class: depth ? `deeper deeper-${depth}` : "" }, inline(text)));
  return element;
}

function inline(text) {
  return spans(text).map((span) => {
    switch (span.kind) {
      case "code":
        return h("code", {}, span.text);
      case "strong":
        return h("strong", {}, span.text);
      case "em":
        return h("em", {}, span.text);
      case "link":
        return h("a", { href: span.href, target: "_blank", rel: "noopener noreferrer nofollow" }, span.text);
      default:
        return span.text;
    }
  });
}
