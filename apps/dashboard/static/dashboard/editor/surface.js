// A textarea that people type in, with a colored layer behind it, line numbers and
// marks at lines. Only the lines in view are drawn, so that long documents stay quick.
// Styles are set by properties, never by attributes: the page's policy allows no others.

import { indentOf } from "./structure.js";
import { tokens } from "./highlight.js";

const LINE_PX = 20, PAD_PX = 8, BEYOND = 10;
const STEP = "  ";

export class Surface extends EventTarget {
  constructor(root) {
    super();
    this.root = root;
    this.area = root.querySelector("textarea");
    this.gutter = root.querySelector("[data-gutter]");
    this.layer = root.querySelector("[data-layer]");
    this.marks = new Map();
    this.lines = [];
    this.kinds = [];
    this.isDrawn = false;
    this.area.addEventListener("input", () => this.changed());
    this.area.addEventListener("scroll", () => this.draw());
    document.addEventListener("selectionchange", () => this.moved());
    new ResizeObserver(() => this.draw()).observe(this.area);
    this.lines = this.text.split("\n");
  }

  get text() {
    return this.area.value;
  }

  // Replaces all; the browser's undo brings the old text back.
  set text(value) {
    const { line, column } = this.cursor;
    const top = this.area.scrollTop;
    this.replace(0, this.text.length, value);
    this.go(line, column, { focus: false });
    this.area.scrollTop = top;
  }

  // Line and column from 0.
  get cursor() {
    return this.placeOf(this.area.selectionStart);
  }

  placeOf(position) {
    const before = this.text.slice(0, position);
    const start = before.lastIndexOf("\n") + 1;
    let line = 0;
    for (let at = before.indexOf("\n"); at >= 0; at = before.indexOf("\n", at + 1)) line += 1;
    return { line, column: position - start };
  }

  positionOf(line, column = 0) {
    let position = 0;
    for (let at = 0; at < Math.min(line, this.lines.length - 1); at += 1) {
      position += this.lines[at].length + 1;
    }
    const length = (this.lines[line] ?? "").length;
    return position + Math.min(column, length);
  }

  go(line, column = 0, { focus = true } = {}) {
    const position = this.positionOf(line, column);
    this.area.setSelectionRange(position, position);
    if (focus) this.area.focus({ preventScroll: true });
    const top = line * LINE_PX, { scrollTop, clientHeight } = this.area;
    if (top < scrollTop || top > scrollTop + clientHeight - 3 * LINE_PX) {
      this.area.scrollTop = Math.max(0, top - clientHeight / 3);
    }
    this.moved();
    this.draw();
  }

  replace(from, to, text) {
    if (this.area.readOnly) return;
    const active = document.activeElement;
    this.area.focus({ preventScroll: true });
    this.area.setSelectionRange(from, to);
    // The only way that the browser's own undo knows of.
    const done = text
      ? document.execCommand("insertText", false, text)
      : from === to || document.execCommand("delete");
    if (!done || this.text.slice(from, from + text.length) !== text) {
      this.area.setRangeText(text, from, to, "end");
      this.changed();
    }
    if (active && active !== this.area && active !== document.body) active.focus?.();
  }

  changed() {
    this.lines = this.text.split("\n");
    this.dispatchEvent(new Event("change"));
    this.draw();
  }

  moved() {
    if (document.activeElement !== this.area) return;
    const { line } = this.cursor;
    if (line !== this.activeLine) {
      this.activeLine = line;
      this.draw();
    }
    this.dispatchEvent(new Event("move"));
  }

  // What is wrong at lines: a map from the line (from 0) to a list of problems.
  mark(marks) {
    this.marks = marks;
    this.draw();
  }

  draw() {
    if (this.isDrawn) return;
    this.isDrawn = true;
    requestAnimationFrame(() => {
      this.isDrawn = false;
      this.drawNow();
    });
  }

  drawNow() {
    const { scrollTop, scrollLeft, clientHeight } = this.area;
    const first = Math.max(0, Math.floor(scrollTop / LINE_PX) - BEYOND);
    const last = Math.min(this.lines.length, Math.ceil((scrollTop + clientHeight) / LINE_PX) + BEYOND);
    const rows = document.createDocumentFragment(), numbers = document.createDocumentFragment();
    for (let at = first; at < last; at += 1) {
      rows.append(this.row(at));
      numbers.append(this.number(at));
    }
    const top = PAD_PX + first * LINE_PX - scrollTop;
    this.layer.replaceChildren(rows);
    this.layer.style.transform = `translate(${-scrollLeft}px, ${top}px)`;
    this.gutter.replaceChildren(numbers);
    this.gutter.style.transform = `translateY(${top}px)`;
  }

