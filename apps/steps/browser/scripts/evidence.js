// Copies a document as inert HTML, and tells where on the screen what is in it stands.
// Runs in a world of its own, where pages see and change nothing of it.
const KEPT = Symbol.for('rpa.evidence');
const evidence = globalThis[KEPT] || (() => {
  const HTML = 'http://www.w3.org/1999/xhtml';
  const HIDDEN = '***';
  const DROPPED = new Set([
    'script', 'noscript', 'base', 'object', 'embed', 'applet', 'portal', 'fencedframe',
    'animate', 'animatemotion', 'animatetransform', 'set', 'rpa-mask',
  ]);
  // What a parser reads in its own way, up to the end of the document at worst.
  const RENAMED = {
    xmp: 'pre', plaintext: 'pre', listing: 'pre', noembed: 'div', noframes: 'div',
    frameset: 'div', frame: 'iframe',
  };
  const EMPTY = new Set([
    'area', 'br', 'col', 'hr', 'img', 'input', 'link', 'meta', 'source', 'track', 'wbr',
  ]);
  const LEFT_OUT = new Set([
    'srcdoc', 'ping', 'autofocus', 'autoplay', 'nonce', 'integrity', 'http-equiv',
    'shadowrootmode', 'sandbox',
  ]);
  const SEEN = new Set(['value', 'placeholder', 'alt', 'label']);
  const PRIVATE =
    'input[type=password], [autocomplete~=current-password], [autocomplete~=new-password], ' +
    '[autocomplete~=one-time-code], [autocomplete~=cc-number], [autocomplete~=cc-csc]';
  // Longer than this no copy takes; what is missing then is the page's end.
  const MOST_MS = 700;
  const NAME = /^[a-z_][\w.:-]*$/i;
  // The same characters, written in the same way, as Python's `html.escape`.
  const WRITTEN = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#x27;' };
  const escape = (text) =>
    /[&<>"']/.test(text) ? text.replace(/[&<>"']/g, (one) => WRITTEN[one]) : text;

  let copy = null;

  // Every `<` of the copy is one that this script writes: so nothing that stood in the
  // page as text can become markup, however a parser reads the copy.
  function put(text, node) {
    copy.isCut = copy.isCut || copy.size + text.length > copy.limit;
    // From here on nothing: what follows would stand in the wrong place.
    if (copy.isCut) return;
    if (node !== undefined) {
      copy.starts.push(copy.size);
      copy.nodes.push(node);
    }
    copy.part += text;
    copy.size += text.length;
  }

  function endPart() {
    copy.parts.push(copy.part);
    copy.part = '';
  }

  // An element of HTML by its name, any other by none.
  const kindOf = (element) => (element.namespaceURI === HTML ? element.localName : '');
  const isPrivate = (element, kind) =>
    (kind === 'input' || kind === 'textarea') && element.matches(PRIVATE);

  function isHarmful(name, value) {
    if (name.startsWith('on') || LEFT_OUT.has(name) || !NAME.test(name)) return true;
    return /^[\u0000-\u0020]*[jvd]/i.test(value) &&
      /^(javascript|vbscript|data:text)/i.test(value.replace(/[\u0000-\u0020]/g, ''));
  }

  // What the element is now stands in no attribute.
  const isState = (kind, name) =>
    (kind === 'input' && (name === 'value' || name === 'checked')) ||
    (kind === 'option' && name === 'selected');
  // Where it leads to; the copy does not go there.
  const isSource = (kind, name) =>
    (name === 'src' && (kind === 'iframe' || kind === 'frame')) ||
    (name === 'rel' && kind === 'link');

  function attributes(element, kind) {
    // Objects for the attributes would take ten times as long.
    for (const name of element.getAttributeNames()) {
      const value = element.getAttribute(name) || '';
      if (isHarmful(name.toLowerCase(), value) || isState(kind, name)) continue;
      put(` ${isSource(kind, name) ? 'data-was-' : ''}${name}="`);
      put(`${escape(value)}"`, SEEN.has(name) ? element : null);
    }
    if (kind === 'input') inputState(element);
    if (kind === 'option' && element.selected) put(' selected=""');
  }

  function inputState(input) {
    if (input.checked) put(' checked=""');
    if (input.value === '') return;
    const value = isPrivate(input, 'input') ? HIDDEN : input.value;
    put(' value="');
    put(`${escape(value)}"`, input);
  }

  function frameOf(element) {
    put(' sandbox="" srcdoc="');
    if (copy.isCut) return;
    copy.frames.push(element);
    endPart();
    put('"');
  }

  function textOf(node) {
    const parent = node.parentElement;
    const kind = parent ? kindOf(parent) : '';
    if (kind === 'style') {
      // Read as it stands there; CSS has an escape of its own for what could end it.
      put(node.data.replace(/</g, '\\3c '), null);
    } else {
      put(escape(node.data), kind === 'option' ? parent.closest('select') : node);
    }
  }

  function elementOf(element, waiting) {
    const local = element.localName.toLowerCase();
    if (DROPPED.has(local)) return;
    const kind = kindOf(element);
    const isFrame = kind === 'iframe' || kind === 'frame';
    const name = Object.hasOwn(RENAMED, local) ? RENAMED[local]
      : NAME.test(local) ? local : 'x-unknown';
    const hides = isPrivate(element, kind);
    if (hides) copy.fields.push(element);
    put(`<${name}`);
    attributes(element, kind);
    if (isFrame) frameOf(element);
    put('>');
    if (EMPTY.has(kind)) return;
    waiting.push(`</${name}>`);
    if (kind === 'textarea') {
      put(escape(hides && element.value ? HIDDEN : element.value), element);
    } else if (!isFrame) {
      contentOf(element, waiting);
    }
  }

  // No lists of children: a page may have a million of them.
  function contentOf(element, waiting) {
    const root = element.shadowRoot;
    waiting.push(element.firstChild);
    if (root) waiting.push('</template>', root.firstChild, '<template shadowrootmode="open">');
  }

  // What waits is put last first: strings as they are, and each node before all that
  // stand behind it.
  function walk(root) {
    const waiting = [root];
    for (let count = 1; waiting.length && !copy.isCut; count += 1) {
      copy.isCut = count % 500 === 0 && performance.now() > copy.until;
      const node = waiting.pop();
      if (!node) continue;
      if (typeof node === 'string') {
        put(node);
        continue;
      }
      if (node !== root) waiting.push(node.nextSibling);
      if (node.nodeType === Node.TEXT_NODE) textOf(node);
      else if (node.nodeType === Node.ELEMENT_NODE) elementOf(node, waiting);
    }
  }

  function begin(limit) {
    return {
      limit, until: performance.now() + MOST_MS, size: 0, isCut: false,
      part: '', parts: [], frames: [], starts: [], nodes: [], fields: [],
    };
  }

  // `{parts, frames, isCut}`: between each two parts belongs the content of a frame.
  function take(limit) {
    copy = begin(limit);
    if (document.documentElement) walk(document.documentElement);
    endPart();
    return {
      parts: copy.parts,
      frames: copy.frames.map((frame) => frame.contentWindow),
      isCut: copy.isCut,
    };
  }

  // How many of the nodes begin at or before an offset.
  function countUntil(offset) {
    let low = 0;
    let high = copy.starts.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (copy.starts[middle] <= offset) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  const nodesIn = ([start, end]) =>
    copy.nodes.slice(Math.max(0, countUntil(start) - 1), countUntil(end - 1)).filter(Boolean);

  function boxesOf(node) {
    if (node.nodeType === Node.ELEMENT_NODE) return [node.getBoundingClientRect()];
    const range = document.createRange();
    range.selectNodeContents(node);
    return Array.from(range.getClientRects()).slice(0, 1000);
  }

  const numbers = (box) => [box.x, box.y, box.width, box.height];

  function contentBox(frame) {
    const box = frame.getBoundingClientRect();
    const style = getComputedStyle(frame);
    const left = frame.clientLeft + parseFloat(style.paddingLeft);
    const top = frame.clientTop + parseFloat(style.paddingTop);
    return [box.x + left, box.y + top, box.width, box.height];
  }

  // Where on the screen private fields stand, and what was copied to these places;
  // null when the document is no longer the one that was copied.
  function boxes(spans) {
    if (!copy) return null;
    const nodes = new Set([...copy.fields, ...spans.flatMap(nodesIn)]);
    return {
      hidden: Array.from(nodes).flatMap(boxesOf).map(numbers),
      frames: copy.frames.map(contentBox),
      width: innerWidth,
    };
  }

  // Where in the document private fields and the spans stand, and frames by number.
  function places([spans, frames]) {
    const found = boxes(spans);
    if (!found) return null;
    const all = [...found.hidden, ...frames.map((at) => found.frames[at])];
    return { places: all.map(([x, y, ...size]) => [x + scrollX, y + scrollY, ...size]) };
  }

  let covers = [];

  // Draws black boxes there, until `uncover`.
  function cover(wanted) {
    const found = places(wanted);
    if (!found) return null;
    // The same as on a picture that is blackened later: a pixel more at each side.
    covers = found.places.filter(([, , width, height]) => width > 0 && height > 0)
      .map(([x, y, width, height]) => masks.draw(
        { left: x - 1, top: y - 1, width: width + 2, height: height + 2 }));
    return found;
  }

  function uncover() {
    for (const one of covers) one.remove();
    covers = [];
    return {};
  }

  return { take, boxes, places, cover, uncover };
})();
globalThis[KEPT] = evidence;
