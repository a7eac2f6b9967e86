// JSON-RPC over a WebSocket that comes back by itself. Owns the socket, open requests and the pauses between attempts.
// Knows no method but the handshake, and the two extensions that concern the connection as a whole.

export const CLIENT = { name: "threadcast-dashboard", title: "Threadcast dashboard", version: "1.0" };
const EXTENSIONS = { "threadcast/sequence": true, "threadcast/scopes": true, "threadcast/presence": true };

const FIRST_PAUSE_MS = 250;
const LONGEST_PAUSE_MS = 15_000;
const SILENCE_MS = 25_000; // after so long without a word the page asks whether the server is there
const ANSWER_MS = 10_000;
const REFUSED = 1008;

/** The server answered with an error, or the connection broke first (`lost`). */
export class Refusal extends Error {
  constructor({ code = 0, message, data = null }, lost = false) {
    super(message);
    Object.assign(this, { code, data, lost });
  }
}

/** How long to wait before attempt `count` (from 0): longer each time, and not all pages at the same moment. */
export function pause(count, random = Math.random) {
  const longest = Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** Math.min(count, 16));
  return longest * (0.5 + random() / 2);
}

/**
 * A connection. `open()` gives a new WebSocket (it may wait for a ticket first, and rejects with `signIn: true` when
 * nobody is signed in). Callbacks: `onState(state, details)` with "connecting", "open", "waiting", "signedOut" or
 * "closed"; `onNotice(message)`; `onQuestion(message)`.
 */
export class Wire {
  #open;
  #socket = null;
  #requests = new Map();
  #nextId = 1;
  #attempt = 0;
  #timer = null;
  #heard = 0;
  #probe = null;
  #ended = false;
  #clock;

  constructor({ open, onState, onNotice, onQuestion, clock = globalThis }) {
    this.#open = open;
    this.#clock = clock;
    this.onState = onState;
    this.onNotice = onNotice;
    this.onQuestion = onQuestion;
    this.state = "closed";
    this.scopes = null;
  }

  /** Connect, and again after each break until `close`. */
  async connect() {
    this.#ended = false;
    this.#clock.clearTimeout(this.#timer);
    if (this.#socket !== null || this.state === "connecting") return;
    this.#tell("connecting");
    let socket;
    try {
      socket = await this.#open();
    } catch (error) {
      if (error.signIn) this.#tell("signedOut", { reason: error.message });
      else this.#again(error.message);
      return;
    }
    if (this.#ended) {
      socket.close();
      return;
    }
    this.#socket = socket;
    socket.onopen = () => this.#greet(socket);
    socket.onmessage = (event) => this.#take(socket, event.data);
    socket.onclose = (event) => this.#lost(socket, event);
  }

  /** End it for good: signed out, or the page goes. */
  close() {
    this.#ended = true;
    this.#clock.clearTimeout(this.#timer);
    this.#drop();
    this.#tell("closed");
  }

  /** The network is said to be gone: wait for nothing, say so, and try when it is back. */
  offline() {
    if (this.#ended || this.state === "signedOut") return;
    this.#drop();
    this.#again("This device is offline.");
  }

  /** Try now rather than later. */
  hurry() {
    if (this.#ended || this.state !== "waiting") return;
    this.#attempt = 0;
    this.connect();
  }

  /** Ask; resolves with the result, rejects with a Refusal. */
  request(method, params = {}) {
    if (this.state !== "open") return Promise.reject(new Refusal({ message: "Not connected." }, true));
    return this.#ask(method, params);
  }

  /** Answer a question of the server; false if there is no connection to do so. */
  answer(id, result) {
    if (this.state !== "open") return false;
    this.#socket.send(JSON.stringify({ id, result }));
    return true;
  }

  #ask(method, params) {
    const id = this.#nextId++;
    return new Promise((resolve, reject) => {
      this.#requests.set(id, { resolve, reject });
      this.#socket.send(JSON.stringify({ id, method, params }));
    });
  }

  async #greet(socket) {
    const capabilities = { experimentalApi: true, extensions: EXTENSIONS };
    try {
      const told = await this.#ask("initialize", { clientInfo: CLIENT, capabilities });
      if (socket !== this.#socket) return;
      this.scopes = told.extensions?.["threadcast/scopes"] ?? null;
      this.#attempt = 0;
      this.#tell("open", told);
      this.#watch();
    } catch {
      socket.close();
    }
  }

  #take(socket, text) {
    if (socket !== this.#socket) return;
    this.#heard = this.#clock.performance.now();
    const message = JSON.parse(text);
    if (message.method === undefined) this.#settle(message);
    else if (message.id !== undefined) this.onQuestion(message);
    else this.onNotice(message);
  }

  #settle(message) {
    const waiting = this.#requests.get(message.id);
    if (waiting === undefined) return;
    this.#requests.delete(message.id);
    if (message.error) waiting.reject(new Refusal(message.error));
    else waiting.resolve(message.result);
  }

  /** Whether the other side is still there cannot be seen while nothing is said. */
  #watch() {
    this.#clock.clearTimeout(this.#probe);
    const socket = this.#socket;
    this.#probe = this.#clock.setTimeout(() => {
      if (socket !== this.#socket) return;
      if (this.#clock.performance.now() - this.#heard < SILENCE_MS) return this.#watch();
      const limit = this.#clock.setTimeout(() => this.#lost(socket, { code: 0, reason: "No answer." }), ANSWER_MS);
      const settled = () => {
        this.#clock.clearTimeout(limit);
        if (socket === this.#socket) this.#watch();
      };
      this.#ask("thread/loaded/list", { limit: 1 }).then(settled, settled);
    }, SILENCE_MS);
  }

  #lost(socket, event) {
    if (socket !== this.#socket) return;
    this.#drop();
    if (this.#ended) return;
    if (event.code === REFUSED) this.#tell("signedOut", { reason: event.reason });
    else this.#again(event.reason || "");
  }

  #drop() {
    const socket = this.#socket;
    this.#socket = null;
    this.#clock.clearTimeout(this.#probe);
    if (socket !== null) {
      socket.onopen = socket.onmessage = socket.onclose = null;
      socket.close();
    }
    for (const waiting of this.#requests.values()) {
      waiting.reject(new Refusal({ message: "The connection was lost." }, true));
    }
    this.#requests.clear();
  }

  #again(reason) {
    const wait = pause(this.#attempt++);
    this.#tell("waiting", { reason, wait });
    this.#clock.clearTimeout(this.#timer);
    this.#timer = this.#clock.setTimeout(() => this.connect(), wait);
  }

  #tell(state, details = {}) {
    this.state = state;
    this.onState(state, details);
  }
}
