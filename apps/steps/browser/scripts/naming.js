// What elements are called and what they are for, as people and screen readers see it.
const naming = (() => {
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
    if (label.htmlFor || !label.parentNode) return null;
    const near = tree.within(label.parentNode, CONTROLS);
    return near.length === 1 ? near[0] : null;
  }

  // The field that an element is, or that a component draws in its shadow root.
  function fieldIn(element) {
    if (!element || !tree.shadowOf(element) || element.matches(CONTROLS)) return element;
    const inside = tree.within(element, CONTROLS);
    return inside.length === 1 ? inside[0] : element;
  }

  function namedBy(element) {
    const ids = norm(element.getAttribute('aria-labelledby')).split(' ');
    const root = element.getRootNode();
    const parts = ids.map((id) => id && root.getElementById && root.getElementById(id));
    return norm(parts.map((part) => (part ? part.textContent : '')).join(' '));
  }

  // Fields with what labels them.
  function labelled(root) {
    const pairs = [];
    for (const label of tree.all(root, 'label')) {
      pairs.push([fieldIn(label.control || neighbour(label)), ownText(label)]);
    }
    for (const element of tree.all(root, '[aria-labelledby]')) {
      pairs.push([fieldIn(element), namedBy(element)]);
    }
    for (const element of tree.all(root, '[aria-label]')) {
      pairs.push([fieldIn(element), element.getAttribute('aria-label')]);
    }
    return pairs.filter(([element]) => element);
  }

  // What a component shows is often handed to it from outside, by a slot.
  function contentOf(element) {
    const images = tree.all(element, 'img[alt]').map((image) => image.alt).join(' ');
    const isMixed = tree.mixed(element).has(element);
    return norm((isMixed ? tree.textOf(element) : element.textContent) + ' ' + images);
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
    const text = element.matches('input, select, textarea') ? '' : contentOf(element);
    return text || norm(element.title) || norm(element.getAttribute('placeholder'));
  }

  function withRole(root, role) {
    const implicit = IMPLICIT_ROLES[role];
    return tree.all(root, implicit ? `[role], ${implicit}` : '[role]').filter((e) =>
      e.hasAttribute('role')
        ? norm(e.getAttribute('role')).split(' ')[0].toLowerCase() === role
        : true);
  }

  // The roles that elements of a page have.
  function rolesIn(place) {
    const given = tree.within(place, '[role]').map((e) => norm(e.getAttribute('role')).split(' ')[0]);
    const implied = Object.keys(IMPLICIT_ROLES).filter((role) =>
      tree.within(place, IMPLICIT_ROLES[role]).some((e) => !e.hasAttribute('role')));
    return unique([...given.map((role) => role.toLowerCase()), ...implied]);
  }

  // An element in a few words, for messages: `button#save.big`.
  function describe(element) {
    const tag = element.tagName.toLowerCase();
    const short = (text) => norm(text).slice(0, 60);
    if (element.id) return `${tag}#${short(element.id)}`;
    const classes = Array.from(element.classList).slice(0, 3).map((one) => `.${short(one)}`);
    if (classes.length) return tag + classes.join('');
    for (const name of ['name', 'role']) {
      if (element.hasAttribute(name)) return `${tag}[${name}="${short(element.getAttribute(name))}"]`;
    }
    const around = tree.parentOf(element);
    const isTop = !around || around.matches('body, html');
    return isTop ? tag : `${tag} in ${describe(around)}`.slice(0, 200);
  }

  return { CONTROLS, SILENT, norm, fold, unique, best, labelled, accessibleName, withRole, rolesIn, describe };
})();
