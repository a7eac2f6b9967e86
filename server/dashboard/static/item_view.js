// What a row of a thread looks like: one function for each kind of item. A row is made anew when it changes, but for
// growing texts, which are continued.

import { changeList } from "./change_view.js";
import { h, icon } from "./elements.js";
import { Prose } from "./prose.js";
import { many, span, tokens } from "./wording.js";

const FOLDED_LINES = 12;
const MOST_OUTPUT = 200_000; // characters of an output that are shown; more makes no page better

/** Draws the rows of a thread. `opened`: keys of what a person folded out (or, with `-`, in); it outlives the elements. */
export class ItemView {
  #proses = new WeakMap();

  constructor(thread, { onChange }) {
    this.thread = thread;
    this.onChange = onChange;
    this.opened = new Map();
  }

  /** How high a row may be, in pixels, before anybody measured it. */
  estimate(row) {
    if (row.kind !== "item") return 56;
    const { item } = row;
    if (item.type === "agentMessage" || item.type === "plan") return 48 + Math.ceil(item.text.length / 85) * 25;
    if (item.type === "userMessage") return 84;
    if (item.type === "reasoning") return 48;
    if (item.type === "fileChange") return 220;
    return 110;
  }

  /** The element of a row. */
  draw(row, known) {
    const grows = row.kind === "item" && (row.item.type === "agentMessage" || row.item.type === "plan");
    if (grows && known !== null) {
      this.#proses.get(known).show(row.item.text, !this.#isRunning(row));
      return known;
    }
    const [name, kind, ...children] = this.#content(row);
    const element = h("article", { class: `row row-${kind}`, aria: { label: name } }, h("div", { class: "column" }, children));
    const prose = children.find((child) => child instanceof HTMLElement && child.prose);
    if (prose) this.#proses.set(element, prose.prose);
    return element;
  }

