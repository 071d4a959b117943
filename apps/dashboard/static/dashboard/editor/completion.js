// What may stand at the cursor: step types, keys and values by their JSON Schema, and
// names inside expressions. Gives {from, items: [{label, detail, insert}]} or null.

import { around, siblings, stepAt } from "./structure.js";

const ENTRIES = {
  execution: ["id", "started_at", "trigger", "dry_run", "resume_url"],
  workflow: ["id", "name"],
  loop: ["index", "first", "last", "length"],
};
const STEP_ENTRIES = ["output", "status", "error"];
const MOST = 200;

export class Completion {
  // known: {types, schema, filters, functions, secrets}, each as the server tells it.
  constructor(known) {
    this.known = known;
    this.types = new Map(known.types.map((one) => [one.name, one]));
  }

  at(lines, structure, { line, column }) {
    const before = lines[line].slice(0, column);
    const open = before.lastIndexOf("{{");
    if (open >= 0 && !before.slice(open).includes("}}")) {
      return this.inExpression(before.slice(open + 2), lines, structure, { line, column });
    }
    const place = around(lines, line, column);
    if (place.isText || /^\s*#/.test(before)) return null;
    return this.inDocument(place, lines, structure, { line, column });
  }

  // --- Inside {{ }} ---------------------------------------------------------------

  inExpression(text, lines, structure, { line, column }) {
    const filter = /\|\s*(\w*)$/.exec(text);
    if (filter) return offer(column, filter[1], this.known.filters.map(called));
    const [, path, word] = /((?:[\w]+(?:\[[^\]]*\])?\.)*)(\w*)$/.exec(text);
    const names = path
      ? this.entries(path.slice(0, -1).split("."), structure, line)
      : this.roots(structure, line);
    return offer(column, word, names);
  }

  entries(path, structure, line) {
    const [root, id] = path;
    if (root === "steps" && path.length === 1) {
      return structure.steps.filter((one) => one.id).map(asStep);
    }
    if (root === "steps" && path.length === 2) return plain(STEP_ENTRIES, `of step ${id}`);
    if (path.length > 1) return [];
    if (root === "inputs") return plain(structure.inputs, "input");
    if (root === "variables") return plain(structure.variables, "variable");
    if (root === "secrets") return plain(this.known.secrets, "secret");
    return plain(ENTRIES[root] ?? [], root);
  }

  roots(structure, line) {
    const names = plain(["inputs", "variables", "steps", "secrets", "execution", "workflow"], "");
    for (const step of structure.steps) {
      if (step.type !== "loop" || line <= step.line || line > step.end + 1) continue;
      names.unshift({ label: step.as || "item", detail: `of loop ${step.id}` });
      names.push({ label: "loop", detail: "index, first, last, length" });
    }
    return [...names, ...this.known.functions.map(called)];
  }

  // --- Keys and values --------------------------------------------------------------

