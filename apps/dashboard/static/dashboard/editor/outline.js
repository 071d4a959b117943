// The steps beside the text: a click or Enter jumps, the one at the cursor is marked.

import { stepAt } from "./structure.js";

const MOST_SHOWN = 3000;

export class Outline {
  constructor(list, count, jump) {
    this.list = list;
    this.count = count;
    this.steps = [];
    this.shape = "";
    list.addEventListener("click", (event) => {
      const button = event.target.closest("button");
      if (button) jump(this.steps[Number(button.dataset.number)]);
    });
  }

  show(steps, wrongLines) {
    this.steps = steps;
    this.count.textContent = steps.length === 1 ? "1 step" : `${steps.length} steps`;
    const bad = new Set(wrongLines.map((line) => stepAt(steps, line)));
    const shape = JSON.stringify(steps.map((s) => [s.id, s.type, s.name, s.depth, bad.has(s)]));
    if (shape !== this.shape) {
      this.shape = shape;
      this.list.replaceChildren(...steps.slice(0, MOST_SHOWN).map((s, at) => this.row(s, at, bad.has(s))));
      this.marked = null;
    }
  }

  row(step, number, isWrong) {
    const item = document.createElement("li"), button = document.createElement("button");
    button.type = "button";
    button.dataset.number = number;
    button.style.paddingLeft = `${13 + Math.min(step.depth, 8) * 14}px`;
    const label = document.createElement("span"), kind = document.createElement("small");
    label.textContent = step.name || step.id || "step without id";
    label.className = "cut";
    kind.textContent = step.type || "no type";
    button.append(label, kind);
    if (isWrong) {
      button.classList.add("is-wrong");
      const said = document.createElement("span");
      said.className = "sr";
      said.textContent = " has mistakes";
      button.append(said);
    }
    item.append(button);
    return item;
  }

  mark(line) {
    const step = stepAt(this.steps, line);
    const number = step ? this.steps.indexOf(step) : -1;
    const button = this.list.children[number]?.firstChild ?? null;
    if (button !== this.marked) {
      this.marked?.removeAttribute("aria-current");
      button?.setAttribute("aria-current", "true");
      this.marked = button;
      if (button) this.reveal(button.parentElement);
    }
    return step;
  }

  // Within the list alone: the page must not jump while somebody types.
  reveal({ offsetTop, offsetHeight }) {
    const { scrollTop, clientHeight } = this.list;
    if (offsetTop < scrollTop || offsetTop + offsetHeight > scrollTop + clientHeight) {
      this.list.scrollTop = offsetTop - clientHeight / 2;
    }
  }
}
