// Markdown on the page: blocks become elements, and a text that grows keeps the elements of what is settled.

import { h } from "./elements.js";
import { blocks, settled, spans } from "./markdown.js";

const PLAIN_TAIL = 3000; // a block that is longer than this while it grows is shown as it comes, and formed at its end

/** A text of a model, shown in `element`. `show(text, done)` may be called with a longer text at any time. */
export class Prose {
  #settled = 0;
  #text = "";
  #tail = [];
  #plain = null;

  constructor() {
    this.element = h("div", { class: "prose" });
  }

  show(text, done = true) {
    if (!text.startsWith(this.#text) || (done && this.#plain !== null)) this.#forget();
    else if (text === this.#text && !done) return;
    this.#text = text;
    const border = done ? text.length : settled(text, this.#settled);
    if (border > this.#settled) {
      this.#cutTail();
      this.element.append(...formed(text.slice(this.#settled, border)));
      this.#settled = border;
    }
    this.#showTail(text.slice(border));
  }

  #forget() {
    this.element.replaceChildren();
    this.#settled = 0;
    this.#tail = [];
    this.#plain = null;
  }

  #cutTail() {
    for (const element of this.#tail) element.remove();
    this.#tail = [];
    this.#plain = null;
  }

  #showTail(rest) {
    if (this.#plain !== null && rest.length >= this.#plain.length) {
      this.#plain.appendData(rest.slice(this.#plain.length));
      return;
    }
    this.#cutTail();
    if (rest === "") return;
    if (rest.length > PLAIN_TAIL) {
      this.#plain = document.createTextNode(rest);
      this.#tail = [h("p", {}, this.#plain)];
    } else this.#tail = formed(rest);
    this.element.append(...this.#tail);
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
