// Changes that are not saved yet, kept in this browser alone, for each person and
// workflow: a closed tab or an expired session loses nothing. leaving.js removes them
// when the person signs out.

const PAUSE_MS = 300;

export class Draft {
  constructor(key, ended) {
    this.key = `rpa.draft.${key}`;
    this.isOver = false;
    window.addEventListener("pagehide", () => this.flush());
    // Signed out in another tab: nothing typed from now on may stay behind.
    window.addEventListener("storage", (event) => {
      if (event.key !== "rpa.left" || !event.newValue) return;
      this.isOver = true;
      this.forget();
      ended();
    });
  }

  read() {
    try {
      return JSON.parse(localStorage.getItem(this.key));
    } catch {
      return null; // the browser keeps nothing, or something else is there
    }
  }

  keep(text, version) {
    if (this.isOver) return;
    this.waiting = { text, version, at: new Date().toISOString() };
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.flush(), PAUSE_MS);
  }

  flush() {
    clearTimeout(this.timer);
    if (!this.waiting) return;
    try {
      localStorage.setItem(this.key, JSON.stringify(this.waiting));
    } catch {
      // No room: the page still warns before it is left.
    }
    this.waiting = null;
  }

  forget() {
    clearTimeout(this.timer);
    this.waiting = null;
    try {
      localStorage.removeItem(this.key);
    } catch {
      // It kept nothing either.
    }
  }
}
