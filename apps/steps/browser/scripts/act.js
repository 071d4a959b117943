// Types and presses; stands on `sight.js`.
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

  // Brings a field into view; why it has to be waited for, '' when it has not.
  function inReach(field, force) {
    if (!force) return sight.hindrance(field);
    sight.intoView(field);
    return '';
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
  // With `force` also into one that is moving or covered.
  function type(selectors, text, clear, byKeys, force) {
    const found = rpa.find(selectors, 'editable');
    const element = found.element;
    if (!element) return { ...found, mode: '' };
    if (element.matches('[type=file]')) return { ...found, mode: 'file' };
    if (element.matches('[type=checkbox], [type=radio], [type=button], [type=submit]')) {
      return { ...found, mode: 'not text' };
    }
    if (element.matches('input') && /[\r\n]/.test(text)) return { ...found, mode: 'one line' };
    const why = inReach(element, force);
    if (why) return rpa.refused(found, why);
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

  function focus(selectors, force) {
    const found = rpa.find(selectors, 'enabled');
    if (!found.element) return found;
    const why = inReach(found.element, force);
    if (why) return rpa.refused(found, why);
    found.element.focus();
    return { ...found, has_focus: found.element.getRootNode().activeElement === found.element };
  }

  // A click by script: it reaches what is hidden or covered.
  function press(selectors) {
    const found = rpa.find(selectors, 'attached');
    if (found.element) found.element.click();
    return found;
  }

  return { tell, setValue, putCaret, insert, inReach, type, focus, press };
})();
