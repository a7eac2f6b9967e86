// Cards for what the server asks of a person: may a command run, may a patch be applied, answers to questions, forms of
// MCP servers. Gives the answer in the words of the protocol; knows no connection.

import { changeList } from "./change_view.js";
import { h, icon } from "./elements.js";

/** The card of a question. `send(result)` answers it; `item` is what it is about, if that is known. */
export function questionCard(question, { item, cwd, mayAnswer, send }) {
  const [kind, title, body, form] = content(question, item, cwd);
  const card = h("form", { class: "ask", aria: { label: title }, data: { question: String(question.id) }, tabIndex: -1 });
  const actions = (form ?? (() => []))(send, card);
  for (const button of actions) button.disabled = !mayAnswer;
  card.append(
    h("header", {}, h("span", { class: "ask-icon" }, icon(kind)), h("h3", {}, title)),
    h("div", { class: "ask-body" }, body),
    h("footer", {}, actions, mayAnswer ? null : h("span", { class: "muted" }, "Your sign-in may look, not answer.")),
  );
  card.addEventListener("submit", (event) => event.preventDefault());
  return card;
}

function content(question, item, cwd) {
  const { params, method } = question;
  switch (method) {
    case "item/commandExecution/requestApproval":
      return ["command", "Run this command?", command(params, item), decisions(params.availableDecisions, params)];
    case "item/fileChange/requestApproval":
      return ["edit", "Apply these changes?", changes(params, item, cwd), decisions(null, params)];
    case "item/permissions/requestApproval":
      return ["tool", "Give more permissions?", permissions(params), grants(params)];
    case "item/tool/requestUserInput":
      return ["help", "The model asks", ...asked(params.questions)];
    case "mcpServer/elicitation/request":
      return ["tool", `${params.serverName} asks`, ...elicited(params)];
    default:
      return ["help", "A question for another client", h("p", { class: "muted" }, `This page cannot answer ${method}.`)];
  }
}

function reason(text) {
  return text ? h("p", { class: "text" }, text) : null;
}

function command({ reason: why, command: line, cwd, additionalPermissions }, item) {
  return [
    reason(why),
    h("pre", { class: "asked-command", tabIndex: 0, role: "region", aria: { label: "Command" } }, line ?? item?.command ?? ""),
    h("p", { class: "muted path" }, `in ${cwd ?? item?.cwd ?? "?"}`),
    additionalPermissions ? h("pre", { class: "output", tabIndex: 0, role: "region", aria: { label: "Permissions" } }, JSON.stringify(additionalPermissions, null, 2)) : null,
  ];
}

function changes({ reason: why, grantRoot }, item, cwd) {
  const opened = new Map();
  const holder = h("div");
  const draw = () => {
    const open = (at, byDefault) => opened.get(at) ?? byDefault;
    const folder = (at, isOpen, ...children) => {
      const toggle = () => {
        opened.set(at, !isOpen);
        draw();
        holder.querySelectorAll(".file")[at]?.focus();
      };
      return h("button", { type: "button", class: "folder file", onClick: toggle, aria: { expanded: isOpen } }, children);
    };
    holder.replaceChildren(changeList(item?.changes ?? [], { open, folder, cwd }));
  };
  draw();
  return [reason(why), grantRoot ? reason(`Allows changes below ${grantRoot} for this session.`) : null, holder];
}

function permissions({ reason: why, permissions: wanted }) {
  return [reason(why), h("pre", { class: "output", tabIndex: 0, role: "region", aria: { label: "Permissions" } }, JSON.stringify(wanted, null, 2))];
}

function grants({ permissions: wanted }) {
  return (send) => [
    button("Allow for this turn", "primary", () => send({ permissions: wanted, scope: "turn" })),
    button("Allow for the session", "", () => send({ permissions: wanted, scope: "session" })),
    button("Decline", "quiet", () => send({ permissions: {}, scope: "turn" })),
  ];
}

const LABELS = { accept: ["Allow", "primary"], acceptForSession: ["Allow for this session", ""], decline: ["Decline", ""], cancel: ["Stop the turn", "quiet"] };

function decisions(available, params) {
  const usual = ["accept", "acceptForSession", "decline", "cancel"];
  const amendment = params.proposedExecpolicyAmendment;
  if (amendment) usual.splice(1, 1, { acceptWithExecpolicyAmendment: { execpolicy_amendment: amendment } });
  const offered = available?.filter((each) => typeof each !== "string" || each in LABELS) ?? usual;
  if (!offered.includes("decline")) offered.push("decline");
  return (send) =>
    offered.filter(known).map((decision) => {
      const [label, look] = typeof decision === "string" ? LABELS[decision] : [always(decision), ""];
      return button(label, look, () => send({ decision }));
    });
}

function known(decision) {
  return typeof decision === "string" || "acceptWithExecpolicyAmendment" in decision;
}

function always(decision) {
  return `Always allow ${decision.acceptWithExecpolicyAmendment.execpolicy_amendment.join(" ")}`;
}

function button(label, look, onClick, type = "button") {
  return h("button", { type, class: `button ${look}`, onClick }, label);
}

