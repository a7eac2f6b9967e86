// Signing in and out: the credential goes to the server once, for tickets that open one connection each.
// A token that is not to be remembered lives in this module's memory only, never in storage or in an address.

let held = null;

/** What the server asks for: `{signIn: "none" | "token", scopes?}`. */
export async function read() {
  const answer = await fetch("/session", { credentials: "same-origin", cache: "no-store" });
  if (!answer.ok) throw new Error(`The server answered ${answer.status}.`);
  return answer.json();
}

/** Sign in; throws an Error that says why not. `remember`: the browser keeps a cookie that no script can read. */
export async function signIn(token, remember) {
  const answer = await post(remember ? "/session" : "/session/ticket", token);
  if (!answer.ok) throw new Error(await refusal(answer));
  held = remember ? null : token;
}

/** Sign out here, and have the server forget the cookie and what it allows. */
export async function signOut() {
  held = null;
  await fetch("/session", { method: "DELETE", credentials: "same-origin" });
}

/** A new WebSocket to this server. Rejects with `signIn: true` when nobody is signed in. */
export async function openSocket() {
  const address = new URL("/", location.href);
  address.protocol = address.protocol.replace("http", "ws");
  const { signIn: asked } = await read();
  if (asked === "none") return new WebSocket(address, ["threadcast"]);
  const answer = await post("/session/ticket", held);
  if (answer.status === 401 || answer.status === 403) {
    throw Object.assign(new Error(await refusal(answer)), { signIn: true });
  }
  if (!answer.ok) throw new Error(await refusal(answer));
  const { ticket } = await answer.json();
  return new WebSocket(address, ["threadcast", `threadcast.ticket.${ticket}`]);
}

function post(path, token) {
  const headers = token === null ? {} : { Authorization: `Bearer ${token}` };
  return fetch(path, { method: "POST", headers, credentials: "same-origin", cache: "no-store" });
}

async function refusal(answer) {
  if (answer.status === 401) return "This token is not accepted.";
  const text = (await answer.text()).trim();
  return text || `The server answered ${answer.status}.`;
}
