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
  const NAME = /^[a-z_][\w.:-]*$/i;
  // The same characters, written in the same way, as Python's `html.escape`.
  const WRITTEN = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#x27;' };
  const escape = (text) => text.replace(/[&<>"']/g, (one) => WRITTEN[one]);

  let copy = null;

  function begin(limit) {
    return {
      limit, size: 0, parts: [''], frames: [], starts: [], nodes: [], isCut: false,
      fields: [],
    };
  }

  // Every `<` of the copy comes from `tag` and `end`: so nothing that stood in the page
  // as text can become markup, however a parser reads the copy.
  function put(text, node) {
    copy.isCut = copy.isCut || copy.size + text.length > copy.limit;
    // From here on nothing: what follows would stand in the wrong place.
    if (copy.isCut) return;
    if (node !== undefined) {
      copy.starts.push(copy.size);
      copy.nodes.push(node);
    }
    copy.parts[copy.parts.length - 1] += text;
    copy.size += text.length;
  }

  function nameOf(element) {
    const name = element.localName.toLowerCase();
    if (Object.hasOwn(RENAMED, name)) return RENAMED[name];
    return NAME.test(name) ? name : 'x-unknown';
  }

  const isHtml = (element) => element.namespaceURI === HTML;
  const isField = (element, ...names) => isHtml(element) && names.includes(element.localName);
  const isPrivate = (element) => isField(element, 'input', 'textarea') && element.matches(PRIVATE);

  function isHarmful(name, value) {
    if (name.startsWith('on') || LEFT_OUT.has(name) || !NAME.test(name)) return true;
    return /^(javascript|vbscript|data:text)/i.test(value.replace(/[\u0000-\u0020]/g, ''));
  }

  function attributes(element) {
    const isFrame = isField(element, 'iframe', 'frame');
    const isInput = isField(element, 'input');
    for (const { name, value } of element.attributes) {
      if (isHarmful(name.toLowerCase(), value)) continue;
      if (isInput && (name === 'value' || name === 'checked')) continue;
      if (isField(element, 'option') && name === 'selected') continue;
      const moved = (isFrame && name === 'src') || (name === 'rel' && isField(element, 'link'));
      put(` ${moved ? 'data-was-' : ''}${name}="`);
      put(`${escape(value)}"`, SEEN.has(name) ? element : null);
    }
    if (isInput) state(element);
    if (isField(element, 'option') && element.selected) put(' selected=""');
  }

  // What the field holds now, which its attribute does not tell.
  function state(input) {
    if (input.checked) put(' checked=""');
    if (input.value === '') return;
    const value = isPrivate(input) ? HIDDEN : input.value;
    put(' value="');
    put(`${escape(value)}"`, input);
  }

  function openTag(element) {
    put(`<${nameOf(element)}`);
    attributes(element);
    if (isField(element, 'iframe', 'frame')) {
      put(' sandbox="" srcdoc="');
      if (copy.isCut) return;
      copy.frames.push(element);
      copy.parts.push('');
      put('"');
    }
    put('>');
  }

  function textOf(node) {
    const parent = node.parentElement;
    if (parent && isField(parent, 'style')) {
      // Read as it stands there; CSS has an escape of its own for what could end it.
      put(node.data.replace(/</g, '\\3c '), null);
    } else {
      put(escape(node.data), parent && isField(parent, 'option') ? parent.closest('select') : node);
    }
  }

  // What stands in a node, last first; strings are put as they are.
  function contentOf(node) {
    if (isField(node, 'iframe', 'frame')) return [];
    if (isField(node, 'textarea')) {
      put(escape(isPrivate(node) && node.value ? HIDDEN : node.value), node);
      return [];
    }
    const found = Array.from(node.childNodes).reverse();
    if (node.shadowRoot) {
      const inner = Array.from(node.shadowRoot.childNodes).reverse();
      found.push('</template>', ...inner, '<template shadowrootmode="open">');
    }
    return found;
  }

  function walk(root) {
    const waiting = [root];
    while (waiting.length && !copy.isCut) {
      const node = waiting.pop();
      if (typeof node === 'string') put(node);
      else if (node.nodeType === Node.TEXT_NODE) textOf(node);
      else if (node.nodeType === Node.ELEMENT_NODE && !DROPPED.has(node.localName.toLowerCase())) {
        if (isPrivate(node)) copy.fields.push(node);
        openTag(node);
        if (isHtml(node) && EMPTY.has(node.localName)) continue;
        waiting.push(`</${nameOf(node)}>`, ...contentOf(node));
      }
    }
  }

  // `{parts, frames, isCut}`: between each two parts belongs the content of a frame.
  function take(limit) {
    copy = begin(limit);
    if (document.documentElement) walk(document.documentElement);
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

  return { take, boxes };
})();
globalThis[KEPT] = evidence;