  row(at) {
    const row = document.createElement("div");
    row.className = at === this.activeLine ? "line is-active" : "line";
    for (const [kind, text] of tokens(this.lines[at], this.kinds[at] === "text")) {
      if (!text) continue;
      if (!kind) {
        row.append(text);
        continue;
      }
      const piece = document.createElement("span");
      piece.className = `t-${kind.replace(" ", " t-")}`;
      piece.textContent = text;
      row.append(piece);
    }
    for (const { column } of this.marks.get(at) ?? []) row.append(this.wave(at, column));
    return row;
  }

  wave(at, column) {
    const line = this.lines[at], from = Math.min(column ?? indentOf(line), line.length);
    const word = /^(?:"[^"]*"|'[^']*'|[^\s,}\]:]+)/.exec(line.slice(from));
    const wave = document.createElement("span");
    wave.className = "wave";
    wave.textContent = " ".repeat(from);
    const under = document.createElement("span");
    under.textContent = " ".repeat(word ? word[0].length : 1);
    wave.append(under);
    return wave;
  }

  number(at) {
    const cell = document.createElement("div"), wrong = this.marks.get(at);
    cell.textContent = at + 1;
    cell.className = at === this.activeLine ? "is-active" : "";
    if (wrong) {
      cell.classList.add("is-wrong");
      cell.title = wrong.map((one) => one.message).join("\n");
      cell.dataset.line = at;
    }
    return cell;
  }

  // Where the cursor is on the screen, from the surface's corner.
  caret() {
    const { line, column } = this.cursor;
    const probe = document.createElement("span");
    probe.textContent = "0".repeat(100);
    probe.className = "probe";
    this.root.append(probe);
    const width = probe.getBoundingClientRect().width / 100;
    probe.remove();
    return {
      x: this.area.offsetLeft + PAD_PX + column * width - this.area.scrollLeft,
      y: PAD_PX + (line + 1) * LINE_PX - this.area.scrollTop,
    };
  }

  // --- Keys that edit -----------------------------------------------------------

  newLine() {
    const { selectionStart, selectionEnd } = this.area;
    const { line, column } = this.placeOf(selectionStart);
    const before = this.lines[line].slice(0, column);
    const deeper = /(?::|:\s*[|>][-+]?)\s*(?:#.*)?$/.test(before);
    const item = /^\s*-\s+(?=\S)/.exec(before);
    const base = item ? item[0].length : indentOf(before);
    this.replace(selectionStart, selectionEnd, `\n${" ".repeat(base)}${deeper ? STEP : ""}`);
  }

  indent(isBack) {
    const { selectionStart, selectionEnd } = this.area;
    const first = this.placeOf(selectionStart), last = this.placeOf(selectionEnd);
    if (!isBack && first.line === last.line) {
      this.replace(selectionStart, selectionEnd, STEP.slice(first.column % 2));
      return;
    }
    this.eachLine((line) => (isBack ? line.replace(/^ {1,2}/, "") : line && STEP + line));
  }

  comment() {
    const isOff = (line) => /^\s*#/.test(line) || !line.trim();
    const { first, last } = this.selected();
    const allOff = this.lines.slice(first, last + 1).every(isOff);
    this.eachLine((line) => {
      if (!line.trim()) return line;
      return allOff ? line.replace(/^(\s*)# ?/, "$1") : line.replace(/^(\s*)/, "$1# ");
    });
  }

  selected() {
    const first = this.placeOf(this.area.selectionStart).line;
    return { first, last: this.placeOf(this.area.selectionEnd).line };
  }

  eachLine(change) {
    const { first, last } = this.selected();
    const from = this.positionOf(first), to = this.positionOf(last, Infinity);
    const text = this.lines.slice(first, last + 1).map(change).join("\n");
    const { column } = this.placeOf(this.area.selectionStart);
    const grown = text.length - (to - from);
    this.replace(from, to, text);
    if (first === last) {
      const at = Math.max(from, from + column + grown);
      this.area.setSelectionRange(at, at);
    } else this.area.setSelectionRange(from, from + text.length);
  }
}