/** Questions of the model: choices, words of one's own, or both. */
function asked(questions) {
  const fields = questions.map((question, at) => {
    const name = `q${at}`;
    const choice = ({ label, description }) =>
      h("label", { class: "choice" }, h("input", { type: "radio", name, value: label }), h("span", {}, h("strong", {}, label), description ? h("span", { class: "muted" }, description) : null));
    const free = !question.options?.length || question.isOther;
    const words = h("input", { type: question.isSecret ? "password" : "text", class: "field", autocomplete: "off", placeholder: question.options?.length ? "Other…" : "", aria: { label: question.question } });
    const field = h("fieldset", {}, h("legend", {}, h("span", { class: "eyebrow" }, question.header), h("span", {}, question.question)), (question.options ?? []).map(choice), free ? words : null);
    const answer = () => [words.value.trim() || field.querySelector("input:checked")?.value].filter(Boolean);
    return { id: question.id, field, answer };
  });
  const form = (send, card) => {
    const submit = () => send({ answers: Object.fromEntries(fields.map(({ id, answer }) => [id, { answers: answer() }])) });
    card.addEventListener("submit", submit);
    return [button("Answer", "primary", () => {}, "submit"), button("Skip", "quiet", () => send({ answers: {} }))];
  };
  return [fields.map(({ field }) => field), form];
}

/** A form, or an address to open, of an MCP server. */
function elicited({ mode, message, requestedSchema, url, _meta: meta }) {
  const refuse = (send) => [button("Decline", "", () => send({ action: "decline", content: null })), button("Cancel", "quiet", () => send({ action: "cancel", content: null }))];
  const accept = (send, contents) => send({ action: "accept", content: contents });
  if (mode === "url" || url) {
    const safe = /^https?:\/\//.test(url ?? "");
    const link = safe ? h("a", { href: url, target: "_blank", rel: "noopener noreferrer" }, url) : h("code", {}, url ?? "");
    return [[reason(message), h("p", { class: "path" }, link)], (send) => [button("Done", "primary", () => accept(send, null)), ...refuse(send)]];
  }
  const fields = Object.entries(requestedSchema?.properties ?? {}).map(([name, schema]) => elicitedField(name, schema, (requestedSchema.required ?? []).includes(name)));
  if (fields.length === 0) return [[reason(message), calls(meta)], (send) => [...consents(send, meta), ...refuse(send)]];
  const form = (send, card) => {
    card.addEventListener("submit", () => {
      const entries = fields.map(({ name, value }) => [name, value()]).filter(([, value]) => value !== undefined);
      accept(send, Object.fromEntries(entries));
    });
    return [button("Send", "primary", () => {}, "submit"), ...refuse(send)];
  };
  return [[reason(message), fields.map(({ element }) => element)], form];
}

/** What a tool is to be called with, where a call is asked about. */
function calls(meta) {
  const given = meta?.tool_params;
  return given && Object.keys(given).length ? h("pre", { class: "output", tabIndex: 0, role: "region", aria: { label: "Arguments" } }, JSON.stringify(given, null, 2)) : null;
}

function consents(send, meta) {
  const accept = (persist) => () => send({ action: "accept", content: {}, ...(persist ? { _meta: { persist } } : {}) });
  const lasting = { session: "Allow for this session", always: "Always allow" };
  const offered = [meta?.persist ?? []].flat().filter((each) => each in lasting);
  return [button("Allow", "primary", accept(null)), ...offered.map((each) => button(lasting[each], "", accept(each)))];
}

function elicitedField(name, schema, required) {
  const label = schema.title ?? name;
  const note = schema.description ? h("span", { class: "muted" }, schema.description) : null;
  if (schema.type === "boolean") {
    const box = h("input", { type: "checkbox", checked: schema.default === true });
    return { name, value: () => box.checked, element: h("label", { class: "choice" }, box, h("span", {}, h("strong", {}, label), note)) };
  }
  const choices = options(schema);
  const input = choices
    ? h("select", { class: "field", required, multiple: schema.type === "array" }, choices.map(([value, text]) => h("option", { value, selected: [schema.default].flat().includes(value) }, text)))
    : h("input", { class: "field", required, type: inputType(schema), value: schema.default ?? "", step: schema.type === "number" ? "any" : undefined, min: schema.minimum, max: schema.maximum, minLength: schema.minLength, maxLength: schema.maxLength });
  const value = () => {
    if (schema.type === "array") return [...input.selectedOptions].map((option) => option.value);
    if (input.value === "") return undefined;
    return schema.type === "number" || schema.type === "integer" ? Number(input.value) : input.value;
  };
  return { name, value, element: h("label", { class: "labelled" }, h("strong", {}, label), note, input) };
}

function options(schema) {
  const source = schema.items ?? schema;
  const titled = source.oneOf ?? source.anyOf;
  if (titled) return titled.map((each) => [each.const, each.title ?? each.const]);
  return source.enum?.map((value, at) => [value, source.enumNames?.[at] ?? value]) ?? null;
}

function inputType({ type, format }) {
  if (type === "number" || type === "integer") return "number";
  return { email: "email", uri: "url", date: "date", "date-time": "datetime-local" }[format] ?? "text";
}
