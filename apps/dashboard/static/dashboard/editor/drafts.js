// Changes that are not saved yet, kept in this browser alone, for each person and
// workflow: a closed tab or an ended session loses nothing.

const PAUSE_MS = 300;

export class Draft {
  constructor(key) {
    this.key = `rpa.draft.${key}`;
    window.addEventListener("pagehide", () => this.flush());
  }

  read() {
    try {
      return JSON.parse(localStorage.getItem(this.key));
    } catch {
      return null; // the browser keeps nothing, or something else is there
    }
  }

  keep(text, version) {
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
