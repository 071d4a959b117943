// Trying one step with given values, running all, and going on from a step.

import { Refused } from "./api.js";

const REFERENCE = /\b(steps|variables|inputs)\.(\w+)/g;
const RECENT = 20, MOST_PAGES = 10;
const ENDED = new Set(["completed", "failed", "cancelled"]);

export class Running {
  constructor(api, surface, page, { structure, step, saving, say, checking }) {
    Object.assign(this, { api, surface, page, structure, step, saving, say, checking });
    this.test = document.getElementById("test-step");
    this.run = document.getElementById("run-workflow");
    this.none = document.getElementById("no-run");
    this.test?.querySelector("form").addEventListener("submit", (event) => {
      event.preventDefault();
      this.tryStep();
    });
  }

  // --- Test this step -------------------------------------------------------------

  openTest() {
    const step = this.step();
    if (!step?.id) {
      this.say(step ? "Save first: the step has no id yet." : "Put the cursor into a step first.", true);
      return;
    }
    if (this.tested !== step.id) this.prefill(step);
    this.tested = step.id;
    this.test.querySelector("[data-step]").textContent = step.id;
    this.show("", null);
    this.test.showModal();
  }

  // Empty places for what the step refers to.
  prefill(step) {
    const text = this.surface.lines.slice(step.line, step.end + 1).join("\n");
    const found = { steps: {}, variables: {}, inputs: {}, names: {} };
    for (const [, root, name] of text.matchAll(REFERENCE)) {
      const isInside = this.structure().steps.some(
        (one) => one.id === name && one.line > step.line && one.line <= step.end,
      );
      if (root === "steps" && !isInside) found.steps[name] = null;
      else if (root === "variables" || root === "inputs") found[root][name] = null;
    }
    for (const one of this.structure().steps) {
      if (one.type === "loop" && one.line < step.line && step.line <= one.end) {
        found.names[one.as || "item"] = null;
        found.names.loop = { index: 0 };
      }
    }
    // What is declared has a value already.
    found.inputs = {};
    for (const [name, value] of Object.entries(found)) {
      const isEmpty = !Object.keys(value).length;
      this.field(name).value = isEmpty ? "" : JSON.stringify(value, null, 2);
    }
  }

  field(name) {
    return this.test.querySelector(`[name="${name}"]`);
  }

  async tryStep() {
    const sent = { step: this.tested, dry_run: this.field("dry_run").checked };
    for (const name of ["variables", "steps", "names", "inputs"]) {
      const field = this.field(name);
      try {
        sent[name] = field.value.trim() ? JSON.parse(field.value) : {};
        field.removeAttribute("aria-invalid");
      } catch {
        field.setAttribute("aria-invalid", "true");
        field.focus();
        this.show(`“${name}” is not JSON.`, null, "failed");
        return;
      }
    }
    if (this.saving.isDirty) sent.definition = this.surface.text;
    this.show("Running…", null, "running");
    const button = this.test.querySelector("[type=submit]");
    button.disabled = true;
    try {
      this.ended(await this.api.json("POST", `/editor/workflows/${this.page.workflow}/steps/test`, sent));
    } catch (error) {
      const where = (one) => (one.line ? `line ${one.line}: ` : one.path ? `${one.path}: ` : "");
      const more = error instanceof Refused ? error.errors.map((one) => where(one) + one.message) : [];
      const text = error instanceof Refused ? error.message : "The server does not answer.";
      this.show([text, ...more].join("\n"), null, "failed");
    } finally {
      button.disabled = false;
    }
  }

  ended(found) {
    if (!found.status) {
      this.show("It takes longer than half a minute; look at its execution.", found.id, "running");
      return;
    }
    const lines = [`${found.status} in ${found.duration_ms ?? 0} ms`];
    if (found.error) lines.push(`${found.error.code}: ${found.error.message}`);
    lines.push(...found.warnings);
    if (!found.error) lines.push(JSON.stringify(found.output, null, 2));
    this.show(lines.join("\n"), found.id, found.status);
  }

  show(text, execution, state = "") {
    const result = this.test.querySelector("[data-result]"), link = this.test.querySelector("[data-execution]");
    result.textContent = text;
    result.hidden = !text;
    result.dataset.state = state;
    link.hidden = !execution;
    if (execution) link.href = `/executions/${execution}`;
  }

  // --- Run ---------------------------------------------------------------------------

  async openRun() {
    if (this.saving.isDirty && !(await this.saving.save())) return;
    const answer = await fetch(window.location.pathname, {
      headers: { "HX-Request": "true", "HX-Target": "run-form" },
      credentials: "same-origin",
    });
    if (!answer.ok) {
      this.say("The run form could not be loaded.", true);
      return;
    }
    // Our own template's HTML, in which all values are escaped.
    this.run.querySelector("#run-form").innerHTML = await answer.text();
    this.run.showModal();
  }

  // A retry of the last execution that got to this step, on the version just saved.
  async runFromHere() {
    const step = this.step();
    if (!step?.id) {
      this.say("Put the cursor into a step first.", true);
      return;
    }
    if (this.saving.isDirty && !(await this.saving.save())) return;
    this.say(`Looking for an execution that got to ${step.id}…`);
    try {
      const found = await this.lastThatReached(step.id);
      if (!found.execution) {
        this.tellNone(step.id, found);
        return;
      }
      const sent = { from: found.path, version: "current" };
      const made = await this.api.json("POST", `/editor/executions/${found.execution}/retry`, sent);
      window.location.assign(`/executions/${made.id}`);
    } catch (error) {
      this.say(`Not started: ${error instanceof Refused ? error.message : "the server does not answer."}`, true);
    }
  }

  // Why there is none to go on from, and what to do about it.
  tellNone(stepId, { looked, open }) {
    this.say(`Nothing was started: no execution that has ended got to ${stepId}.`, true);
    let why = `None of the last ${looked} executions that have ended got to this step.`;
    if (!looked) why = "This workflow has no execution that has ended.";
    if (open) why += ` ${open} more ${open === 1 ? "is" : "are"} under way: ${open === 1 ? "it" : "they"} can be used once ended.`;
    this.none.querySelector("[data-step]").textContent = stepId;
    this.none.querySelector("[data-why]").textContent = why;
    this.none.showModal();
  }

  // The newest ended execution with a record of the step, or how many there were.
  async lastThatReached(stepId) {
    const path = `/editor/executions?workflow=${this.page.workflow}&limit=${RECENT}`;
    const recent = (await this.api.get(path)).results;
    const ended = recent.filter((one) => ENDED.has(one.status));
    for (const one of ended) {
      const place = await this.placeIn(one.id, stepId);
      if (place) return { execution: one.id, path: place };
    }
    return { execution: null, looked: ended.length, open: recent.length - ended.length };
  }

  async placeIn(execution, stepId) {
    let next = `/editor/executions/${execution}/steps?limit=200`;
    for (let pages = 0; next && pages < MOST_PAGES; pages += 1) {
      const page = await this.api.get(next);
      const found = page.results.find((one) => one.step_id === stepId);
      if (found) return found.path;
      next = page.next && new URL(page.next).pathname + new URL(page.next).search;
    }
    return null;
  }
}
