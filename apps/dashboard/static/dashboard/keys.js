// Keyboard shortcuts, dialogs, copying, and forms that are sent once.
(() => {
  "use strict";
  document.documentElement.classList.add("has-script");

  const LONGEST_PAUSE_MS = 1200;
  let wasG = 0;

  function isTyping(element) {
    return element.isContentEditable || element.matches("input, textarea, select");
  }

  function open(dialog) {
    if (dialog && !dialog.open) dialog.showModal();
  }

  function search() {
    const field = document.querySelector("[data-search]");
    if (field) field.focus();
    else window.location.href = "/workflows#search";
  }

  async function copy(button) {
    const field = document.getElementById(button.dataset.copy);
    field.select();
    try {
      await navigator.clipboard.writeText(field.value);
    } catch {
      // No clipboard without TLS, but for the old command.
      if (!document.execCommand("copy")) return;
    }
    button.textContent = "Copied";
  }

  const single = {
    "/": search,
    "?": () => open(document.getElementById("keys")),
    r: () => document.querySelector("[data-retry]")?.focus(),
  };

  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (isTyping(event.target) || document.querySelector("dialog[open]")) return;
    if (event.key === "g") {
      wasG = event.timeStamp;
      return;
    }
    const isSecond = wasG && event.timeStamp - wasG < LONGEST_PAUSE_MS;
    wasG = 0;
    if (isSecond) {
      for (const link of document.querySelectorAll("a[data-key]")) {
        if (link.dataset.key === event.key) link.click();
      }
    } else if (single[event.key]) {
      event.preventDefault();
      single[event.key]();
    }
  });

  document.addEventListener("click", (event) => {
    const opener = event.target.closest("[data-opens]");
    if (opener) open(document.getElementById(opener.dataset.opens));
    const copier = event.target.closest("[data-copy]");
    if (copier) copy(copier);
  });
  document.addEventListener("change", (event) => {
    const form = event.target.closest("form[data-submit-on-change]");
    if (form) form.requestSubmit();
  });
  document.addEventListener("submit", (event) => {
    const form = event.target;
    if (!form.matches("[data-once]")) return;
    if (form.getAttribute("aria-busy")) event.preventDefault();
    else form.setAttribute("aria-busy", "true");
  });
  // Coming back to a kept page must show what is true now.
  window.addEventListener("pageshow", (event) => {
    if (event.persisted) window.location.reload();
  });
  if (window.location.hash === "#search") search();
})();
