// Keeps parts of a page up to date without moving what people look at.
//
// An element with data-live asks for itself by htmx; the answer is merged into what
// stands there: elements are matched by id, open <details>, focus, selection and
// what was typed stay. While the pointer is over a list, its rows change in place
// but none comes or goes.
(() => {
  "use strict";

  const isSame = (one, other) =>
    one.nodeType === other.nodeType && one.nodeName === other.nodeName;
  const idOf = (node) => (node.nodeType === Node.ELEMENT_NODE ? node.id : "");

  function isKept(element, name) {
    return name === "open" && element.nodeName === "DETAILS";
  }

  function mergeAttributes(mine, wanted) {
    for (const { name, value } of wanted.attributes) {
      if (!isKept(mine, name) && mine.getAttribute(name) !== value) {
        mine.setAttribute(name, value);
      }
    }
    for (const { name } of [...mine.attributes]) {
      if (!isKept(mine, name) && !wanted.hasAttribute(name)) mine.removeAttribute(name);
    }
  }

  function merge(mine, wanted) {
    if (mine.nodeType !== Node.ELEMENT_NODE) {
      if (mine.data !== wanted.data) mine.data = wanted.data;
      return;
    }
    if (mine.getAttribute("aria-busy")) return; // its form is being sent
    mergeAttributes(mine, wanted);
    mergeChildren(mine, wanted);
  }

  function mergeChildren(mine, wanted) {
    const known = new Map();
    for (const child of mine.children) if (child.id) known.set(child.id, child);
    if (mine.matches?.("[data-rows]:hover")) {
      for (const row of wanted.children) {
        if (known.has(row.id)) merge(known.get(row.id), row);
      }
      return;
    }
    let at = mine.firstChild;
    for (const child of [...wanted.childNodes]) {
      const id = idOf(child);
      let found = id ? known.get(id) : null;
      if (!id && at && !idOf(at) && isSame(at, child)) found = at;
      if (!found || !isSame(found, child)) {
        if (id && mine.matches?.("[data-rows]")) child.classList.add("is-new");
        mine.insertBefore(document.importNode(child, true), at);
      } else {
        if (found === at) at = at.nextSibling;
        else mine.insertBefore(found, at);
        merge(found, child);
      }
    }
    while (at) {
      const next = at.nextSibling;
      at.remove();
      at = next;
    }
  }

  htmx.defineExtension("steady", {
    isInlineSwap: () => false,
    handleSwap(style, target, fragment) {
      if (style !== "steady") return false;
      mergeChildren(target, fragment);
      return [];
    },
  });

  const said = document.getElementById("connection");
  function say(text, isLate) {
    if (!said) return;
    const words = said.querySelector("[data-text]");
    if (words.textContent !== text) words.textContent = text;
    said.classList.toggle("is-late", isLate);
    said.hidden = false;
  }

  const liveParts = () => document.querySelectorAll("[data-live]");
  if (liveParts().length) say("Live", false);

  document.addEventListener("htmx:beforeRequest", (event) => {
    if (document.hidden && event.target.matches("[data-live]")) event.preventDefault();
  });
  document.addEventListener("visibilitychange", () => {
    if (!document.hidden) liveParts().forEach((part) => htmx.trigger(part, "refresh"));
  });
  document.addEventListener("htmx:afterRequest", (event) => {
    const status = event.detail.xhr.status;
    if (status === 286) {
      event.target.removeAttribute("data-live");
      if (!liveParts().length) say("Up to date", false);
    } else if (event.detail.successful) say("Live", false);
    else if (status) say(`The server answered ${status}; trying again`, true);
  });
  for (const name of ["htmx:sendError", "htmx:timeout"]) {
    document.addEventListener(name, () => say("Connection lost; trying again", true));
  }
})();
