// The theme that somebody chose in this browser; without a choice it is the system's.
// Loaded before the page is drawn, so that it does not flash in the other one.
(() => {
  "use strict";
  const KEY = "theme";
  const root = document.documentElement;

  // Storage may be switched off.
  function keep(choice) {
    try {
      if (choice) localStorage.setItem(KEY, choice);
      else localStorage.removeItem(KEY);
    } catch {
      return;
    }
  }

  function kept() {
    try {
      return localStorage.getItem(KEY);
    } catch {
      return null;
    }
  }

  function apply(choice) {
    if (choice === "light" || choice === "dark") root.dataset.theme = choice;
    else delete root.dataset.theme;
    const field = document.getElementById("theme");
    if (field) field.value = root.dataset.theme ?? "";
    document.dispatchEvent(new Event("rpa:theme"));
  }

  apply(kept());
  document.addEventListener("DOMContentLoaded", () => {
    apply(kept());
    document.getElementById("theme")?.closest("[hidden]").removeAttribute("hidden");
  });
  document.addEventListener("change", (event) => {
    if (event.target.id !== "theme") return;
    keep(event.target.value);
    apply(event.target.value);
  });
  // Another tab has chosen.
  window.addEventListener("storage", (event) => {
    if (event.key === KEY || event.key === null) apply(kept());
  });
})();
