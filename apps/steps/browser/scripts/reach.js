// Finds what the mouse can reach, and moves the view; stands on `sight.js`.
const reaching = (() => {
  const { boxOf, isAtRest, middleOf, coverOf } = sight;

  function pointIn(element, position) {
    if (!position) return middleOf(element);
    const box = boxOf(element);
    return { x: box.left + position.x, y: box.top + position.y };
  }

  // Finds an element and brings it into view.
  function show(selectors, state) {
    const found = rpa.find(selectors, state);
    if (found.element) sight.intoView(found.element);
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
    const offset = [Math.round(to.x - from.x), Math.round(to.y - from.y)];
    return { offset, point: [to.x, to.y], isInShadow, isOption };
  }

  // Finds an element at rest that the mouse can reach: nothing lies above it. Gives
  // where the point to click is, and how far from where the driver's mouse goes by itself.
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
      element.scrollIntoView(sight.CENTER);
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

  // Lays a box over each element that fits.
  function mask(selectors) {
    const { element, at, tries } = rpa.find(selectors, 'attached');
    if (!element) return { element, at, tries };
    for (const element of rpa.findAll(selectors, 100000).elements) {
      const { left, top, width, height } = boxOf(element);
      masks.draw({ left: left + scrollX, top: top + scrollY, width, height });
    }
    return { element, at, tries };
  }

  function unmask() {
    for (const cover of tree.all(document, masks.NAME)) cover.remove();
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

  return { show, reach, place, mask, unmask, scrollPage, scrollInside, scrollToElement };
})();
