// Elements made by hand: text goes in as text only, so nothing that is shown can become markup or script.
// Knows no thread and no connection.

const SVG = "http://www.w3.org/2000/svg";

/** An element with properties, `on…` listeners, `data`/`aria` groups and children (elements, texts; null is left out). */
export function h(name, props = {}, ...children) {
  const element = document.createElement(name);
  apply(element, props);
  return append(element, children);
}

/** The same for SVG, where all properties are attributes. */
export function svg(name, attributes = {}, ...children) {
  const element = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) {
    if (value !== null && value !== undefined) element.setAttribute(key, String(value));
  }
  return append(element, children);
}

function apply(element, props) {
  for (const [key, value] of Object.entries(props)) {
    if (value === undefined || value === null) continue;
    if (key.startsWith("on")) element.addEventListener(key.slice(2).toLowerCase(), value);
    else if (key === "class") element.className = value;
    else if (key === "data") Object.assign(element.dataset, value);
    else if (key === "aria") for (const [name, told] of Object.entries(value)) aria(element, name, told);
    else if (key === "role" || key === "for") element.setAttribute(key, value);
    else element[key] = value;
  }
}

/** Set or (null, undefined) remove an aria attribute. */
export function aria(element, name, value) {
  if (value === null || value === undefined) element.removeAttribute(`aria-${name}`);
  else if (element.getAttribute(`aria-${name}`) !== String(value)) element.setAttribute(`aria-${name}`, String(value));
}

function append(element, children) {
  for (const child of children.flat(Infinity)) {
    if (child === null || child === undefined || child === false) continue;
    element.append(child);
  }
  return element;
}

/** Put `children` in the place of all that is there. */
export function fill(element, ...children) {
  element.replaceChildren();
  return append(element, children);
}

/** Change a text only if it is another: a screen reader hears of every change in a live region. */
export function say(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

const PATHS = {
  add: "M8 3v10M3 8h10",
  archive: "M2.5 3.5h11v3h-11zM3.5 6.5v6h9v-6M6.5 9h3",
  branch: "M5 3v7M5 10a1.8 1.8 0 1 0 0 3.6A1.8 1.8 0 0 0 5 10ZM11 2.6a1.8 1.8 0 1 0 0 3.6 1.8 1.8 0 0 0 0-3.6ZM11 6.2c0 3-6 1.8-6 4.4",
  chart: "M2.5 13.5h11M4.5 13V8M8 13V3.5M11.5 13V6",
  check: "m3.5 8.5 3 3 6-7",
  close: "m4 4 8 8M12 4l-8 8",
  command: "m3.5 5 3 3-3 3M8.5 11.5h4",
  down: "M8 3.5v9M4 9l4 4 4-4",
  edit: "m3 13 .8-3L10.6 3.2a1.3 1.3 0 0 1 1.9 0l.3.3a1.3 1.3 0 0 1 0 1.9L6 12.2 3 13Z",
  error: "M8 2.5 14 13H2L8 2.5ZM8 6.5v3M8 11.2v.1",
  file: "M4 2.5h5l3 3v8H4zM9 2.5v3h3",
  fork: "M4.5 5.6v1.9c0 1 .7 1.7 1.7 1.7h3.6c1 0 1.7-.7 1.7-1.7V5.6M8 9.2v1.6M4.5 2.4a1.6 1.6 0 1 0 0 3.2 1.6 1.6 0 0 0 0-3.2ZM11.5 2.4a1.6 1.6 0 1 0 0 3.2 1.6 1.6 0 0 0 0-3.2ZM8 10.8a1.6 1.6 0 1 0 0 3.2 1.6 1.6 0 0 0 0-3.2Z",
  help: "M6 6a2 2 0 1 1 2.8 1.8c-.6.3-.8.7-.8 1.4M8 11.7v.1",
  menu: "M2.5 4.5h11M2.5 8h11M2.5 11.5h11",
  more: "M8 3.4v.1M8 8v.1M8 12.6v.1",
  moon: "M13 9.5A5.5 5.5 0 1 1 6.5 3a4.5 4.5 0 0 0 6.5 6.5Z",
  out: "M9.5 3h-6v10h6M7 8h7M11.5 5.5 14 8l-2.5 2.5",
  people: "M6 7.5a2.2 2.2 0 1 0 0-4.4 2.2 2.2 0 0 0 0 4.4ZM2 13c.3-2.2 1.8-3.5 4-3.5S9.7 10.8 10 13M10.5 3.5a2 2 0 0 1 0 3.8M11.8 9.8c1.3.5 2 1.6 2.2 3.2",
  plan: "M3 4.5 4 5.5l1.5-2M3 11l1 1 1.5-2M8 4.5h5M8 11h5",
  search: "M7 2.5a4.5 4.5 0 1 0 0 9 4.5 4.5 0 0 0 0-9ZM10.5 10.5 13.5 13.5",
  send: "M8 13V3.5M4 7.5l4-4 4 4",
  stop: "M5 5h6v6H5z",
  sun: "M8 5a3 3 0 1 0 0 6 3 3 0 0 0 0-6ZM8 1.5v1.2M8 13.3v1.2M1.5 8h1.2M13.3 8h1.2M3.4 3.4l.9.9M11.7 11.7l.9.9M12.6 3.4l-.9.9M4.3 11.7l-.9.9",
  tool: "M9.8 3.2a3 3 0 0 0-3.6 4L2.8 10.6a1.5 1.5 0 0 0 2.1 2.1L8.3 9.3a3 3 0 0 0 4-3.6L10.4 7.6 8.4 7l-.6-2 2-1.8Z",
  thought: "M8 2.5a4 4 0 0 0-2.3 7.3V11.5h4.6V9.8A4 4 0 0 0 8 2.5ZM6.2 13.5h3.6",
  turn: "m6 4 4 4-4 4",
};

/** A line drawing of 16 units; it says nothing to a screen reader, its button does. */
export function icon(name) {
  return svg(
    "svg",
    { viewBox: "0 0 16 16", class: "icon", "aria-hidden": "true", focusable: "false" },
    svg("path", { d: PATHS[name] }),
  );
}

/** A button that shows an icon alone and is called `label`. */
export function iconButton(name, label, onClick, props = {}) {
  const { class: extra = "", aria: told = {}, ...rest } = props;
  const names = { label, ...told };
  return h("button", { type: "button", class: `icon-button ${extra}`, title: label, onClick, ...rest, aria: names }, icon(name));
}
