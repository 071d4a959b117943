// Walks over a page and the open shadow roots in it; no script sees into closed ones.
const tree = (() => {
  const all = (root, css) => Array.from(root.querySelectorAll(css));

  // Pages may put anything there; a shadow root is a kind of fragment.
  function shadowOf(element) {
    const root = element.shadowRoot;
    return root && root.nodeType === Node.DOCUMENT_FRAGMENT_NODE ? root : null;
  }

  const walkerOf = (root) => document.createTreeWalker(root, NodeFilter.SHOW_ELEMENT);

  // Visits all elements below a place in the order in which they are seen: what is in
  // a shadow root comes right after its host.
  function visit(place, see, enter) {
    const walkers = [walkerOf(place)];
    const descend = (root) => {
      if (!root) return;
      enter(root);
      walkers.push(walkerOf(root));
    };
    if (place.nodeType === Node.ELEMENT_NODE) descend(shadowOf(place));
    while (walkers.length) {
      const element = walkers[walkers.length - 1].nextNode();
      if (!element) {
        walkers.pop();
        continue;
      }
      if (see) see(element);
      // Asked twice, because a call costs more than the question: this runs once for
      // each of many thousand elements.
      if (element.shadowRoot) descend(shadowOf(element));
    }
  }

  // A place and the shadow roots below it; looked for once, as nothing changes meanwhile.
  const known = new Map();
  function places(place) {
    if (place !== document && !hasShadows()) return [place];
    let found = known.get(place);
    if (!found) {
      found = [place];
      visit(place, null, (root) => found.push(root));
      known.set(place, found);
    }
    return found;
  }

  const forget = () => known.clear();

  const hasShadows = () => places(document).length > 1;

  // All that CSS finds in a place and in the shadow roots below it.
  const within = (place, css) => places(place).flatMap((root) => all(root, css));

  // Elements of several roots in the order in which they are seen.
  function inOrder(place, elements) {
    const wanted = new Set(elements);
    const found = [];
    const see = (element) => { if (wanted.has(element)) found.push(element); };
    visit(place, see, () => {});
    return found;
  }

  // What a node lies in, as it is drawn: slots and hosts count.
  function parentOf(node) {
    const parent = node.assignedSlot || node.parentNode;
    if (!parent) return null;
    if (parent.nodeType === Node.ELEMENT_NODE) return parent;
    return parent.host || null;
  }

  function isAround(outer, inner) {
    for (let node = inner; node; node = parentOf(node)) if (node === outer) return true;
    return false;
  }

  // The topmost element at a point of the view.
  function atPoint(x, y, page = document) {
    let found = page.elementFromPoint(x, y);
    while (found && shadowOf(found)) {
      const inner = shadowOf(found).elementFromPoint(x, y);
      if (!inner || inner.getRootNode() !== shadowOf(found)) break;
      found = inner;
    }
    return found;
  }

  function focused() {
    let found = document.activeElement;
    while (found && shadowOf(found) && shadowOf(found).activeElement) {
      found = shadowOf(found).activeElement;
    }
    return found;
  }

  // The elements around shadow roots and slots: their text is not all below them.
  function mixed(element) {
    const found = new Set();
    if (!hasShadows()) return found;
    const isInside = element.getRootNode().nodeType === Node.DOCUMENT_FRAGMENT_NODE;
    const roots = places(element);
    const starts = roots.slice(1).map((root) => root.host);
    for (const root of isInside ? roots : roots.slice(1)) starts.push(...all(root, 'slot'));
    if (isInside && element.matches('slot')) starts.push(element);
    for (const start of starts) {
      for (let node = start; node && !found.has(node); node = parentOf(node)) found.add(node);
    }
    return found;
  }

  function drawnIn(element) {
    if (shadowOf(element)) return shadowOf(element).childNodes;
    if (element.tagName === 'SLOT') return element.assignedNodes({ flatten: true });
    return element.childNodes;
  }

  // The text as it is seen, shadow roots and slots included.
  function textOf(element, around = mixed(element)) {
    if (!around.has(element)) {
      const text = element.innerText;
      return text === undefined ? element.textContent : text;
    }
    const isHidden = getComputedStyle(element).visibility !== 'visible';
    let text = '';
    for (const node of drawnIn(element)) {
      if (node.nodeType === Node.TEXT_NODE) text += isHidden ? '' : node.data.replace(/\s+/g, ' ');
      if (node.nodeType !== Node.ELEMENT_NODE) continue;
      const display = getComputedStyle(node).display;
      if (display === 'none') continue;
      const inner = textOf(node, around);
      text += /^(inline|contents)/.test(display) ? inner : `\n${inner}\n`;
    }
    return text.replace(/[ \n]*\n[ \n]*/g, '\n');
  }

  return {
    all, shadowOf, places, forget, within, inOrder, parentOf, isAround, atPoint, focused,
    mixed, textOf,
  };
})();
