// Reads what a checkpoint needs, scrolls back, and waits for what is under way.
const keeping = (() => {
  const copy = (name) => {
    try {
      return Object.fromEntries(Object.entries(window[name]));
    } catch {
      return {}; // Pages without an origin have no storage.
    }
  };

  const sizeOf = (items) =>
    Object.entries(items).reduce((sum, [key, value]) => sum + key.length + value.length, 0);

  // Where the page is, and what it stores up to a limit; null: more than that.
  function read(mostStored) {
    const storage = {};
    if (location.origin !== 'null') {
      const [local, session] = [copy('localStorage'), copy('sessionStorage')];
      const isTooLarge = sizeOf(local) + sizeOf(session) > mostStored;
      storage[location.origin] = isTooLarge ? null : { local, session };
    }
    const since = performance.timeOrigin;
    return { since, url: location.href, storage, scroll: { x: scrollX, y: scrollY } };
  }

  function scroll(position) {
    scrollTo({ left: position.x || 0, top: position.y || 0, behavior: 'instant' });
    return true;
  }

  // What a click set off, such as sending its form, is a task of its own.
  async function settle() {
    // Not by timers, which pages replace or stop.
    for (let task = 0; task < 2; task += 1) {
      const { port1, port2 } = new MessageChannel();
      await new Promise((resolve) => {
        port1.onmessage = resolve;
        port2.postMessage(null);
      });
      port1.close();
    }
    return true;
  }

  return { read, scroll, settle };
})();
