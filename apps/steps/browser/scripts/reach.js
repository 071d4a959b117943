// Finds what the mouse can reach, and moves the view; stands on `act.js`.
const reaching = (() => {
  const boxOf = (element) => {
    const { left, top, width, height } = element.getBoundingClientRect();
    return { left, top, width, height };
  };

  // The screen's next frame, after what the page itself has asked to do in it. A page
  // that is not drawn has none, and some pages stop or replace what waits for it: then
  // a tenth of a second.
  const nextFrame = () => new Promise((resolve) => {
    AbortSignal.timeout(100).addEventListener('abort', resolve);
    requestAnimationFrame(resolve);
  });

  // Whether an element stays where it is, also when a script moves it.
  async function isAtRest(element) {
    // Movement without end cannot be waited for.
    if (rpa.animations(element).some((one) => !rpa.ends(one))) return true;
    const before = JSON.stringify(boxOf(element));
    await nextFrame();
    return element.isConnected && JSON.stringify(boxOf(element)) === before;
  }

  // Where the driver's mouse goes: the middle of what is in view of the first box.
  function middleOf(element) {
    const boxes = Array.from(element.getClientRects());
    const box = boxes.find(({ width, height }) => width && height) || boxOf(element);
    const middle = (from, size, limit) =>
      (Math.max(0, from) + Math.min(limit, from + size)) / 2;
    return {
      x: middle(box.left, box.width, innerWidth),
      y: middle(box.top, box.height, innerHeight),
    };
  }

  function pointIn(element, position) {
    if (!position) return middleOf(element);
    const box = boxOf(element);
    return { x: box.left + position.x, y: box.top + position.y };
  }

  // What would get a click at a point instead of the element; null: nothing.
  function coverOf(element, { x, y }) {
    const top = tree.atPoint(x, y);
    if (!top) return 'lies outside of the view';
    // What is in it or around it hands the click on, and so does its label.
    if (tree.isAround(element, top) || tree.isAround(top, element)) return null;
    const label = top.closest('label');
    if (label && label.control === element) return null;
    return `covered by \`${naming.describe(top)}\``;
  }

  // Finds an element and brings it into view.
  function show(selectors, state) {
    const found = rpa.find(selectors, state);
    if (found.element) acting.intoView(found.element);
    return found;
  }

  function isOutside(element, position) {
    const { width, height } = boxOf(element);
    return position && (position.x > width || position.y > height);
  }

  function spotOf(element, position) {
    const [from, to] = [middleOf(element), pointIn(element, position)];
    const isInShadow = element.getRootNode() !== document;
    const isOption = element.matches('option');
    return { offset: [Math.round(to.x - from.x), Math.round(to.y - from.y)], isInShadow, isOption };
  }

  // Finds an element at rest that the mouse can reach: nothing lies above it. Gives
  // how far the point to click is from where the driver's mouse goes by itself.
  async function reach(selectors, state, position) {
    const found = show(selectors, state);
    const element = found.element;
    if (!element) return found;
    if (!(await isAtRest(element))) {
      return rpa.refused(found, element.isConnected ? 'moving' : 'replaced again and again');
    }
    if (isOutside(element, position)) return { ...found, mode: 'outside', ...boxOf(element) };
    let cover = coverOf(element, pointIn(element, position));
    if (cover) {
      // Often by a bar at the page's edge.
      element.scrollIntoView(acting.CENTER);
      cover = coverOf(element, pointIn(element, position));
    }
    if (cover) return rpa.refused(found, cover);
    return { ...found, ...spotOf(element, position) };
  }

  // The same for who does not care what lies above it.
  function place(selectors, position) {
    const found = show(selectors, 'visible');
    if (!found.element) return found;
    const mode = isOutside(found.element, position) ? 'outside' : '';
    return { ...found, mode, ...boxOf(found.element), ...spotOf(found.element, position) };
  }

  const MASK = 'rpa-mask';

  // Lays a box over each element that fits.
  function mask(selectors) {
    const found = rpa.find(selectors, 'attached');
    if (!found.element) return found;
    for (const element of rpa.findAll(selectors, 100000).elements) {
      const box = boxOf(element);
      const cover = document.createElement(MASK);
      const spot = { left: box.left + scrollX, top: box.top + scrollY, width: box.width, height: box.height };
      let style = 'all:initial;display:block;position:absolute;background:#000;z-index:2147483647;';
      for (const [name, value] of Object.entries(spot)) style += `${name}:${value}px;`;
      cover.style.cssText = style;
      document.documentElement.append(cover);
      // Above dialogs, which lie above everything else.
      cover.popover = 'manual';
      if (cover.showPopover) cover.showPopover();
    }
    return found;
  }

  function unmask() {
    for (const cover of tree.all(document, MASK)) cover.remove();
    return true;
  }

  function scrollPage(to, x, y) {
    return scrollIn(document.scrollingElement || document.documentElement, to, x, y);
  }

  function scrollIn(place, to, x, y) {
    const behavior = 'instant';
    if (to === 'top') place.scrollTo({ top: 0, behavior });
    else if (to === 'bottom') place.scrollTo({ top: place.scrollHeight, behavior });
    else place.scrollBy({ left: x, top: y, behavior });
    return position(place);
  }

  // Scrolls an element that has its own bars, or the nearest around it that has.
  function scrollInside(selectors, to, x, y) {
    const found = rpa.find(selectors, 'visible');
    if (!found.element) return found;
    const hasMore = (one) => one.scrollHeight > one.clientHeight || one.scrollWidth > one.clientWidth;
    const canScroll = (one) => hasMore(one) && getComputedStyle(one).overflow !== 'visible';
    let place = found.element;
    while (place && !canScroll(place)) place = tree.parentOf(place);
    return { ...found, ...scrollIn(place || found.element, to, x, y) };
  }

  function scrollToElement(selectors) {
    const found = rpa.find(selectors, 'visible');
    if (!found.element) return found;
    found.element.scrollIntoView({ block: 'center', inline: 'nearest', behavior: 'instant' });
    return { ...found, ...position(document.scrollingElement || document.documentElement) };
  }

  function position(place) {
    return { x: Math.round(place.scrollLeft), y: Math.round(place.scrollTop) };
  }

  return { show, reach, place, coverOf, middleOf, mask, unmask, scrollPage, scrollInside, scrollToElement };
})();
