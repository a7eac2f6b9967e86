// Keys of the whole page. None is taken from somebody who types, nor from a dialog.

export const KEYS = [
  [["/"], "Search threads"],
  [["j"], "Next thread"],
  [["k"], "Previous thread"],
  [["n"], "New thread"],
  [["m"], "Write a message"],
  [["a"], "Go to what waits for you"],
  [["g"], "Beginning of the thread"],
  [["G"], "End of the thread"],
  [["u"], "Usage"],
  [["t"], "Light or dark"],
  [["Esc"], "Stop the turn, from the message field"],
  [["?"], "This list"],
];

/** Call `actions[key]()` when a key is pressed. */
export function listen(actions) {
  document.addEventListener("keydown", (event) => {
    if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return;
    if (event.target.closest("input, textarea, select, dialog, [contenteditable]")) return;
    const action = actions[event.key];
    if (action === undefined) return;
    event.preventDefault();
    action();
  });
}
