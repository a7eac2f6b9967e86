// The bridge of @zakstam/codex-local-component, which checks each line it gets. Argument: the codex to start.
import { CodexLocalBridge } from "@zakstam/codex-local-component/host";

const answers = new Map();
const kinds = [];
const errors = [];
let ended;
const completed = new Promise((resolve) => (ended = resolve));
const bridge = new CodexLocalBridge(
  { codexBin: process.argv.at(-1) },
  {
    onGlobalMessage: async (message) => answers.get(message.id)?.(message),
    onEvent: async (event) => {
      kinds.push(event.kind);
      const message = JSON.parse(event.payloadJson);
      answers.get(message.id)?.(message);
      if (event.kind === "turn/completed") ended();
    },
    onProtocolError: async ({ line, error }) => errors.push(`${error.message}: ${line}`),
    onProcessExit: () => {},
  },
);

let last = 0;
function ask(method, params) {
  const id = ++last;
  const answer = new Promise((resolve) => answers.set(id, resolve));
  bridge.send({ id, method, params });
  return answer;
}

bridge.start();
await ask("initialize", { clientInfo: { name: "bridge", title: "Bridge", version: "1.0.0" }, capabilities: null });
bridge.send({ method: "initialized" });
const { result } = await ask("thread/start", { experimentalRawEvents: false, persistExtendedHistory: false });
const threadId = result.thread.id;
await ask("turn/start", { threadId, input: [{ type: "text", text: "Hello", text_elements: [] }] });
await completed;
bridge.stop();
console.log(JSON.stringify({ thread: threadId, kinds, errors }));
