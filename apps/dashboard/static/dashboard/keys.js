// Keyboard shortcuts, dialogs, copying, ticks, and forms that are sent once.
(() => {
  "use strict";
  document.documentElement.classList.add("has-script");

  const LONGEST_PAUSE_MS = 1200;
  let wasG = 0;

  function isTyping(element) {
    return element.isContentEditable || element.matches("input, textarea, select");
  }

  function open(dialog) {
    if (!dialog || dialog.open) return false;
    dialog.showModal();
    dialog.dispatchEvent(new Event("opened"));
    return true;
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
    r: () => document.querySelector("[data-retry]")?.click(),
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

  // A link that opens a dialog or fills a part of the page is a link all the same,
  // for those who want it in a tab of its own.
  function isPlain(event) {
    return event.button === 0 && !(event.ctrlKey || event.metaKey || event.shiftKey);
  }

  function fill(link) {
    const place = document.querySelector(link.dataset.into);
    place.hidden = false;
    window.htmx.ajax("GET", link.href, { target: place, swap: "innerHTML" }).then(() => {
      place.scrollIntoView({ block: "nearest" });
      place.querySelector("[tabindex]")?.focus({ preventScroll: true });
    });
  }

  document.addEventListener("click", (event) => {
    const opener = event.target.closest("[data-opens]");
    if (opener && isPlain(event) && open(document.getElementById(opener.dataset.opens))) {
      event.preventDefault();
    }
    const filler = event.target.closest("a[data-into]");
    if (filler && isPlain(event) && document.querySelector(filler.dataset.into)) {
      event.preventDefault();
      fill(filler);
    }
    const closer = event.target.closest("[data-closes]");
    if (closer) closer.closest("dialog").close();
    const copier = event.target.closest("[data-copy]");
    if (copier) copy(copier);
  });

  function tickAll(box) {
    for (const one of document.querySelectorAll(box.dataset.ticks)) one.checked = box.checked;
  }

  // Fields that are not shown are not sent, and need not be filled.
  function showFields(box) {
    const fields = document.getElementById(box.dataset.shows);
    fields.hidden = fields.disabled = !box.checked;
  }
  document.querySelectorAll("[data-shows]").forEach(showFields);

  document.addEventListener("change", (event) => {
    const form = event.target.closest("form[data-submit-on-change]");
    if (form && event.target.matches("select")) form.requestSubmit();
    if (event.target.matches("[data-ticks]")) tickAll(event.target);
    if (event.target.matches("[data-shows]")) showFields(event.target);
  });
  document.addEventListener("submit", (event) => {
    const form = event.target;
    const question = event.submitter?.dataset.confirm;
    if (question && !window.confirm(question)) {
      event.preventDefault();
      return;
    }
    if (!form.matches("[data-once]")) return;
    if (form.getAttribute("aria-busy")) event.preventDefault();
    else form.setAttribute("aria-busy", "true");
  });
  // Coming back to a kept page must show what is true now.
  window.addEventListener("pageshow", (event) => {
    if (event.persisted) window.location.reload();
  });
  if (window.location.hash === "#search") search();
  // The tabulator leaves alone what it finds half in sight.
  document.addEventListener("focusin", (event) => {
    const isInRow = event.target.closest(".side nav, .tabs");
    if (isInRow) event.target.scrollIntoView({ block: "nearest", inline: "nearest" });
  });
  // On a phone the navigation is one row that scrolls.
  const here = document.querySelector(".side nav [aria-current]");
  here?.parentElement.scrollTo({ left: here.offsetLeft - here.parentElement.clientWidth / 3 });
})();
