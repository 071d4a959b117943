// Prepares fields and changes what needs no keys or mouse; stands on `page.js`.
const acting = (() => {
  const BY_VALUE = ['date', 'time', 'month', 'week', 'datetime-local', 'color', 'range'];

  const tell = (element, names) => {
    for (const name of names) {
      element.dispatchEvent(new Event(name, { bubbles: true, composed: true }));
    }
  };

  // Frameworks replace `value` on the element; the prototype's setter passes them.
  function setValue(element, value) {
    const prototype = Object.getPrototypeOf(element);
    Object.getOwnPropertyDescriptor(prototype, 'value').set.call(element, value);
    tell(element, ['input', 'change']);
  }

  function intoView(element) {
    const box = element.getBoundingClientRect();
    const isInside = box.top >= 0 && box.left >= 0 &&
      box.bottom <= innerHeight && box.right <= innerWidth;
    if (!isInside) element.scrollIntoView({ block: 'center', inline: 'center', behavior: 'instant' });
  }

  function putCaret(element, clear) {
    element.focus();
    if (element.isContentEditable) {
      const range = document.createRange();
      range.selectNodeContents(element);
      if (!clear) range.collapse(false);
      getSelection().removeAllRanges();
      getSelection().addRange(range);
      return;
    }
    if (clear) {
      element.select();
    } else {
      try {
        element.setSelectionRange(element.value.length, element.value.length);
      } catch {
        // Fields of type email or number have no caret to put anywhere.
      }
    }
  }

  const contentOf = (element) =>
    element.isContentEditable ? element.textContent : element.value;

  // Puts text in where the caret is, as pasting does: with the events of a person's
  // editing, and at once.
  function insert(element, text) {
    const wasDone = text === ''
      ? document.execCommand('delete')
      : document.execCommand('insertText', false, text);
    if (!wasDone && text !== '' && !element.isContentEditable) setValue(element, text);
  }

  // Finds a field and types into it. `mode` says how that went: 'done', 'changed' (the
  // field made something else of it), 'keys' (it is ready for keys), or what is wrong.
  function type(selectors, text, clear, byKeys) {
    const found = rpa.find(selectors, 'editable');
    const element = found.element;
    if (!element) return { ...found, mode: '' };
    if (element.matches('[type=file]')) return { ...found, mode: 'file' };
    if (element.matches('[type=checkbox], [type=radio], [type=button], [type=submit]')) {
      return { ...found, mode: 'not text' };
    }
    if (element.matches('input') && /[\r\n]/.test(text)) return { ...found, mode: 'one line' };
    intoView(element);
    if (element.matches('input') && BY_VALUE.includes(element.type)) {
      element.focus();
      setValue(element, text);
      return { ...found, mode: element.value === '' && text !== '' ? 'bad value' : 'done' };
    }
    putCaret(element, clear);
    if (byKeys) {
      if (clear && contentOf(element) !== '') document.execCommand('delete');
      return { ...found, mode: 'keys' };
    }
    const before = clear ? '' : contentOf(element);
    if (text !== '' || (clear && contentOf(element) !== '')) insert(element, text);
    const isAsMeant = element.isContentEditable || contentOf(element) === before + text;
    return { ...found, mode: isAsMeant ? 'done' : 'changed' };
  }

  // Chooses an option; the answer says how many options there are when none fits.
  function choose(selectors, by, wanted) {
    const found = rpa.find(selectors, 'enabled');
    const select = found.element;
    if (!select) return { ...found, mode: '' };
    if (select.tagName !== 'SELECT') return { ...found, mode: 'not a select' };
    const options = Array.from(select.options);
    const fits = {
      value: (option) => option.value === wanted,
      label: (option) => rpa.norm(option.label) === rpa.norm(wanted),
      index: (option) => option.index === wanted,
    }[by];
    const option = options.find(fits);
    if (!option) {
      const labels = options.slice(0, 50).map((o) => (by === 'value' ? o.value : rpa.norm(o.label)));
      return { ...found, mode: 'no option', labels, count: options.length };
    }
    if (option.disabled) return { ...found, mode: 'option disabled' };
    intoView(select);
    select.focus();
    if (!option.selected) {
      option.selected = true;
      tell(select, ['input', 'change']);
    }
    return { ...found, mode: 'done', value: option.value, label: rpa.norm(option.label) };
  }

  function focus(selectors) {
    const found = rpa.find(selectors, 'enabled');
    if (!found.element) return found;
    intoView(found.element);
    found.element.focus();
    return { ...found, has_focus: found.element.getRootNode().activeElement === found.element };
  }

  // Finds an element and brings it into view.
  function show(selectors, state) {
    const found = rpa.find(selectors, state);
    if (found.element) intoView(found.element);
    return found;
  }

  // Finds an element that the mouse can reach: nothing lies above its middle.
  function reach(selectors) {
    const found = show(selectors, 'actionable');
    if (!found.element) return found;
    const box = found.element.getBoundingClientRect();
    const root = found.element.getRootNode();
    const top = root.elementFromPoint(box.left + box.width / 2, box.top + box.height / 2);
    if (top && (found.element.contains(top) || top.contains(found.element))) return found;
    return { ...found, element: null, matches: 1, why: 'covered' };
  }

  // A click by script: it reaches what is hidden or covered.
  function press(selectors) {
    const found = rpa.find(selectors, 'attached');
    if (found.element) found.element.click();
    return found;
  }

  const MASK = 'rpa-mask';

  // Lays a box over each element that fits.
  function mask(selectors) {
    const found = rpa.find(selectors, 'attached');
    if (!found.element) return found;
    for (const element of rpa.findAll(selectors, 100000).elements) {
      const box = element.getBoundingClientRect();
      const cover = document.createElement(MASK);
      const place = { left: box.left + scrollX, top: box.top + scrollY, width: box.width, height: box.height };
      let style = 'all:initial;position:absolute;background:#000;z-index:2147483647;';
      for (const [name, value] of Object.entries(place)) style += `${name}:${value}px;`;
      cover.style.cssText = style;
      document.documentElement.append(cover);
    }
    return found;
  }

  function unmask() {
    for (const cover of rpa.all(document, MASK)) cover.remove();
    return true;
  }

  const BOXES = 'input[type=checkbox], input[type=radio], [role=checkbox], ' +
    '[role=radio], [role=switch], [role=menuitemcheckbox], [role=menuitemradio]';

  const isTicked = (box) =>
    (box.matches('input') ? box.checked : box.getAttribute('aria-checked') === 'true');

  // The box that an element is, holds or labels. Boxes are often hidden behind what
  // is drawn in their place.
  function boxOf(element) {
    if (element.matches(BOXES)) return element;
    const label = element.closest('label');
    if (label && label.control && label.control.matches(BOXES)) return label.control;
    const inside = rpa.all(element, BOXES);
    return inside.length === 1 ? inside[0] : null;
  }

  // Ticks a box; gives 'changed', 'same', or what is wrong.
  function tickBox(box, wanted) {
    if (isTicked(box) === wanted) return 'same';
    if (!wanted && box.matches('input[type=radio]')) return 'radio';
    intoView(box);
    box.click();
    return isTicked(box) === wanted ? 'changed' : 'unchanged';
  }

  function tick(selectors, wanted) {
    const found = rpa.find(selectors, 'attached');
    if (!found.element) return { ...found, mode: '' };
    const box = boxOf(found.element);
    if (!box) return { ...found, mode: 'not a box' };
    // Whoever cannot see the box sees its label, or what stands around it.
    const isShown = [box, found.element, box.closest('label'), ...(box.labels || [])]
      .some((one) => one && rpa.isVisible(one));
    const isOff = box.matches(':disabled') && isTicked(box) !== wanted;
    // It may still appear, or become enabled.
    if (!isShown || isOff) {
      return { ...found, element: null, matches: 1, why: isShown ? 'disabled' : 'hidden' };
    }
    return { ...found, mode: tickBox(box, wanted) };
  }

  // The file field that an element is or labels.
  function fileField(selectors, count) {
    const found = rpa.find(selectors, 'attached');
    if (!found.element) return { ...found, mode: '' };
    const own = found.element.control || found.element;
    const field = own.matches('input[type=file]') ? own : own.querySelector('input[type=file]');
    if (!field) return { ...found, mode: 'not a file field' };
    if (count > 1 && !field.multiple) return { ...found, mode: 'one file' };
    return { ...found, element: field, mode: 'done' };
  }

  // Of several fields with a label the first that a person could fill in.
  function fieldFor(label) {
    for (const kind of ['label', 'placeholder']) {
      const found = rpa.query(document, { kind, value: label })
        .map((one) => (one.matches(rpa.CONTROLS) || one.matches(BOXES) ? one : boxOf(one)))
        .filter(Boolean);
      if (found.length) return found.find(isFillable) || found[0];
    }
    const named = rpa.all(document, `[name="${CSS.escape(label)}"]`);
    return named.find(isFillable) || named[0] || null;
  }

  const isFillable = (field) =>
    !field.matches(':disabled') && (field.matches(BOXES) || rpa.isVisible(field));

  function chooseLabel(select, wanted) {
    const options = Array.from(select.options);
    const option = options.find((one) => rpa.norm(one.label) === rpa.norm(wanted)) ||
      options.find((one) => one.value === wanted);
    if (!option || option.disabled) return `has no option \u201c${wanted.slice(0, 100)}\u201d`;
    if (option.selected) return '';
    option.selected = true;
    tell(select, ['input', 'change']);
    return '';
  }

  // Why a field did not take a value; '' when it did.
  function fillField(field, value) {
    if (!isFillable(field)) return 'is disabled or hidden';
    if (field.matches(BOXES)) {
      if (typeof value !== 'boolean') return 'is a box: it takes true or false';
      const mode = tickBox(field, value);
      return ['changed', 'same'].includes(mode) ? '' : 'did not take the click';
    }
    if (typeof value === 'boolean') return 'is no box: it takes a text';
    const text = String(value);
    if (field.tagName === 'SELECT') return chooseLabel(field, text);
    if (!field.isContentEditable && !field.matches('input, textarea')) return 'is no field';
    if (field.readOnly) return 'cannot be changed';
    if (field.matches('[type=file], [type=submit], [type=button]')) return 'takes no text';
    field.focus();
    if (field.isContentEditable) {
      putCaret(field, true);
      insert(field, text);
      return '';
    }
    setValue(field, text);
    return field.value === '' && text !== '' ? 'takes no such value' : '';
  }

  // Fills in many fields, or none when one is missing.
  function fill(pairs) {
    const fields = pairs.map(([label]) => fieldFor(label));
    const missing = pairs.filter((_, at) => !fields[at]).map(([label]) => label);
    if (missing.length) return { missing, refused: [] };
    const refused = [];
    pairs.forEach(([label, value], at) => {
      // An earlier value may have had the page draw its fields anew.
      const field = fields[at].isConnected ? fields[at] : fieldFor(label);
      const why = field ? fillField(field, value) : 'went away';
      if (why) refused.push([label, why]);
    });
    if (document.activeElement) document.activeElement.blur();
    return { missing, refused };
  }

  function scrollPage(to, x, y) {
    const page = document.scrollingElement || document.documentElement;
    const behavior = 'instant';
    if (to === 'top') page.scrollTo({ top: 0, behavior });
    else if (to === 'bottom') page.scrollTo({ top: page.scrollHeight, behavior });
    else page.scrollBy({ left: x, top: y, behavior });
    return position();
  }

  function scrollToElement(selectors) {
    const found = rpa.find(selectors, 'visible');
    if (!found.element) return found;
    found.element.scrollIntoView({ block: 'center', inline: 'nearest', behavior: 'instant' });
    return { ...found, ...position() };
  }

  function position() {
    return { x: Math.round(scrollX), y: Math.round(scrollY) };
  }

  return { type, choose, focus, show, reach, press, mask, unmask, tick, fileField, fill, scrollPage, scrollToElement, position };
})();
