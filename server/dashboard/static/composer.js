// Where a person says something to a thread: a new turn, more for the running one, or stop.

import { aria, fill, h, iconButton, say } from "./elements.js";

/** `actions`: say(text), interrupt(), takeBack(id). */
export class Composer {
  #running = false;
  #may = true;

  constructor(actions) {
    this.actions = actions;
    this.input = h("textarea", { class: "words", rows: 1, id: "words", aria: { label: "Message" }, placeholder: "Message", onKeydown: (event) => this.#key(event), onInput: () => this.#typed() });
    this.send = iconButton("send", "Send", () => this.submit(), { class: "send", type: "submit" });
    this.stop = iconButton("stop", "Stop the turn", () => actions.interrupt(), { class: "stop" });
    this.note = h("p", { class: "composer-note" });
    this.pending = h("ul", { class: "pending", aria: { label: "Not sent yet" } });
    this.element = h(
      "form",
      { class: "composer", aria: { label: "Say something" }, onSubmit: (event) => { event.preventDefault(); this.submit(); } },
      this.pending,
      h("div", { class: "composer-box" }, this.input, h("div", { class: "composer-buttons" }, this.stop, this.send)),
      this.note,
    );
  }

  /** Bring it up to date. `may`: whether this sign-in may write; `connected`: whether it is sent at once. */
  show({ running, may, connected, pending }) {
    this.#running = running;
    this.#may = may;
    this.stop.hidden = !running;
    this.stop.disabled = !may || !connected;
    this.input.disabled = !may;
    const placeholder = !may ? "Your sign-in may look, not write" : running ? "Add to the running turn" : "Message";
    if (this.input.placeholder !== placeholder) this.input.placeholder = placeholder;
    const label = running ? "Steer the turn" : "Send";
    if (this.send.title !== label) {
      this.send.title = label;
      aria(this.send, "label", label);
    }
    say(this.note, connected ? (running ? "Enter adds to the turn · Esc stops it" : "Enter sends · Shift+Enter makes a new line") : "Sent as soon as the connection is back");
    this.#typed();
    this.#showPending(pending);
  }

  #showPending(pending) {
    this.pending.hidden = pending.length === 0;
    const back = (input) => () => {
      this.input.value = [this.actions.takeBack(input.id), this.input.value].filter(Boolean).join("\n");
      this.focus();
    };
    const entry = (input) => h("li", { class: input.failure ? "has-failed" : "" }, h("span", { class: "clip" }, input.text), h("span", { class: "muted clip" }, input.failure ?? (input.taken ? "The model gets it next" : "Sending…")), input.failure ? h("button", { type: "button", class: "button quiet", onClick: back(input) }, "Edit") : null);
    const look = JSON.stringify(pending);
    if (this.pending.dataset.look === look) return;
    this.pending.dataset.look = look;
    fill(this.pending, pending.map(entry));
  }

  /** Send what stands there. */
  submit() {
    const text = this.input.value.trim();
    if (text === "" || !this.#may) return;
    this.input.value = "";
    this.#typed();
    this.actions.say(text);
  }

  focus() {
    this.input.focus();
  }

  #typed() {
    this.send.disabled = !this.#may || this.input.value.trim() === "";
  }

  #key(event) {
    if (event.key === "Enter" && !event.shiftKey && !event.isComposing) {
      event.preventDefault();
      this.submit();
    } else if (event.key === "Escape") {
      event.stopPropagation();
      if (this.#running && this.input.value === "") this.actions.interrupt();
      else this.input.blur();
    }
  }
}

