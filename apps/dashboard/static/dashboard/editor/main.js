// The editor's page: joins the parts, and decides what keys and buttons do.

import { Api } from "./api.js";
import { Checking } from "./checking.js";
import { Completion } from "./completion.js";
import { Draft } from "./drafts.js";
import { Outline } from "./outline.js";
import { Popup } from "./popup.js";
import { Running } from "./running.js";
import { Saving } from "./saving.js";
import { read } from "./structure.js";
import { Surface } from "./surface.js";

const root = document.getElementById("editor");
const byId = (id) => document.getElementById(id);
const surface = new Surface(root.querySelector("[data-surface]"));
const { area } = surface;
const page = {
  workflow: root.dataset.workflow,
  version: Number(root.dataset.number) || null,
  saved: surface.text,
};
const mayEdit = root.dataset.mayEdit === "true";
const api = new Api(root.querySelector("[name=csrfmiddlewaretoken]").value);
const draft = new Draft(`${root.dataset.person}.${root.dataset.organization}.${page.workflow || "new"}`, () =>
  say("You signed out in another tab: this browser keeps your changes no longer, and they cannot be saved here.", true),
);
let structure = read(surface.lines), wrongLines = [], completion = null, tabLeaves = false;

function say(text, isBad = false) {
  const place = byId("editor-said");
  place.textContent = text;
  place.classList.toggle("bad", isBad);
}

const outline = new Outline(byId("outline"), byId("outline-count"), (step) => surface.go(step.line, surface.lines[step.line].search(/[^\s-]/)));
const checking = new Checking(api, surface, {
  list: byId("problems"),
  status: byId("problems-count"),
  jump: (one) => surface.go((one.line ?? 1) - 1, (one.column ?? 1) - 1),
  found: (lines) => {
    wrongLines = lines;
    outline.show(structure.steps, wrongLines);
    mark();
  },
});
const saving = new Saving(api, surface, page, { checking, draft, say, changed: dirtiness });
const running = new Running(api, surface, page, {
  structure: () => structure, step: mark, saving, say, checking,
});
const popup = new Popup(surface, byId("completions"), (item, from) => {
  const { line, column } = surface.cursor;
  const start = surface.positionOf(line, from);
  surface.replace(start, surface.positionOf(line, column), item.insert ?? item.label);
  area.focus();
});

function dirtiness() {
  const isDirty = saving.isDirty;
  byId("editor-state").textContent = isDirty ? "unsaved changes" : page.workflow ? "saved" : "not created yet";
  byId("editor-state").classList.toggle("is-dirty", isDirty);
}

function mark() {
  const step = outline.mark(surface.cursor.line);
  document.querySelectorAll("[data-at-step]").forEach((one) => (one.textContent = step?.id || "…"));
  return step;
}

function readAgain() {
  structure = read(surface.lines);
  surface.kinds = structure.kinds;
}

surface.addEventListener("change", () => {
  readAgain();
  outline.show(structure.steps, wrongLines);
  dirtiness();
  if (saving.isDirty && mayEdit) draft.keep(surface.text, page.version);
  else draft.forget();
  checking.soon();
});
surface.addEventListener("move", () => {
  mark();
  if (popup.isOpen && surface.cursor.line !== popup.line) popup.close();
});

// --- Completion -----------------------------------------------------------------

async function learn() {
  const [types, schema, secrets] = await Promise.all([
    api.get("/editor/step-types"),
    api.get("/editor/definition-schema"),
    api.get("/editor/secrets?limit=200").catch(() => ({ results: [] })),
  ]);
  completion = new Completion({
    types: types.results,
    schema,
    filters: JSON.parse(root.dataset.filters),
    functions: JSON.parse(root.dataset.functions),
    secrets: secrets.results.map((one) => one.name),
  });
}

