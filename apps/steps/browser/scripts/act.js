// Types, presses and brings into view; stands on `page.js`.
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

  const CENTER = { block: 'center', inline: 'center', behavior: 'instant' };

  function intoView(element) {
    const box = element.getBoundingClientRect();
    const isInside = box.top >= 0 && box.left >= 0 &&
      box.bottom <= innerHeight && box.right <= innerWidth;
    if (!isInside) element.scrollIntoView(CENTER);
  }

  function putCaret(element, clear) {
    element.focus();
    if (element.isContentEditable) {
      // Selections made by hand end at a shadow root, those of the editor do not.
      document.execCommand('selectAll');
      if (!clear) getSelection().modify('move', 'forward', 'documentboundary');
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

  function focus(selectors) {
    const found = rpa.find(selectors, 'enabled');
    if (!found.element) return found;
    intoView(found.element);
    found.element.focus();
    return { ...found, has_focus: found.element.getRootNode().activeElement === found.element };
  }

  // A click by script: it reaches what is hidden or covered.
  function press(selectors) {
    const found = rpa.find(selectors, 'attached');
    if (found.element) found.element.click();
    return found;
  }

  return { tell, setValue, CENTER, intoView, putCaret, insert, type, focus, press };
})();
