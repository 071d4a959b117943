// Saves the text as a new version. When somebody else saved meanwhile it shows what
// differs and asks; nothing is overwritten unseen.

import { Refused } from "./api.js";
import { asProblems } from "./checking.js";
import { showDifferences } from "./diff.js";

export class Saving {
  constructor(api, surface, page, { checking, draft, say, changed }) {
    Object.assign(this, { api, surface, page, checking, draft, say, changed });
    this.dialog = document.getElementById("conflict");
    this.dialog.querySelector("[data-mine]").addEventListener("click", () => this.takeMine());
    this.dialog.querySelector("[data-theirs]").addEventListener("click", () => this.takeTheirs());
    this.saved = page.saved;
    this.isBusy = false;
  }

  get isDirty() {
    return this.surface.text !== this.saved;
  }

  // Whether the workflow now is what the editor shows.
  async save() {
    if (this.isBusy) return false;
    if (!this.isDirty && this.page.workflow) {
      this.say(`Nothing to save: this is version ${this.page.version}.`);
      return true;
    }
    this.isBusy = true;
    this.say("Saving…");
    try {
      await this.send(this.surface.text);
      return true;
    } catch (error) {
      await this.refused(error);
      return false;
    } finally {
      this.isBusy = false;
      this.changed();
    }
  }

  async send(text) {
    const { workflow, version } = this.page;
    const made = workflow
      ? await this.api.yaml("PATCH", `/editor/workflows/${workflow}?version=${version}`, text)
      : await this.api.yaml("POST", "/editor/workflows", text);
    // The server wrote in ids; what was typed meanwhile stays.
    const isSame = this.surface.text === text;
    if (isSame && made.source) this.surface.text = made.source;
    this.saved = isSame ? this.surface.text : text;
    if (isSame) this.draft.forget();
    this.page.version = made.version;
    if (!workflow) {
      window.location.assign(`/workflows/${made.id}/edit`);
      return;
    }
    document.querySelectorAll("[data-version]").forEach((one) => (one.textContent = made.version));
    document.querySelectorAll("[data-name]").forEach((one) => (one.textContent = made.name));
    this.say(`Saved as version ${made.version}.`);
  }

  async refused(error) {
    if (!(error instanceof Refused)) {
      this.say("Not saved: the server does not answer. Your changes are kept in this browser.", true);
    } else if (error.code === "version_conflict") {
      await this.ask();
    } else {
      if (error.status === 400) this.checking.show(asProblems(error));
      this.say(`Not saved: ${error.message}`, true);
    }
  }

  async ask() {
    const path = `/editor/workflows/${this.page.workflow}`;
    try {
      const theirs = await this.api.get(path);
      this.theirs = { version: theirs.version, text: theirs.source };
      if (!theirs.source) this.theirs.text = await this.api.text(`${path}/export?format=yaml`);
    } catch {
      this.say("Not saved: somebody else saved meanwhile.", true);
      return;
    }
    this.say(`Not saved: somebody else saved version ${this.theirs.version} meanwhile.`, true);
    this.dialog.querySelector("[data-number]").textContent = this.theirs.version;
    showDifferences(this.dialog.querySelector("[data-diff]"), this.theirs.text, this.surface.text);
    this.dialog.showModal();
  }

  takeMine() {
    this.dialog.close();
    this.page.version = this.theirs.version;
    this.save();
  }

  // The own text stays within reach: the browser's undo brings it back.
  takeTheirs() {
    this.dialog.close();
    this.page.version = this.theirs.version;
    this.surface.text = this.theirs.text;
    this.saved = this.surface.text;
    this.draft.forget();
    document.querySelectorAll("[data-version]").forEach((one) => (one.textContent = this.theirs.version));
    this.say(`This is version ${this.theirs.version}. Undo brings your text back.`);
    this.changed();
  }
}