function complete(isAsked = false) {
  const { cursor } = surface;
  const isRange = area.selectionStart !== area.selectionEnd;
  const found = isRange || !completion ? null : completion.at(surface.lines, structure, cursor);
  const isWord = found && cursor.column > found.from;
  const opens = /(?:\{\{ ?|\| ?|\w\.|type: )$/.test(surface.lines[cursor.line].slice(0, cursor.column));
  if (!found || !(isAsked || isWord || opens)) {
    popup.close();
    if (isAsked) say(completion ? "Nothing to complete here." : "The step types are not loaded yet.");
    return;
  }
  popup.line = cursor.line;
  popup.show(found);
}

area.addEventListener("input", (event) => {
  if (tabLeaves) say("");
  tabLeaves = false;
  if (event.inputType === "insertText" || event.inputType?.startsWith("delete")) {
    if (event.inputType === "insertText" || popup.isOpen) complete();
  } else popup.close();
});
area.addEventListener("blur", () => popup.close());
area.addEventListener("scroll", () => popup.isOpen && popup.place());

// --- Keys and buttons --------------------------------------------------------------

const popupKeys = {
  ArrowDown: () => popup.move(1),
  ArrowUp: () => popup.move(-1),
  Enter: () => popup.accept(),
  Tab: () => popup.accept(),
  Escape: () => popup.close(),
};

function editKey(event) {
  if (event.key === "Escape") {
    tabLeaves = true;
    say("Tab now leaves the editor.");
  } else if (event.key === "Tab" && !tabLeaves) {
    event.preventDefault();
    surface.indent(event.shiftKey);
  } else if (event.key === "Enter" && !event.isComposing) {
    event.preventDefault();
    surface.newLine();
  }
}

area.addEventListener("keydown", (event) => {
  const isPlain = !event.ctrlKey && !event.metaKey && !event.altKey;
  if (popup.isOpen && isPlain && popupKeys[event.key]) {
    event.preventDefault();
    popupKeys[event.key]();
  } else if (event.ctrlKey && event.key === " ") {
    event.preventDefault();
    complete(true);
  } else if ((event.ctrlKey || event.metaKey) && event.key === "/" && mayEdit) {
    event.preventDefault();
    surface.comment();
  } else if (isPlain && mayEdit) editKey(event);
});

function nextProblem() {
  const { line } = surface.cursor;
  const lines = [...wrongLines].sort((a, b) => a - b);
  const next = lines.find((one) => one > line) ?? lines[0];
  if (next !== undefined) surface.go(next, surface.marks.get(next)[0].column ?? 0);
}

document.addEventListener("keydown", (event) => {
  if (document.querySelector("dialog[open]")) return;
  if ((event.ctrlKey || event.metaKey) && event.key === "s") {
    event.preventDefault();
    if (mayEdit) saving.save();
  } else if (event.key === "F8") {
    event.preventDefault();
    nextProblem();
  }
});

const actions = {
  save: () => saving.save(),
  run: () => running.openRun(),
  from: () => running.runFromHere(),
  test: () => running.openTest(),
  discard: () => {
    surface.text = page.saved;
    byId("draft-note").hidden = true;
    draft.forget();
  },
};
document.addEventListener("click", (event) => {
  const action = actions[event.target.closest("[data-action]")?.dataset.action];
  const closes = event.target.closest("[data-close]");
  if (closes) closes.closest("dialog").close();
  if (action) action();
});
root.querySelector("[data-gutter]").addEventListener("click", (event) => {
  const line = event.target.dataset.line;
  if (line !== undefined) surface.go(Number(line), surface.marks.get(Number(line))[0].column ?? 0);
});

// --- Unsaved changes -----------------------------------------------------------------

function restore() {
  const kept = mayEdit ? draft.read() : null;
  if (!kept || typeof kept.text !== "string" || kept.text === surface.text) return;
  const shown = document.activeElement;
  surface.text = kept.text;
  shown?.focus?.();
  // On the version it was made on: saving notices what others did since.
  page.version = kept.version ?? page.version;
  byId("draft-time").textContent = new Date(kept.at).toLocaleString();
  byId("draft-note").hidden = false;
}

window.addEventListener("beforeunload", (event) => {
  if (mayEdit && saving.isDirty) event.preventDefault();
});

readAgain();
surface.draw();
outline.show(structure.steps, []);
mark();
restore();
dirtiness();
checking.now();
learn().then(
  () => (root.dataset.ready = "true"),
  () => say("Completion is off: the step types could not be loaded.", true),
);
