// Chooses, ticks and fills in fields; stands on `reach.js`.
const filling = (() => {
  const { CONTROLS } = naming;
  const BOXES = 'input[type=checkbox], input[type=radio], [role=checkbox], ' +
    '[role=radio], [role=switch], [role=menuitemcheckbox], [role=menuitemradio]';

  const factsOf = (option) => ({ value: option.value, label: rpa.norm(option.label) });

  // Chooses options; the answer says how many options there are when one is missing.
  // More than one choice is for fields that take several, and leaves no other chosen.
  function choose(selectors, by, wanted, isList, force) {
    const found = rpa.find(selectors, 'enabled');
    const select = found.element;
    if (!select) return { ...found, mode: '' };
    if (select.tagName !== 'SELECT') return { ...found, mode: 'not a select' };
    if (isList && !select.multiple) return { ...found, mode: 'one option' };
    const options = Array.from(select.options);
    const fits = {
      value: (option, one) => option.value === one,
      label: (option, one) => rpa.norm(option.label) === rpa.norm(one),
      index: (option, one) => option.index === one,
    }[by];
    const chosen = wanted.map((one) => options.find((option) => fits(option, one)));
    const missing = chosen.findIndex((option) => !option || option.disabled);
    if (missing >= 0) {
      const labels = options.slice(0, 50).map((o) => (by === 'value' ? o.value : rpa.norm(o.label)));
      const mode = chosen[missing] ? 'option disabled' : 'no option';
      return { ...found, mode, missing: wanted[missing], labels, count: options.length };
    }
    const why = acting.inReach(select, force);
    if (why) return rpa.refused({ ...found, mode: '' }, why);
    select.focus();
    const before = options.map((option) => option.selected).join();
    if (isList) for (const option of options) option.selected = chosen.includes(option);
    else chosen[0].selected = true;
    if (options.map((option) => option.selected).join() !== before) {
      acting.tell(select, ['input', 'change']);
    }
    return { ...found, mode: 'done', options: chosen.map(factsOf) };
  }

  const isTicked = (box) =>
    (box.matches('input') ? box.checked : box.getAttribute('aria-checked') === 'true');

  // The box that an element is, holds or labels. Boxes are often hidden behind what
  // is drawn in their place.
  function boxOf(element) {
    if (element.matches(BOXES)) return element;
    const label = element.closest('label');
    if (label && label.control && label.control.matches(BOXES)) return label.control;
    const inside = tree.within(element, BOXES);
    return inside.length === 1 ? inside[0] : null;
  }

  // Ticks a box; gives 'changed', 'same', or what is wrong.
  function tickBox(box, wanted) {
    if (isTicked(box) === wanted) return 'same';
    if (!wanted && box.matches('input[type=radio]')) return 'radio';
    sight.intoView(box);
    box.click();
    return isTicked(box) === wanted ? 'changed' : 'unchanged';
  }

  // Why nobody could tick a box now; '' when somebody could.
  function hindrance(box, places, wanted) {
    const shown = places.filter((one) => one && rpa.isVisible(one));
    if (!shown.length) return 'hidden';
    if (isTicked(box) === wanted) return '';
    if (box.matches(':disabled') || box.getAttribute('aria-disabled') === 'true') return 'disabled';
    let cover = '';
    for (const one of shown) {
      sight.intoView(one);
      cover = sight.coverOf(one, sight.middleOf(one));
      if (!cover) return '';
    }
    return cover;
  }

  function tick(selectors, wanted, force) {
    const found = rpa.find(selectors, 'attached');
    if (!found.element) return { ...found, mode: '' };
    const box = boxOf(found.element);
    if (!box) return { ...found, mode: 'not a box' };
    // Whoever cannot see the box sees its label, or what stands around it.
    const places = [box, found.element, box.closest('label'), ...(box.labels || [])];
    const why = force ? '' : hindrance(box, places, wanted);
    // It may still appear, become enabled, or be uncovered.
    if (why) return rpa.refused(found, why);
    return { ...found, mode: tickBox(box, wanted) };
  }

  // The file field that an element is or labels.
  function fileField(selectors, count) {
    const found = rpa.find(selectors, 'attached');
    if (!found.element) return { ...found, mode: '' };
    const own = found.element.control || found.element;
    const isField = own.matches('input[type=file]');
    const field = isField ? own : tree.within(own, 'input[type=file]')[0];
    if (!field) return { ...found, mode: 'not a file field' };
    if (count > 1 && !field.multiple) return { ...found, mode: 'one file' };
    return { ...found, element: field, mode: 'done' };
  }

  const isFillable = (field) =>
    !field.matches(':disabled') && (field.matches(BOXES) || rpa.isVisible(field));

  // Of several fields with a label the first that a person could fill in.
  function fieldFor(label) {
    for (const kind of ['label', 'placeholder']) {
      const found = rpa.query(document, { kind, value: label })
        .map((one) => (one.matches(CONTROLS) || one.matches(BOXES) ? one : boxOf(one)))
        .filter(Boolean);
      if (found.length) return found.find(isFillable) || found[0];
    }
    const named = tree.within(document, `[name="${CSS.escape(label)}"]`);
    return named.find(isFillable) || named[0] || null;
  }

  function chooseLabel(select, wanted) {
    const options = Array.from(select.options);
    const option = options.find((one) => rpa.norm(one.label) === rpa.norm(wanted)) ||
      options.find((one) => one.value === wanted);
    if (!option || option.disabled) return `has no option \u201c${wanted.slice(0, 100)}\u201d`;
    if (option.selected) return '';
    option.selected = true;
    acting.tell(select, ['input', 'change']);
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
      acting.putCaret(field, true);
      acting.insert(field, text);
      return '';
    }
    acting.setValue(field, text);
    return field.value === '' && text !== '' ? 'takes no such value' : '';
  }

  // The first field that is covered or moving, as its label and why; null: none is.
  function hindered(pairs, fields) {
    for (let at = 0; at < fields.length; at += 1) {
      const why = isFillable(fields[at]) ? sight.hindrance(fields[at]) : '';
      if (why) return [pairs[at][0], why];
    }
    return null;
  }

  // Fills in many fields, or none when one is missing, covered or moving.
  function fill(pairs, force) {
    const fields = pairs.map(([label]) => fieldFor(label));
    const missing = pairs.filter((_, at) => !fields[at]).map(([label]) => label);
    if (missing.length) return { missing, hindered: null, refused: [] };
    const first = force ? null : hindered(pairs, fields);
    if (first) return { missing: [first[0]], hindered: first, refused: [] };
    const refused = [];
    pairs.forEach(([label, value], at) => {
      // An earlier value may have had the page draw its fields anew.
      if (!fields[at].isConnected) tree.forget();
      const field = fields[at].isConnected ? fields[at] : fieldFor(label);
      const why = field ? fillField(field, value) : 'went away';
      if (why) refused.push([label, why]);
    });
    if (tree.focused()) tree.focused().blur();
    return { missing, refused };
  }

  // The same, and then finds what is to be clicked: a question less to the browser.
  async function fillAndReach(pairs, selectors) {
    const done = fill(pairs);
    if (done.missing.length || done.refused.length) return done;
    tree.forget();
    return { ...done, next: await reaching.reach(selectors, 'actionable', null) };
  }

  return { choose, tick, fileField, fill, fillAndReach };
})();
