// The colours that a person chose, set before the first paint; the only script that is no module, for modules run later.
"use strict";
(() => {
  let chosen = null;
  try {
    chosen = localStorage.getItem("threadcast.theme");
  } catch {
    // Storage may be forbidden; then the system decides.
  }
  if (chosen === "light" || chosen === "dark") document.documentElement.dataset.theme = chosen;
})();
