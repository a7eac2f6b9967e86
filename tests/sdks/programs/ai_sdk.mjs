// ai-sdk-provider-codex-cli with its app-server provider. Argument: the codex to start.
import { generateText, streamText } from "ai";
import { createCodexAppServer } from "ai-sdk-provider-codex-cli";

const codexPath = process.argv.at(-1);
const key = "codex-app-server";

async function withProvider(talk) {
  const provider = createCodexAppServer({ defaultSettings: { codexPath } });
  try {
    return await talk(provider("offline"));
  } finally {
    await provider.close();
  }
}

const [first, threadId, streamed] = await withProvider(async (model) => {
  const providerOptions = { [key]: { threadMode: "persistent" } };
  const { text, providerMetadata } = await generateText({ model, prompt: "Hello", providerOptions });
  const { threadId } = providerMetadata[key];
  const pieces = [];
  const more = streamText({ model, prompt: "More", providerOptions: { [key]: { threadId } } });
  for await (const piece of more.textStream) pieces.push(piece);
  return [text, threadId, pieces];
});
const again = await withProvider(async (model) => {
  const { text } = await generateText({ model, prompt: "Again", providerOptions: { [key]: { threadId } } });
  return text;
});
console.log(JSON.stringify({ thread: threadId, text: first, streamed, again }));