  #isRunning(row) {
    return this.thread.turns.get(row.turnId)?.status === "inProgress";
  }

  #content(row) {
    switch (row.kind) {
      case "end":
        return this.#ending(row);
      case "todo":
        return ["List of work", "todo", todo(row)];
      case "retry":
        return ["Trying again", "notice", callout("Trying again", row.error.message)];
      case "notice":
        return ["Notice", "notice", callout("Notice", row.message)];
      default:
        return this.#item(row);
    }
  }

  #item(row) {
    const { item } = row;
    switch (item.type) {
      case "userMessage":
        return ["You said", "user", h("div", { class: "said" }, item.content.map(input))];
      case "agentMessage":
        return ["Answer", "agent", this.#prose(row)];
      case "plan":
        return ["Proposed plan", "plan", h("p", { class: "eyebrow" }, icon("plan"), "Proposed plan"), this.#prose(row)];
      case "reasoning":
        return ["Reasoning", "reasoning", this.#reasoning(row)];
      case "commandExecution":
        return [`Command: ${item.command}`, "card", this.#command(row)];
      case "fileChange":
        return ["Changes of files", "card", this.#changes(row)];
      case "mcpToolCall":
        return [`Tool ${item.tool}`, "card", this.#tool(row, item.server, mcpResult(item))];
      case "dynamicToolCall":
        return [`Tool ${item.tool}`, "card", this.#tool(row, item.namespace, contentText(item.contentItems))];
      case "imageView":
        return ["Image looked at", "small", line("file", "Looked at", item.path)];
      case "imageGeneration":
        return ["Image made", "image", picture(generated(item), item.revisedPrompt || "Made image")];
      case "webSearch":
        return ["Web search", "small", line("search", "Searched the web", item.query)];
      case "contextCompaction":
        return ["Context summed up", "divider", h("p", { class: "divider" }, h("span", {}, "Context summed up"))];
      default:
        return [item.type, "small", line("tool", words(item.type), item.review ?? item.prompt ?? item.name ?? "")];
    }
  }

  #prose(row) {
    const prose = new Prose();
    prose.show(row.item.text, !this.#isRunning(row));
    prose.element.prose = prose;
    return prose.element;
  }

  #fold(key, byDefault) {
    return this.opened.get(key) ?? byDefault;
  }

  /** A button that folds in and out what belongs to `key`. */
  #folder(key, open, label, className, ...children) {
    const toggle = () => {
      this.opened.set(key, !open);
      this.onChange(key.split("#")[0], key);
    };
    return h("button", { type: "button", class: className, data: { fold: key }, onClick: toggle, aria: { expanded: open, label } }, children);
  }

  #reasoning(row) {
    const text = [...(row.item.summary ?? []), ...(row.item.content ?? [])].join("\n\n");
    const open = this.#fold(row.key, false);
    const heading = /\*\*([^*\n]+)\*\*/g;
    const titles = [...text.matchAll(heading)].map((found) => found[1]);
    const running = this.#isRunning(row) && this.thread.rows.at(-1) === row;
    const title = titles.at(-1) ?? (running ? "Thinking" : "Thought");
    const button = this.#folder(row.key, open, null, `folder thought${running ? " is-running" : ""}`, icon("thought"), h("span", { class: "clip" }, title), icon("turn"));
    if (!open || text === "") return button;
    const prose = new Prose();
    prose.show(text);
    prose.element.classList.add("quiet");
    return [button, prose.element];
  }

  #command(row) {
    const { item } = row;
    const waiting = [...this.thread.questions.values()].some(({ params }) => params.itemId === item.id);
    const state = waiting ? "waiting" : item.status;
    const output = (item.aggregatedOutput ?? "").slice(-MOST_OUTPUT).replace(/\n$/, "");
    return h(
      "div",
      { class: `card is-${state}` },
      h("header", {}, icon("command"), h("code", { class: "command-line" }, unwrapped(item.command)), badge(state, item)),
      item.typed ? h("p", { class: "typed" }, `Typed: ${item.typed}`) : null,
      output === "" ? null : this.#output(`${row.key}#out`, output),
    );
  }

  #output(key, output) {
    const all = output.split("\n");
    const open = this.#fold(key, false);
    const folded = all.length > FOLDED_LINES + 3 && !open;
    const shown = folded ? all.slice(-FOLDED_LINES).join("\n") : output;
    const label = folded ? `Show ${many(all.length - FOLDED_LINES, "earlier line")}` : "Show less";
    const more = all.length > FOLDED_LINES + 3 ? this.#folder(key, open, null, "more", label) : null;
    return [more, h("pre", { class: "output", tabIndex: 0, role: "region", aria: { label: "Output" } }, shown)];
  }

  #changes(row) {
    const { item } = row;
    const waiting = [...this.thread.questions.values()].some(({ params }) => params.itemId === item.id);
    const open = (at, byDefault) => this.#fold(`${row.key}#${at}`, byDefault && !waiting); // its card shows the lines
    const folder = (at, isOpen, ...children) => this.#folder(`${row.key}#${at}`, isOpen, null, "folder file", ...children);
    const cwd = this.thread.settings?.cwd ?? "";
    return h(
      "div",
      { class: `card is-${waiting ? "waiting" : item.status}` },
      h("header", {}, icon("edit"), h("span", { class: "grow" }, many(item.changes.length, "file")), badge(waiting ? "waiting" : item.status, item)),
      changeList(item.changes, { open, folder, cwd }),
    );
  }

  #tool(row, server, result) {
    const { item } = row;
    const key = `${row.key}#out`;
    const open = this.#fold(key, false);
    const told = [JSON.stringify(item.arguments ?? null, null, 2), item.error?.message ?? result].filter(Boolean);
    const button = this.#folder(key, open, null, "folder", icon("tool"), h("span", { class: "grow clip" }, `${server ? `${server} · ` : ""}${item.tool}`), item.progress && item.status === "inProgress" ? h("span", { class: "muted clip" }, item.progress) : null, badge(item.status, item), icon("turn"));
    const shown = open ? told.map((text) => h("pre", { class: "output", tabIndex: 0, role: "region", aria: { label: "Details" } }, text.slice(0, MOST_OUTPUT))) : null;
    return h("div", { class: `card is-${item.status}` }, h("header", {}, button), shown);
  }

  #ending({ turn }) {
    const spent = this.thread.usage.turns.get(turn.id);
    const facts = [turn.durationMs ? span(turn.durationMs) : null, spent?.totalTokens ? `${tokens(spent.totalTokens)} tokens` : null];
    const foot = h("p", { class: "foot" }, [turn.status === "interrupted" ? "Stopped" : null, ...facts].filter(Boolean).join(" · "));
    if (turn.status !== "failed") return ["End of turn", "end", foot];
    const { message = "The turn failed.", additionalDetails } = turn.error ?? {};
    return ["Error", "end", callout("This turn failed", message, additionalDetails, "failed"), foot];
  }
}