  inDocument(place, lines, structure, { line, column }) {
    const value = /^([\w.-]+)\s*:\s+(\S*)$/.exec(place.rest);
    const flow = /[{,]\s*(?:([\w.-]+)\s*:\s*)?(["\w.-]*)$/.exec(place.rest);
    const node = this.nodeOf(place.frames, structure, line);
    if (flow && place.rest.includes("{")) {
      return this.inBraces(place, flow, structure, { line, column });
    }
    if (value) {
      const step = place.frames.at(-1)?.step;
      return offer(column, value[2], this.valuesOf(value[1], node, step));
    }
    if (!/^[\w.-]*$/.test(place.rest)) return null;
    const given = siblings(lines, line, place.start);
    return offer(column, place.rest, this.keysOf(node, given, place.frames.at(-1)?.step));
  }

  // On one line: `{type: navigate, params: {u` completes as the lines would.
  inBraces(place, flow, structure, { line, column }) {
    const opened = [];
    let key = "";
    for (const [sign] of place.rest.matchAll(/[\w.-]+(?=\s*:)|[{},]/g)) {
      if (sign === "{") opened.push(key);
      else if (sign === "}") opened.pop();
      else if (sign === ",") key = "";
      else key = sign;
      if (sign === "{") key = "";
    }
    let frames = place.frames;
    for (const name of opened) if (name) frames = [...frames, { key: name }];
    const node = this.nodeOf(frames, structure, line);
    const isStep = !opened.some(Boolean);
    const step = isStep ? place.frames.at(-1)?.step : null;
    const items = flow[1]
      ? this.valuesOf(flow[1], node, step)
      : this.keysOf(node, new Set(), step).map((one) => ({ ...one, insert: `${one.label}: ` }));
    return offer(column, flow[2], items);
  }

  nodeOf(frames, structure, line) {
    let node = this.known.schema;
    for (const frame of frames) {
      const step = frame.step && stepOn(structure.steps, frame.step.line, line);
      const ways = this.ways(node);
      if (frame.key === null) node = step ? this.stepNode(step) : first(ways, (one) => one.items);
      else {
        node = first(ways, (one) => one.properties?.[frame.key])
          ?? first(ways, (one) => isObject(one.additionalProperties));
      }
      if (!node) return null;
    }
    return node;
  }

  stepNode(step) {
    const defs = this.known.schema.$defs ?? {};
    return defs[`step.${step.type}`] ?? { properties: this.commonKeys(), isOpen: true };
  }

  // While a step has no type yet: what steps of every type take.
  commonKeys() {
    const all = this.known.schema.$defs ?? {};
    const { params, ...keys } = all["step.delay"]?.properties ?? {};
    return { type: all.Step?.properties?.type, ...keys, ...(params && { params }) };
  }

  // All that a schema may be, its references and choices opened.
  ways(node, depth = 0) {
    if (!isObject(node) || depth > 8) return [];
    const found = [node];
    if (node.$ref) {
      const name = node.$ref.split("/").at(-1).replaceAll("~1", "/");
      found.push(...this.ways(this.known.schema.$defs?.[name], depth + 1));
    }
    for (const sort of ["anyOf", "oneOf", "allOf"]) {
      for (const one of node[sort] ?? []) found.push(...this.ways(one, depth + 1));
    }
    return found;
  }

  keysOf(node, given, step) {
    const keys = new Map();
    for (const way of this.ways(node)) {
      const required = new Set(way.required);
      for (const [name, schema] of Object.entries(way.properties ?? {})) {
        if (given.has(name) || keys.has(name)) continue;
        const detail = (required.has(name) ? "required. " : "") + this.about(schema);
        keys.set(name, { label: name, detail, insert: this.keyText(name, schema), first: required.has(name) });
      }
    }
    if (step && !given.has("type") && !keys.has("type")) keys.set("type", { label: "type", detail: "What the step does.", insert: "type: " });
    return [...keys.values()].sort((a, b) => Number(b.first) - Number(a.first));
  }

  keyText(name, schema) {
    const ways = this.ways(schema);
    const opens = ways.some((one) => one.type === "object" && one.properties) || ways.some((one) => one.type === "array" && name !== "tags");
    const isText = ways.some((one) => ["string", "integer", "number", "boolean"].includes(one.type) && one.title !== "Expression");
    return opens && !isText ? `${name}:` : `${name}: `;
  }

  about(schema) {
    const said = first(this.ways(schema), (one) => one.description) ?? "";
    const fallback = schema && "default" in schema && schema.default !== null;
    return fallback ? `${said} (${JSON.stringify(schema.default)} unless given)` : said;
  }

  valuesOf(key, node, step) {
    if (step && key === "type") {
      return this.known.types.map((one) => ({ label: one.name, detail: one.description, group: one.group }));
    }
    const schema = first(this.ways(node), (one) => one.properties?.[key]);
    const found = new Set();
    for (const way of this.ways(schema)) {
      for (const value of way.enum ?? []) found.add(value);
      if ("const" in way) found.add(way.const);
      if (way.type === "boolean") found.add(true).add(false);
    }
    return [...found].map((value) => ({ label: String(value), detail: this.about(schema) }));
  }
}

function stepOn(steps, stepLine, line) {
  return steps.find((one) => one.line === stepLine) ?? stepAt(steps, line);
}

function isObject(value) {
  return value !== null && typeof value === "object" ? value : null;
}

function first(list, pick) {
  for (const one of list) {
    const found = pick(one);
    if (found) return found;
  }
  return undefined;
}

function plain(names, detail) {
  return names.map((label) => ({ label, detail }));
}

function asStep(step) {
  return { label: step.id, detail: [step.type, step.name].filter(Boolean).join(": ") };
}

function called({ name, signature, description }) {
  return { label: name, detail: `${name}${signature}: ${description}` };
}

function offer(column, word, items) {
  const small = word.toLowerCase();
  const starts = [], holds = [];
  for (const item of items) {
    const at = item.label.toLowerCase().indexOf(small);
    if (at === 0) starts.push(item);
    else if (at > 0) holds.push(item);
  }
  const found = [...starts, ...holds].slice(0, MOST);
  if (!found.length || (found.length === 1 && found[0].label === word)) return null;
  return { from: column - word.length, items: found };
}
