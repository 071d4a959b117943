// Asks the server what is wrong, a moment after the last key.

import { Refused } from "./api.js";

const PAUSE_MS = 350;

export class Checking {
  constructor(api, surface, { list, status, jump, found }) {
    Object.assign(this, { api, surface, list, status, found, problems: [] });
    this.checked = null;
    list.addEventListener("click", (event) => {
      const button = event.target.closest("button");
      if (button) jump(this.problems[Number(button.dataset.number)]);
    });
  }

  soon() {
    clearTimeout(this.timer);
    this.status.textContent = "Checking…";
    this.timer = setTimeout(() => this.now(), PAUSE_MS);
  }

  // The problems of the text as it stands.
  async now() {
    clearTimeout(this.timer);
    this.running?.abort();
    const mine = (this.running = new AbortController());
    try {
      await this.api.yaml("POST", "/editor/workflows/validate", this.surface.text, mine.signal);
      if (!mine.signal.aborted) this.show([]);
    } catch (error) {
      if (mine.signal.aborted) return;
      if (error instanceof Refused && error.status === 400) this.show(asProblems(error));
      else this.unheard(error);
    }
  }

  unheard(error) {
    const ended = error instanceof Refused && [401, 403].includes(error.status);
    this.status.textContent = ended
      ? "Not checked: your sign-in has ended. Your changes are kept in this browser."
      : `Not checked: ${error instanceof Refused ? error.message : "the server does not answer."}`;
  }

  show(problems) {
    this.problems = problems;
    const marks = new Map();
    for (const one of problems) {
      const line = Math.max(0, (one.line ?? 1) - 1);
      const marked = marks.get(line) ?? [];
      marks.set(line, [...marked, { column: one.column ? one.column - 1 : null, message: one.message }]);
    }
    this.surface.mark(marks);
    const many = problems.length;
    this.status.textContent = many ? `${many} ${many === 1 ? "mistake" : "mistakes"}` : "No mistakes";
    this.list.replaceChildren(...problems.map((one, at) => this.row(one, at)));
    this.found([...marks.keys()]);
  }

  row(problem, number) {
    const item = document.createElement("li"), button = document.createElement("button");
    button.type = "button";
    button.dataset.number = number;
    const place = document.createElement("b"), said = document.createElement("span");
    place.textContent = problem.line ? `${problem.line}:${problem.column ?? 1}` : problem.path;
    said.textContent = problem.message;
    if (problem.path) button.title = problem.path;
    button.append(place, said);
    item.append(button);
    return item;
  }
}

export function asProblems(error) {
  const found = error.errors.length ? error.errors : [{ path: "", message: error.message }];
  return found.toSorted((a, b) => (a.line ?? 0) - (b.line ?? 0));
}
