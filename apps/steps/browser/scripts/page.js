// Finds and reads elements of a page. Selectors come in as data, never as code.
// `rpa` is made anew for every command, so that pages cannot tamper with it.
const rpa = (() => {
  const CONTROLS =
    'input:not([type=hidden]), select, textarea, button, meter, output, progress, ' +
    '[contenteditable=""], [contenteditable=true], [role=textbox], [role=combobox]';
  const IMPLICIT_ROLES = {
    article: 'article',
    banner: 'body > header',
    button: 'button, summary, input[type=button], input[type=submit], ' +
      'input[type=reset], input[type=image]',
    cell: 'td',
    checkbox: 'input[type=checkbox]',
    columnheader: 'th',
    combobox: 'select:not([multiple]):not([size]), input[list]',
    contentinfo: 'body > footer',
    dialog: 'dialog',
    form: 'form',
    heading: 'h1, h2, h3, h4, h5, h6',
    img: 'img',
    link: 'a[href], area[href]',
    list: 'ul, ol, menu',
    listbox: 'select[multiple], select[size]',
    listitem: 'li',
    main: 'main',
    navigation: 'nav',
    option: 'option',
    paragraph: 'p',
    progressbar: 'progress',
    radio: 'input[type=radio]',
    region: 'section',
    row: 'tr',
    searchbox: 'input[type=search]',
    slider: 'input[type=range]',
    spinbutton: 'input[type=number]',
    status: 'output',
    table: 'table',
    textbox: 'input:not([type]), input[type=text], input[type=email], ' +
      'input[type=tel], input[type=url], input[type=password], textarea, ' +
      '[contenteditable=""], [contenteditable=true]',
  };
  const SILENT = new Set(['SCRIPT', 'STYLE', 'NOSCRIPT', 'TEMPLATE', 'HEAD', 'TITLE']);

  const norm = (text) => (text || '').replace(/\s+/g, ' ').trim();
  const fold = (text) => norm(text).toLowerCase();
  const all = (root, css) => Array.from(root.querySelectorAll(css));
  const unique = (list) => Array.from(new Set(list.filter(Boolean)));

  // The candidates whose text fits best: exactly, but for case, or in part.
  function best(pairs, wanted) {
    const exact = norm(wanted);
    const folded = fold(wanted);
    for (const fits of [
      (text) => norm(text) === exact,
      (text) => fold(text) === folded,
      (text) => folded !== '' && fold(text).includes(folded),
    ]) {
      const found = pairs.filter(([, text]) => fits(text)).map(([element]) => element);
      if (found.length) return unique(found);
    }
    return [];
  }

  function ownText(label) {
    let text = '';
    for (const node of label.childNodes) {
      if (node.nodeType === Node.TEXT_NODE) text += node.data;
      else if (node.nodeType === Node.ELEMENT_NODE && !node.matches(CONTROLS) &&
               !SILENT.has(node.tagName)) {
        text += ' ' + ownText(node);
      }
    }
    return text;
  }

  // Many pages put a label beside its field and connect the two in no way.
  function neighbour(label) {
    if (label.htmlFor) return null;
    const near = label.parentElement ? all(label.parentElement, CONTROLS) : [];
    return near.length === 1 ? near[0] : null;
  }

  function namedBy(element) {
    const ids = norm(element.getAttribute('aria-labelledby')).split(' ');
    const root = element.getRootNode();
    const parts = ids.map((id) => id && root.getElementById && root.getElementById(id));
    return norm(parts.map((part) => (part ? part.textContent : '')).join(' '));
  }

  function byLabel(root, wanted) {
    const pairs = [];
    for (const label of all(root, 'label')) {
      pairs.push([label.control || neighbour(label), ownText(label)]);
    }
    for (const element of all(root, '[aria-labelledby]')) {
      pairs.push([element, namedBy(element)]);
    }
    for (const element of all(root, '[aria-label]')) {
      pairs.push([element, element.getAttribute('aria-label')]);
    }
    return best(pairs.filter(([element]) => element), wanted);
  }

  function accessibleName(element) {
    const given = namedBy(element) || norm(element.getAttribute('aria-label'));
    if (given) return given;
    const labels = Array.from(element.labels || []).map(ownText);
    if (norm(labels.join(' '))) return norm(labels.join(' '));
    if (element.matches('input[type=submit], input[type=button], input[type=reset]')) {
      return norm(element.value) || { submit: 'Submit', reset: 'Reset' }[element.type];
    }
    if (element.matches('img, area, input[type=image]')) return norm(element.alt);
    const isField = element.matches('input, select, textarea');
    const images = all(element, 'img[alt]').map((image) => image.alt).join(' ');
    const text = isField ? '' : norm(element.textContent + ' ' + images);
    return text || norm(element.title) || norm(element.getAttribute('placeholder'));
  }

  function byRole(root, role, name) {
    const implicit = IMPLICIT_ROLES[role];
    const found = all(root, implicit ? `[role], ${implicit}` : '[role]').filter((e) =>
      e.hasAttribute('role')
        ? norm(e.getAttribute('role')).split(' ')[0].toLowerCase() === role
        : true);
    return name === null ? found : best(found.map((e) => [e, accessibleName(e)]), name);
  }

  // The smallest elements with that text, also when it is cut by inline elements.
  function byText(root, wanted) {
    const pairs = [];
    const folded = fold(wanted);
    const walker = document.createTreeWalker(root, NodeFilter.SHOW_TEXT);
    for (let node = walker.nextNode(); node; node = walker.nextNode()) {
      const own = fold(node.data);
      const parent = node.parentElement;
      if (!own || !parent || SILENT.has(parent.tagName)) continue;
      if (own.includes(folded)) {
        pairs.push([parent, node.data]);
      } else if (folded.includes(own)) {
        let outer = parent;
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
    for (const e of all(root, 'input[type=submit], input[type=button], input[type=reset]')) {
      pairs.push([e, e.value]);
    }
    return best(pairs, wanted);
  }

  function byXPath(root, expression) {
    const type = XPathResult.ORDERED_NODE_SNAPSHOT_TYPE;
    const result = document.evaluate(expression, root, null, type, null);
    const found = [];
    for (let at = 0; at < result.snapshotLength; at += 1) {
      const node = result.snapshotItem(at);
      if (node.nodeType === Node.ELEMENT_NODE) found.push(node);
      else found.push(node.ownerElement || node.parentElement);
    }
    return unique(found);
  }

  function byAttribute(root, names, wanted, isExact) {
    const css = names.map((name) => `[${name}]`).join(', ');
    const value = (e) => e.getAttribute(names.find((name) => e.hasAttribute(name)));
    const pairs = all(root, css).map((e) => [e, value(e)]);
    if (!isExact) return best(pairs, wanted);
    return pairs.filter(([, text]) => text === wanted).map(([element]) => element);
  }

  // All elements that one selector finds below `root`, in the page's order.
  function query(root, selector) {
    switch (selector.kind) {
      case 'css': return all(root, selector.value);
      case 'xpath': return byXPath(root, selector.value);
      case 'text': return byText(root, selector.value);
      case 'label': return byLabel(root, selector.value);
      case 'role': return byRole(root, selector.value, selector.name);
      case 'placeholder': return byAttribute(root, ['placeholder'], selector.value, false);
      case 'testid': return byAttribute(
        root, ['data-testid', 'data-test-id', 'data-test', 'data-qa'], selector.value, true);
      default: throw new Error('unknown kind of selector');
    }
  }

  function safeQuery(root, selector) {
    try {
      return query(root, selector);
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

  // Only movement that ends can be waited for.
  function isMoving(element) {
    return document.getAnimations().some((animation) => {
      const effect = animation.effect;
      if (animation.playState !== 'running' || !effect || !effect.target) return false;
      return effect.target.contains(element) &&
        Number.isFinite(effect.getComputedTiming().endTime);
    });
  }

  function isEditable(element) {
    if (element.isContentEditable) return true;
    return element.matches('input, textarea') && !element.readOnly;
  }

  // Why an element is not in the wanted state; '' when it is.
  function objection(element, state) {
    if (state === 'attached') return '';
    if (!isVisible(element)) return 'hidden';
    if (state === 'visible') return '';
    if (!isEnabled(element)) return 'disabled';
    if (state === 'enabled') return '';
    if (state === 'editable') return isEditable(element) ? '' : 'not editable';
    return isMoving(element) ? 'moving' : '';
  }

  // The first element in the wanted state, by the first selector that finds any.
  function find(selectors, state) {
    let matches = 0;
    let why = '';
    for (let at = 0; at < selectors.length; at += 1) {
      const found = safeQuery(document, selectors[at]);
      matches += found.length;
      for (const element of found.slice(0, 1000)) {
        const objected = objection(element, state);
        if (!objected) return { element, at, matches: found.length, why: '' };
        why = why || objected;
      }
    }
    return { element: null, at: -1, matches, why };
  }

  // Whether that many elements are in the state and fit the test.
  function findFitting(selectors, state, test, count) {
    return selectors.some((selector) => {
      let left = count;
      return safeQuery(document, selector).slice(0, 1000 + count).some((element) => {
        if (!objection(element, state) && test(element)) left -= 1;
        return left <= 0;
      });
    });
  }

  function findAll(selectors, limit) {
    for (let at = 0; at < selectors.length; at += 1) {
      const found = safeQuery(document, selectors[at]);
      if (found.length) return { elements: found.slice(0, limit), at, count: found.length };
    }
    return { elements: [], at: -1, count: 0 };
  }

  return { CONTROLS, norm, all, query, safeQuery, find, findAll, findFitting, isVisible, accessibleName };
})();