function callout(title, message, details, kind = "") {
  return h("div", { class: `callout ${kind}` }, icon("error"), h("div", {}, h("p", { class: "callout-title" }, title), h("p", { class: "text" }, message), details ? h("p", { class: "text muted" }, details) : null));
}

function line(name, label, text) {
  return h("p", { class: "line" }, icon(name), h("span", {}, label), h("span", { class: "muted clip" }, text));
}

function badge(state, item) {
  const code = item.exitCode;
  const time = item.durationMs ? span(item.durationMs) : "";
  const told = {
    inProgress: "Running",
    waiting: "Waiting for you",
    completed: time || "Done",
    failed: code !== null && code !== undefined ? `Exit ${code}` : "Failed",
    declined: "Declined",
  }[state];
  return h("span", { class: `badge badge-${state}` }, state === "inProgress" ? h("span", { class: "spinner" }) : null, told ?? state);
}

function todo({ plan, explanation }) {
  const done = plan.filter(({ status }) => status === "completed").length;
  const names = { completed: "Done", inProgress: "Now", pending: "Later" };
  const step = ({ step: text, status }) => h("li", { class: `step is-${status}` }, h("span", { class: "tick", role: "img", aria: { label: names[status] } }, status === "completed" ? icon("check") : null), h("span", {}, text));
  return h("div", { class: "card plain" }, h("header", {}, icon("plan"), h("span", { class: "grow" }, "Plan"), h("span", { class: "muted" }, `${done} of ${plan.length}`)), explanation ? h("p", { class: "text muted inset" }, explanation) : null, h("ul", { class: "steps" }, plan.map(step)));
}

function input(part) {
  switch (part.type) {
    case "text":
      return h("p", { class: "text" }, part.text);
    case "image":
      return picture(part.url, "Image");
    case "localImage":
      return line("file", "Image", part.path);
    default:
      return line("file", words(part.type), part.name ?? part.path ?? "");
  }
}

/** Only pictures that are in the message itself are shown: an address would tell its owner who reads this. */
function picture(url, label) {
  if (typeof url === "string" && /^data:image\/(png|jpeg|gif|webp);base64,/.test(url)) return h("img", { class: "picture", src: url, alt: label, loading: "lazy" });
  return line("file", label, typeof url === "string" ? url.slice(0, 200) : "");
}

function generated(item) {
  return item.result && /^[A-Za-z0-9+/=]+$/.test(item.result.slice(0, 100)) ? `data:image/png;base64,${item.result}` : item.savedPath;
}

function mcpResult(item) {
  return contentText(item.result?.content);
}

function contentText(content) {
  return (content ?? []).map((part) => part.text ?? `[${part.type ?? "content"}]`).join("\n");
}

/** `bash -lc '…'` as what it runs. */
function unwrapped(command) {
  const found = /^(?:\/\S*\/)?(?:ba|z)?sh -l?c (?:'((?:[^']|'\\'')*)'|"((?:[^"\\]|\\.)*)"|(\S+))$/s.exec(command);
  if (!found) return command;
  return (found[1]?.replaceAll("'\\''", "'") ?? found[2]?.replace(/\\(.)/g, "$1") ?? found[3]).trim();
}

function words(name) {
  const spaced = name.replace(/([A-Z])/g, " $1").toLowerCase().trim();
  return spaced.charAt(0).toUpperCase() + spaced.slice(1);
}
