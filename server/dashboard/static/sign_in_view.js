// The form that asks for a token. What is typed goes to the server and is not kept here.

import { h, say } from "./elements.js";

/** A form; `signIn(token, remember)` rejects with why not. */
export function signInView(signIn, reason) {
  const token = h("input", { class: "field mono", type: "password", name: "token", required: true, autocomplete: "current-password", aria: { describedby: "sign-in-error" } });
  const remember = h("input", { type: "checkbox", name: "remember" });
  const button = h("button", { type: "submit", class: "button primary wide" }, "Sign in");
  const error = h("p", { class: "form-error", id: "sign-in-error", role: "alert" }, reason ?? "");
  const submit = async (event) => {
    event.preventDefault();
    button.disabled = true;
    say(error, "");
    try {
      await signIn(token.value.trim(), remember.checked);
    } catch (failure) {
      say(error, failure.message);
      button.disabled = false;
      token.select();
    }
  };
  const form = h(
    "form",
    { class: "sign-in", onSubmit: submit },
    h("img", { src: "/assets/icon.svg", alt: "", width: 44, height: 44 }),
    h("h1", {}, "Threadcast"),
    h("p", { class: "muted" }, "Sign in with the token of this server."),
    h("label", { class: "labelled" }, h("strong", {}, "Token"), token),
    h("label", { class: "choice plain" }, remember, h("span", {}, "Remember me on this device")),
    error,
    button,
  );
  requestAnimationFrame(() => token.focus());
  return h("main", { class: "door" }, form);
}
