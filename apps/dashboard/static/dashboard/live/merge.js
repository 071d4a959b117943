// Merges what the server answers into what stands on the page, as the htmx swap
// `steady`: elements are matched by id; open <details>, focus, selection, ticks and
// what was typed stay. While the pointer is over a list its rows change in place, but
// none comes or goes. What a script draws itself stands in an element with data-own.

const isSame = (one, other) =>
  one.nodeType === other.nodeType && one.nodeName === other.nodeName;
const idOf = (node) => (node.nodeType === Node.ELEMENT_NODE ? node.id : "");
const isRows = (element) => Boolean(element.matches?.("[data-rows]"));

function isKept(element, name) {
  if (name === "hidden") return element.hasAttribute("data-own");
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
  if (!mine.hasAttribute("data-own")) mergeChildren(mine, wanted);
}

function mergeKnownRows(known, wanted) {
  for (const row of wanted.children) {
    if (known.has(row.id)) merge(known.get(row.id), row);
  }
}

export function mergeChildren(mine, wanted) {
  const known = new Map();
  for (const child of mine.children) if (child.id) known.set(child.id, child);
  if (isRows(mine) && mine.matches(":hover")) {
    mergeKnownRows(known, wanted);
    return;
  }
  let at = mine.firstChild;
  for (const child of [...wanted.childNodes]) {
    const id = idOf(child);
    let found = id ? known.get(id) : null;
    if (!id && at && !idOf(at) && isSame(at, child)) found = at;
    if (!found || !isSame(found, child)) {
      if (id && isRows(mine)) child.classList.add("is-new");
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

window.htmx.defineExtension("steady", {
  isInlineSwap: () => false,
  handleSwap(style, target, fragment) {
    if (style !== "steady") return false;
    mergeChildren(target, fragment);
    return [];
  },
});
