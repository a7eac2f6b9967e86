// A long list of which only what is near the screen has elements. Rows have any height; it is estimated until measured.
// What a person looks at stays where it is while rows above it come, go or grow.

import { aria } from "./elements.js";

const MARGIN = 900; // pixels above and below the screen that have elements too
const NEAR_END = 48; // who is as near to the end as this, follows it
const NEAR_START = 1200;

/**
 * A list in `scroller`. `draw(row, element | null)` gives a row's element, the same one where it can be brought up to
 * date; `estimate(row)` its height in pixels. `follows`: stay at the end while the list grows; `keepsTop`:
 * who is at the beginning sees what is put there. `onStart`: called when
 * somebody comes near the first row; `onEnd` near the last.
 */
export class Windowed {
  #rows = [];
  #keys = [];
  #at = new Map();
  #heights = new Map();
  #offsets = new Float64Array(1);
  #stale = 0;
  #elements = new Map();
  #frame = 0;
  #touched = new Set();
  #width = 0;
  #top = 0;
  #goes = false; // to the first row, wherever it is now

  constructor(scroller, canvas, { draw, estimate, follows = false, keepsTop = false, onStart = null, onEnd = null, onMoved = null }) {
    Object.assign(this, { scroller, canvas, draw, estimate, follows, keepsTop, onStart, onEnd, onMoved });
    this.stuck = follows;
    scroller.addEventListener("scroll", () => this.#scrolled(), { passive: true });
    this.observer = new ResizeObserver(() => this.#resized());
    this.observer.observe(scroller);
  }

  /** These rows, `{key, …}`, from now on. `touched`: keys of those that look otherwise than before. */
  show(rows, touched = new Set()) {
    if (rows !== this.#rows || rows.length !== this.#keys.length) this.#index(rows);
    for (const key of touched) this.#touched.add(key);
    this.request();
  }

  #index(rows) {
    const grown = rows === this.#rows && rows.length > this.#keys.length;
    const from = grown ? this.#keys.length : 0;
    if (!grown) {
      this.#keys = [];
      this.#at.clear();
    }
    for (let at = from; at < rows.length; at++) {
      this.#keys.push(rows[at].key);
      this.#at.set(rows[at].key, at);
    }
    this.#rows = rows;
    this.#stale = Math.min(this.#stale, from);
  }

  /** Draw all of it anew: the look of every row depends on something else now. */
  redraw() {
    for (const key of this.#elements.keys()) this.#touched.add(key);
    this.request();
  }

  /** Draw with the next frame. */
  request() {
    if (this.#frame === 0) this.#frame = requestAnimationFrame(() => this.#paint());
  }

  /** Go to the end and follow it, or to the first row. */
  toEnd() {
    this.stuck = this.follows;
    this.scroller.scrollTop = this.scroller.scrollHeight;
    this.request();
  }

  toStart() {
    this.stuck = false;
    this.#goes = true;
    this.request();
  }

  /** Bring a row onto the screen; its element is there after the next frame. */
  reveal(key) {
    const at = this.#at.get(key);
    if (at === undefined) return;
    this.#measureOffsets();
    const top = this.#offsets[at];
    const height = this.#offsets[at + 1] - top;
    const { scrollTop, clientHeight } = this.scroller;
    if (top < scrollTop) this.scroller.scrollTop = top;
    else if (top + height > scrollTop + clientHeight) this.scroller.scrollTop = top + height - clientHeight;
    this.request();
  }

  /** The element of a row, if it is near the screen. */
  element(key) {
    return this.#elements.get(key) ?? null;
  }

  /** Elements and measures go; the scroller stays. */
  close() {
    this.observer.disconnect();
    cancelAnimationFrame(this.#frame);
  }

  #scrolled() {
    const { scrollTop, scrollHeight, clientHeight } = this.scroller;
    const atEnd = scrollHeight - scrollTop - clientHeight < NEAR_END;
    const back = scrollTop < this.#top - 1; // only a person goes back; content and size may move the end away as well
    this.#top = scrollTop;
    if (this.#goes || (this.stuck && !atEnd && !back)) return this.request();
    this.stuck = this.follows && atEnd;
    this.onMoved?.(this.stuck);
    this.request();
  }

  #resized() {
    if (this.scroller.clientWidth !== this.#width) {
      this.#width = this.scroller.clientWidth;
      this.#heights.clear();
      this.#stale = 0;
    }
    this.request();
  }

  #height(at) {
    return this.#heights.get(this.#keys[at]) ?? this.estimate(this.#rows[at]);
  }

  #measureOffsets() {
    const count = this.#rows.length;
    if (this.#offsets.length < count + 1) {
      const larger = new Float64Array(Math.ceil((count + 1) * 1.5));
      larger.set(this.#offsets);
      this.#offsets = larger;
    }
    for (let at = Math.min(this.#stale, count); at < count; at++) this.#offsets[at + 1] = this.#offsets[at] + this.#height(at);
    this.#stale = count;
  }

  #rowAt(offset) {
    let [low, high] = [0, this.#rows.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.#offsets[middle + 1] <= offset) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  #range() {
    this.#measureOffsets();
    const total = this.#offsets[this.#rows.length];
    const height = this.scroller.clientHeight;
    const top = this.stuck ? Math.max(0, total - height) : this.scroller.scrollTop - this.canvas.offsetTop;
    const first = this.#rowAt(Math.max(0, top - MARGIN));
    let last = this.#rowAt(top + height + MARGIN) + 1;
    if (this.stuck) last = this.#rows.length;
    return [Math.min(first, Math.max(0, this.#rows.length - 1)), Math.min(last, this.#rows.length)];
  }

  /** The topmost row on the screen and where it stands. */
  #anchor() {
    const border = this.scroller.getBoundingClientRect().top;
    for (const element of this.canvas.children) {
      const box = element.getBoundingClientRect();
      if (box.bottom > border && this.#at.has(element.dataset.row)) return { key: element.dataset.row, top: box.top - border };
    }
    return null;
  }

  #paint() {
    this.#frame = 0;
    if (this.#goes) {
      this.stuck = false;
      this.scroller.scrollTop = 0;
    }
    const atTop = this.keepsTop && this.scroller.scrollTop < NEAR_END;
    const anchor = this.stuck || this.#goes || atTop ? null : this.#anchor();
    this.#goes = false;
    if (anchor !== null) this.#follow(anchor);
    const [first, last] = this.#range();
    this.#sync(first, last);
    const grew = this.#measure();
    this.#measureOffsets();
    const total = this.#offsets[this.#rows.length];
    this.canvas.style.paddingTop = `${this.#rows.length ? this.#offsets[first] : 0}px`;
    this.canvas.style.paddingBottom = `${this.#rows.length ? total - this.#offsets[last] : 0}px`;
    this.#settle(anchor);
    this.#top = this.scroller.scrollTop;
    if (grew) this.request();
    const { scrollTop, scrollHeight, clientHeight } = this.scroller;
    if (scrollTop < NEAR_START) this.onStart?.();
    if (scrollHeight - scrollTop - clientHeight < NEAR_START) this.onEnd?.();
  }

  /** Rows came or went above: look for what to draw from where the anchor is now. */
  #follow({ key, top }) {
    this.#measureOffsets();
    const wanted = this.#offsets[this.#at.get(key)] - top + this.canvas.offsetTop;
    if (Math.abs(wanted - this.scroller.scrollTop) > 1) this.canvas.style.paddingBottom = `${this.#offsets[this.#rows.length]}px`;
    if (Math.abs(wanted - this.scroller.scrollTop) > 1) this.scroller.scrollTop = wanted;
  }

  #settle(anchor) {
    if (this.stuck) {
      this.scroller.scrollTop = this.scroller.scrollHeight;
    } else if (anchor !== null && this.#elements.has(anchor.key)) {
      const border = this.scroller.getBoundingClientRect().top;
      const moved = this.#elements.get(anchor.key).getBoundingClientRect().top - border - anchor.top;
      if (Math.abs(moved) >= 1) this.scroller.scrollTop += moved;
    }
  }

  #sync(first, last) {
    const wanted = new Set(this.#keys.slice(first, last));
    for (const [key, element] of this.#elements) if (!wanted.has(key)) this.#drop(key, element);
    let before = this.canvas.firstElementChild;
    for (let at = first; at < last; at++) {
      const row = this.#rows[at];
      const known = this.#elements.get(row.key) ?? null;
      const element = known === null || this.#touched.has(row.key) ? this.#drawn(row, known) : known;
      if (known !== null && known === before) before = element;
      aria(element, "posinset", at + 1);
      if (element !== before) this.canvas.insertBefore(element, before);
      else before = before.nextElementSibling;
    }
    this.#touched.clear();
  }

  #drawn(row, known) {
    const element = this.draw(row, known);
    if (element !== known) {
      known?.replaceWith(element);
      element.dataset.row = row.key;
      this.#elements.set(row.key, element);
    }
    return element;
  }

  #drop(key, element) {
    if (element.contains(document.activeElement)) this.scroller.focus({ preventScroll: true });
    element.remove();
    this.#elements.delete(key);
  }

  #measure() {
    let grew = false;
    for (const [key, element] of this.#elements) {
      const height = element.getBoundingClientRect().height;
      if (Math.abs((this.#heights.get(key) ?? -1) - height) < 0.5) continue;
      this.#heights.set(key, height);
      this.#stale = Math.min(this.#stale, this.#at.get(key) ?? 0);
      grew = true;
    }
    return grew;
  }
}
