// Reads values of elements; stands on `page.js`.
const reading = (() => {
  function textOf(element) {
    if (element.matches('input, textarea, select')) {
      if (element.matches('[type=checkbox], [type=radio]')) return String(element.checked);
      if (element.matches('[type=password]')) return '';
      if (element.tagName === 'SELECT') {
        return Array.from(element.selectedOptions).map((o) => rpa.norm(o.label)).join(', ');
      }
      return element.value;
    }
    return tree.textOf(element).trim();
  }

  function valueOf(element, attribute) {
    if (!attribute || attribute === 'text') return textOf(element);
    if (attribute === 'html') return element.innerHTML;
    if (attribute === 'value' && element.matches('[type=password]')) return '';
    if (['value', 'checked', 'selected', 'disabled', 'href', 'src'].includes(attribute)) {
      const property = element[attribute];
      if (typeof property === 'boolean') return property;
      if (typeof property === 'string' && element.hasAttribute(attribute)) return property;
      if (attribute === 'value' && typeof property === 'string') return property;
    }
    return element.getAttribute(attribute);
  }

  // A field is a list, [selectors, attribute, many, fields]; without selectors it means
  // the row itself. With fields of its own each element makes a row of them.
  function readField(root, field, notes) {
    const [selectors, attribute, many, inner] = field;
    let found = selectors.length ? [] : [root === document ? document.body : root];
    for (let at = 0; at < selectors.length && !found.length; at += 1) {
      found = rpa.safeQuery(root, selectors[at]);
      if (found.length) notes.use(field, at);
    }
    const values = (many ? found : found.slice(0, 1)).map((element) => {
      if (inner) return inner.map((one) => readField(element, one, notes));
      const value = valueOf(element, attribute);
      notes.spend(value);
      return value;
    });
    return many ? values : values.length ? values[0] : null;
  }

  function budgetOf(limit) {
    let left = limit;
    return {
      spend(value) {
        left -= typeof value === 'string' ? value.length + 8 : 8;
        if (left < 0) throw new Error('RPA-TOO-MUCH');
      },
    };
  }

  // All fields, each before those that it has of its own.
  const allOf = (fields) => fields.flatMap((field) => [field, ...allOf(field[3] || [])]);

  // The fields' values of each row. `used` says of all fields which selector was the
  // last that had to be tried in some row, -1: none found anything.
  function readRows(rows, fields, limit) {
    const last = new Map();
    const use = (field, at) => last.set(field, Math.max(at, last.get(field) ?? -1));
    const notes = { ...budgetOf(limit), use };
    const values = rows.map((row) => fields.map((field) => readField(row, field, notes)));
    return { rows: values, used: allOf(fields).map((field) => last.get(field) ?? -1) };
  }

  // Of each row its fields' values, in the fields' order.
  function extract(selectors, fields, maxRows, limit) {
    if (!selectors.length) return { ...readRows([document], fields, limit), at: 0, count: 1 };
    const { elements, at, count } = rpa.findAll(selectors, maxRows);
    return { ...readRows(elements, fields, limit), at, count };
  }

  function text(selectors) {
    const found = rpa.find(selectors, 'attached');
    if (found.element) found.text = textOf(found.element).slice(0, 4000000);
    return found;
  }

  function attribute(selectors, name) {
    const found = rpa.find(selectors, 'attached');
    if (found.element) {
      found.value = valueOf(found.element, name);
      budgetOf(1000000).spend(found.value);
    }
    return found;
  }

  // What an assertion asks for: the address, the title, how many visible elements
  // there are, and whether one of them, or the page, has a text.
  function facts(selectors, text) {
    const found = rpa.findAll(selectors, 100000);
    const visible = found.elements.filter(rpa.isVisible);
    const places = selectors.length ? visible : [document.body].filter(Boolean);
    const texts = text === null ? [] : places.map((one) => rpa.norm(textOf(one)));
    return {
      url: location.href,
      title: document.title.slice(0, 500),
      count: visible.length,
      at: visible.length ? found.at : -1,
      has_text: texts.some((one) => one.includes(rpa.norm(text))),
      text: (texts[0] || '').slice(0, 200),
    };
  }

  // Whether an element is in a state and holds a text; no selectors: the page's text.
  function condition(selectors, wanted, text, count) {
    const has = (element) => text === null || rpa.norm(textOf(element)).includes(rpa.norm(text));
    const url = location.href;
    if (!selectors.length) return { url, holds: !!document.body && has(document.body) };
    const state = wanted === 'hidden' ? 'visible' : wanted;
    const found = rpa.findFitting(selectors, state, has, count);
    return { url, ...found, holds: (found.at >= 0) !== (wanted === 'hidden') };
  }

  // What the browser's own page says of something that it could not open.
  function errorCode() {
    if (location.protocol === 'chrome-error:') {
      const code = document.querySelector('.error-code');
      return code ? rpa.norm(code.textContent) : '';
    }
    const found = /^about:(?:neterror|certerror)\?e=(\w+)/.exec(document.documentURI);
    return found ? found[1] : '';
  }

  function state() {
    const entry = performance.getEntriesByType('navigation')[0];
    return {
      url: location.href,
      error: errorCode(),
      title: document.title.slice(0, 500),
      status: (entry && entry.responseStatus) || null,
      ready: document.readyState,
      since: performance.timeOrigin,
    };
  }

  // What people could have meant, for a message that names near candidates.
  function candidates(limit) {
    const css = `${naming.CONTROLS}, a[href], label, [id], [data-testid], [role]`;
    return tree.within(document, css).slice(0, limit).map((e) => ({
      tag: e.tagName.toLowerCase(),
      id: e.id.slice(0, 100),
      name: (e.getAttribute('name') || '').slice(0, 100),
      classes: Array.from(e.classList).slice(0, 3).map((c) => c.slice(0, 60)),
      text: (e.children.length < 4 ? naming.accessibleName(e) : '').slice(0, 100),
      placeholder: (e.getAttribute('placeholder') || '').slice(0, 100),
      testid: (e.getAttribute('data-testid') || '').slice(0, 100),
      isLabel: e.tagName === 'LABEL',
    }));
  }

  function isIn(frame, selectors) {
    try {
      const inner = frame.contentDocument;
      return !!inner && selectors.some((one) => rpa.query(inner, one).length > 0);
    } catch {
      return false; // Of another site, or no selector for it.
    }
  }

  // Where else an element may be: frames that have it, and elements that show something
  // of which nothing can be seen from here.
  function elsewhere(selectors, limit) {
    const frames = tree.within(document, 'iframe, frame').slice(0, limit);
    const isSealed = (e) => !tree.shadowOf(e) && !e.firstChild && e.offsetWidth && e.offsetHeight;
    const named = tree.within(document, '*').filter((e) => e.localName.includes('-'));
    const plain = tree.within(document, 'div:empty, span:empty, section:empty, article:empty, main:empty');
    const sealed = [...named, ...plain].filter(isSealed).slice(0, limit);
    return {
      frames: frames.filter((one) => isIn(one, selectors)).map(naming.describe),
      sealed,
      names: sealed.map(naming.describe),
      roles: naming.rolesIn(document).slice(0, limit),
    };
  }

  return { extract, text, attribute, facts, condition, state, candidates, elsewhere };
})();
