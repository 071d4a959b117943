// Finds elements of a page. Selectors come in as data, never as code; each finds what
// lies in open shadow roots too. All of this is made anew for every command, so that
// pages cannot tamper with it.
const rpa = (() => {
  const { norm, fold, unique, best } = naming;
  const BUTTONS = 'input[type=submit], input[type=button], input[type=reset]';

  // The smallest elements with that text, also when it is cut by inline elements.
  function textPairs(root, wanted) {
    const pairs = [];
    const folded = fold(wanted);
    const walker = document.createTreeWalker(root, NodeFilter.SHOW_TEXT);
    for (let node = walker.nextNode(); node; node = walker.nextNode()) {
      const own = fold(node.data);
      if (!own) continue;
      const parent = node.parentElement || node.parentNode.host;
      if (!parent || naming.SILENT.has(parent.tagName)) continue;
      if (own.includes(folded)) {
        pairs.push([parent, node.data]);
      } else if (folded.includes(own)) {
        let outer = node.parentElement;
        for (let up = 0; outer && up < 4; up += 1, outer = outer.parentElement) {
          const text = outer.textContent;
          if (text.length > 20 * wanted.length + 200) break;
          if (fold(text).includes(folded)) {
            pairs.push([outer, text]);
            break;
          }
        }
      }
    }
    for (const e of tree.all(root, BUTTONS)) pairs.push([e, e.value]);
    return pairs;
  }

  // Cuts a selector at `>>`, and at spaces if need be; not inside quotes and brackets.
  function pieces(css, atSpaces) {
    const found = [''];
    let depth = 0;
    let quote = '';
    for (let at = 0; at < css.length; at += 1) {
      const sign = css[at];
      const isFree = !depth && !quote;
      if (isFree && css.startsWith('>>', at)) {
        found.push('');
        at += 1;
        continue;
      }
      if (isFree && atSpaces && /\s/.test(sign)) {
        const isCombined = /[>+~,]\s*$/.test(found[found.length - 1]) || /^\s*[>+~,]/.test(css.slice(at, at + 50));
        if (!isCombined) {
          found.push('');
          continue;
        }
      }
      if (quote) quote = sign === quote ? '' : quote;
      else if (sign === '"' || sign === "'") quote = sign;
      else if ('([{'.includes(sign)) depth += 1;
      else if (')]}'.includes(sign)) depth -= 1;
      found[found.length - 1] += sign;
      if (sign === '\\') found[found.length - 1] += css[at += 1] || '';
    }
    return found.map((piece) => piece.trim()).filter(Boolean);
  }

  // What each piece finds below what the one before it found.
  function byPieces(roots, parts) {
    let found = roots.flatMap((root) => tree.all(root, parts[0]));
    for (const part of parts.slice(1)) {
      found = unique(found.flatMap((element) => tree.within(element, part)));
    }
    return found;
  }

  function byCss(roots, css) {
    const isCut = css.includes('>>') && pieces(css, false).length > 1;
    if (isCut) return byPieces(roots, pieces(css, false));
    const found = roots.flatMap((root) => tree.all(root, css));
    if (found.length || roots.length === 1 || css.includes(',')) return found;
    // `my-form .save` names what is around a shadow root, too.
    const parts = pieces(css, true);
    return parts.length > 1 ? byPieces(roots, parts) : found;
  }

  function evaluate(expression, place) {
    const type = XPathResult.ORDERED_NODE_SNAPSHOT_TYPE;
    const result = document.evaluate(expression, place, null, type, null);
    const found = [];
    for (let at = 0; at < result.snapshotLength; at += 1) {
      const node = result.snapshotItem(at);
      if (node.nodeType === Node.ELEMENT_NODE) found.push(node);
      else found.push(node.ownerElement || node.parentElement);
    }
    return found;
  }

  // An expression that begins at the root is looked for in every shadow root by itself.
  function byXPath(roots, expression) {
    const [place, ...shadows] = roots;
    const isFromRoot = /^\(*\//.test(expression);
    // In a row, `//td` would leave it.
    const isInRow = place !== document && expression.startsWith('//');
    const found = evaluate(isInRow ? `.${expression}` : expression, place);
    for (const root of isFromRoot ? shadows : []) {
      // A shadow root itself is no place for XPath to begin at; its elements are.
      if (root.firstElementChild) found.push(...evaluate(expression, root.firstElementChild));
    }
    return unique(found);
  }

  function byAttribute(roots, names, wanted, isExact) {
    const css = names.map((name) => `[${name}]`).join(', ');
    const value = (e) => e.getAttribute(names.find((name) => e.hasAttribute(name)));
    const pairs = roots.flatMap((root) => tree.all(root, css)).map((e) => [e, value(e)]);
    if (!isExact) return best(pairs, wanted);
    return pairs.filter(([, text]) => text === wanted).map(([element]) => element);
  }

  function byRole(roots, role, name) {
    const found = roots.flatMap((root) => naming.withRole(root, role));
    if (name === null) return found;
    return best(found.map((e) => [e, naming.accessibleName(e)]), name);
  }

  function byKind(roots, { kind, value, name }) {
    const pairs = (make) => roots.flatMap((root) => make(root, value));
    switch (kind) {
      case 'css': return byCss(roots, value);
      case 'xpath': return byXPath(roots, value);
      case 'text': return best(pairs(textPairs), value);
      case 'label': return best(pairs(naming.labelled), value);
      case 'role': return byRole(roots, value, name);
      case 'placeholder': return byAttribute(roots, ['placeholder'], value, false);
      case 'testid': return byAttribute(
        roots, ['data-testid', 'data-test-id', 'data-test', 'data-qa'], value, true);
      default: throw new Error('unknown kind of selector');
    }
  }

  // All elements that one selector finds below a place, in the page's order.
  function query(place, selector) {
    const roots = tree.places(place);
    const found = byKind(roots, selector);
    return roots.length > 1 && found.length > 1 ? tree.inOrder(place, found) : found;
  }

  function safeQuery(place, selector) {
    try {
      return query(place, selector);
    } catch (error) {
      // Marked, to be told from faults of our own.
      const facts = [selector.kind, selector.value.slice(0, 200), String(error.message)];
      throw new Error(`RPA-INVALID-SELECTOR ${JSON.stringify(facts)} END`);
    }
  }

  function isVisible(element) {
    if (element.tagName === 'OPTION') return isVisible(element.closest('select') || document.body);
    if (element.checkVisibility && !element.checkVisibility({ visibilityProperty: true })) {
      return false;
    }
    return Array.from(element.getClientRects()).some((r) => r.width > 0 && r.height > 0);
  }

  const isEnabled = (element) =>
    !element.matches(':disabled') && element.getAttribute('aria-disabled') !== 'true';

  // The running animations of an element and of all that it lies in.
  function animations(element) {
    const found = [];
    for (let root = element.getRootNode(); root; root = root.host && root.host.getRootNode()) {
      if (root.getAnimations) found.push(...root.getAnimations());
    }
    return found.filter(({ playState, effect }) =>
      playState === 'running' && effect && effect.target && tree.isAround(effect.target, element));
  }

  // Fields have these in many designs when they get the focus.
  const STAYING = /color|shadow|outline/;

  const ends = (animation) => Number.isFinite(animation.effect.getComputedTiming().endTime);

  // Only movement that ends can be waited for.
  const isMoving = (element) =>
    animations(element).some((one) => ends(one) && !STAYING.test(one.transitionProperty || ''));

  function isEditable(element) {
    if (element.isContentEditable) return true;
    return element.matches('input, textarea') && !element.readOnly;
  }

  // Why an element is not in the wanted state; '' when it is.
  function objection(element, state) {
    if (state === 'attached') return '';
    if (!isVisible(element)) return 'hidden';
    if (state === 'visible') return '';
    if (state !== 'still' && !isEnabled(element)) return 'disabled';
    if (state === 'enabled') return '';
    if (state === 'editable') return isEditable(element) ? '' : 'not editable';
    return isMoving(element) ? 'moving' : '';
  }

  // The first element in the wanted state, by the first selector that finds any. When
  // none is, `tries` says of each selector how many it found and why none would do.
  function find(selectors, state) {
    const tries = [];
    for (let at = 0; at < selectors.length; at += 1) {
      const found = safeQuery(document, selectors[at]);
      let why = '';
      for (const element of found.slice(0, 1000)) {
        const objected = objection(element, state);
        if (!objected) return { element, at, tries, ...rivals(element, found) };
        why = why || objected;
      }
      tries.push([found.length, why]);
    }
    return { element: null, at: -1, tries };
  }

  // Of several elements, which one it is and how many of them can be seen.
  function rivals(element, found) {
    if (found.length < 2) return { matches: found.length };
    const visible = found.slice(0, 1000).filter(isVisible).length;
    return { matches: found.length, visible, used: naming.describe(element) };
  }

  // What `find` gave, when the element will not do after all.
  const refused = (found, why) =>
    ({ ...found, element: null, tries: [...found.tries, [found.matches, why]] });

  // The first selector that finds that many elements that are in the state and fit the
  // test; `at` is -1 when none does.
  function findFitting(selectors, state, test, count) {
    const tries = [];
    for (let at = 0; at < selectors.length; at += 1) {
      const found = safeQuery(document, selectors[at]);
      let left = count;
      const isEnough = found.slice(0, 1000 + count).some((element) => {
        if (!objection(element, state) && test(element)) left -= 1;
        return left <= 0;
      });
      if (isEnough) return { at, tries };
      tries.push([found.length, '']);
    }
    return { at: -1, tries };
  }

  function findAll(selectors, limit) {
    for (let at = 0; at < selectors.length; at += 1) {
      const found = safeQuery(document, selectors[at]);
      if (found.length) return { elements: found.slice(0, limit), at, count: found.length };
    }
    return { elements: [], at: -1, count: 0 };
  }

  return {
    norm, query, safeQuery, find, refused, findAll, findFitting, isVisible, isMoving, animations, ends, unique,
  };
})();
