// Draws black boxes over parts of a document, for pictures of it.
const masks = (() => {
  const NAME = 'rpa-mask';

  // At a place in the document, not in the view.
  function draw({ left, top, width, height }) {
    const cover = document.createElement(NAME);
    let style = 'all:initial;display:block;position:absolute;background:#000;z-index:2147483647;';
    for (const [name, value] of Object.entries({ left, top, width, height })) {
      style += `${name}:${value}px;`;
    }
    cover.style.cssText = style;
    document.documentElement.append(cover);
    // Above dialogs, which lie above everything else.
    cover.popover = 'manual';
    if (cover.showPopover) cover.showPopover();
    return cover;
  }

  return { NAME, draw };
})();
