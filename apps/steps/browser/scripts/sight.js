// Where elements are seen, and what lies above them; stands on `page.js`.
const sight = (() => {
  const CENTER = { block: 'center', inline: 'center', behavior: 'instant' };

  function intoView(element) {
    const box = element.getBoundingClientRect();
    const isInside = box.top >= 0 && box.left >= 0 &&
      box.bottom <= innerHeight && box.right <= innerWidth;
    if (!isInside) element.scrollIntoView(CENTER);
  }

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

  // What would get a click at a point instead of the element; null: nothing.
  function coverOf(element, { x, y }) {
    const top = tree.atPoint(x, y);
    if (!top) return 'lies outside of the view';
    // What is in it or around it hands the click on, and so does its label.
    const label = top.closest('label');
    const handsOn = tree.isAround(element, top) || tree.isAround(top, element) ||
      (label && label.control === element);
    const cover = handsOn ? frameCover(x, y) : top;
    return cover && `covered by \`${naming.describe(cover)}\``;
  }

  // What lies above the frame that this page is in, at a point of it; null: nothing, or
  // nobody can tell, as around frames of another site or out of view.
  function frameCover(x, y) {
    let inner = window;
    try {
      for (let frame = inner.frameElement; frame; frame = inner.frameElement) {
        const box = frame.getBoundingClientRect();
        const style = inner.parent.getComputedStyle(frame);
        // One that is turned or made smaller has its points elsewhere.
        if (Math.abs(box.width - frame.offsetWidth) > 1) return null;
        x += box.left + frame.clientLeft + parseFloat(style.paddingLeft);
        y += box.top + frame.clientTop + parseFloat(style.paddingTop);
        const top = tree.atPoint(x, y, frame.ownerDocument);
        if (top && !tree.isAround(top, frame)) return top;
        inner = inner.parent;
      }
    } catch {
      // Of another site.
    }
    return null;
  }

  // Too small to be meant for people, or not there for the mouse: what is drawn in its
  // place stands around it, and its label may do as well.
  function isStandIn(field) {
    const { width, height } = boxOf(field);
    const style = getComputedStyle(field);
    if (width < 8 || height < 8 || style.clip !== 'auto') return true;
    return style.opacity === '0' || style.pointerEvents === 'none';
  }

  function placesOf(field) {
    if (!isStandIn(field) && rpa.isVisible(field)) return [field];
    const places = [...(field.labels || []), field.closest('label'), tree.parentOf(field)];
    return rpa.unique(places).filter(rpa.isVisible);
  }

  // Points of an element: its middle, and others for when only a part can be seen.
  function pointsOf(element) {
    const { x, y } = middleOf(element);
    const { left, width } = boxOf(element);
    return [{ x, y }, { x: left + width / 8, y }, { x: left + (width * 7) / 8, y }];
  }

  // What lies above all that one sees of a field; null: nothing. What no view can be
  // moved to is under nothing.
  function coverOfPlace(place) {
    let cover = null;
    for (const point of pointsOf(place)) {
      if (!tree.atPoint(point.x, point.y)) continue;
      const found = coverOf(place, point);
      if (!found) return null;
      cover = cover || found;
    }
    return cover;
  }

  // Why nobody could work on a field now, `moving` or `covered by …`; '' when somebody
  // could. It is brought into view for that. A frame is not waited for: nobody has to
  // hit a field, so it may be where a script has just put it.
  function hindrance(field) {
    const places = placesOf(field);
    let cover = '';
    for (const place of places) {
      intoView(place);
      let found = coverOfPlace(place);
      if (found) {
        // Often by a bar at the page's edge.
        place.scrollIntoView(CENTER);
        found = coverOfPlace(place);
      }
      if (!found) return rpa.isMoving(place) ? 'moving' : '';
      cover = cover || found;
    }
    return cover;
  }

  return { CENTER, intoView, boxOf, isAtRest, middleOf, coverOf, hindrance };
})();
