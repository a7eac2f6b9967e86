// What is asked of a person before something is done: a new thread, another name, the keys. Native dialogs keep focus.

import { h, icon } from "./elements.js";

/** Show a dialog with a form; resolves with its values by name, or null if it was closed. */
function ask(title, fields, action) {
  const form = h("form", { method: "dialog" }, h("h2", {}, title), fields);
  const dialog = h("dialog", { class: "dialog", aria: { label: title } }, form);
  const close = h("button", { type: "button", class: "button", onClick: () => dialog.close("") }, action ? "Cancel" : "Close");
  const submit = action ? h("button", { type: "submit", class: "button primary", value: "done" }, action) : null;
  form.append(h("footer", {}, close, submit));
  document.body.append(dialog);
  dialog.showModal();
  return new Promise((resolve) => {
    dialog.addEventListener("close", () => {
      resolve(dialog.returnValue === "done" ? Object.fromEntries(new FormData(form)) : null);
      dialog.remove();
    });
  });
}

function labelled(label, field, note = null) {
  return h("label", { class: "labelled" }, h("strong", {}, label), field, note ? h("span", { class: "muted" }, note) : null);
}

function choice(name, options, chosen) {
  return h("select", { class: "field", name }, options.map(([value, label]) => h("option", { value, selected: value === chosen }, label)));
}

/** Where and how a new thread works; `{cwd, model, approvalPolicy, sandbox}`, empty texts where the server decides. */
export function askForThread({ cwd, models, mayLoosen }) {
  const offered = models.map(({ model, displayName }) => [model, displayName ?? model]);
  return ask(
    "New thread",
    [
      labelled("Folder", h("input", { class: "field mono", name: "cwd", value: cwd, required: true, pattern: "/.*", autocomplete: "off", spellcheck: false }), "An absolute path on the server’s machine."),
      labelled("Model", choice("model", [["", "As configured"], ...offered], "")),
      !mayLoosen ? null : labelled("Asks before it acts", choice("approvalPolicy", [["", "As configured"], ["untrusted", "Always, but for what only looks"], ["on-request", "When it wants more than it may"], ["never", "Never"]], "")),
      !mayLoosen ? null : labelled("May write", choice("sandbox", [["", "As configured"], ["read-only", "Nothing"], ["workspace-write", "In its folder"], ["danger-full-access", "Everywhere"]], "")),
    ],
    "Start",
  );
}

/** Another name; a text or null. */
export async function askForName(name) {
  const field = h("input", { class: "field", name: "name", value: name, required: true, maxLength: 200, autocomplete: "off" });
  const answered = ask("Rename", [labelled("Name", field)], "Rename");
  field.select();
  return (await answered)?.name.trim() || null;
}

/** A few things to do, of which one is done. `actions`: icon, label, function. */
export function chooseAction(title, actions) {
  const dialog = h("dialog", { class: "dialog sheet", aria: { label: title } });
  const choose = (does) => () => {
    dialog.close();
    does();
  };
  dialog.append(h("h2", { class: "clip" }, title), ...actions.map(([name, label, does]) => h("button", { type: "button", class: "button quiet", onClick: choose(does) }, icon(name), label)), h("button", { type: "button", class: "button", onClick: () => dialog.close() }, "Cancel"));
  dialog.addEventListener("close", () => dialog.remove());
  document.body.append(dialog);
  dialog.showModal();
}

/** The keys and what they do. */
export function showKeys(keys) {
  const row = ([shown, does]) => h("div", {}, h("dt", {}, shown.map((key) => h("kbd", {}, key))), h("dd", {}, does));
  return ask("Keyboard", h("dl", { class: "keys" }, keys.map(row)), null);
}
