// Reads the structure of a definition from its lines, also while it is half written.
// It knows enough of YAML for an outline and for completion; what a document means is
// decided by the server alone.

const STEP_LISTS = new Set(
  ["steps", "then", "else", "catch", "finally", "default", "on_failure"],
);
const KEY = /^("(?:[^"\\]|\\.)*"|'[^']*'|[^\s#&*!|>'"%@`{[\-?,:][^#:]*?|-[^\s:][^:]*?)\s*:(?=\s|$)/;
const BLOCK_TEXT = /(?:^|\s)[|>][-+0-9]*\s*(?:#.*)?$/;
const FIELDS = ["id", "type", "name", "save_as"];

export function indentOf(line) {
  return line.length - line.trimStart().length;
}

function unquoted(text) {
  const value = text.replace(/\s+#.*$/, "").trim();
  const quoted = /^"(.*)"$|^'(.*)'$/.exec(value);
  return quoted ? quoted[1] ?? quoted[2] : value;
}

// Names of a mapping in braces, at its first level: {a: 1, b: {c: 2}} has a and b.
export function flowEntries(text) {
  const found = {};
  let depth = 0, quote = "", from = 0;
  const take = (part) => {
    const entry = /^\s*([\w."'-]+)\s*:\s*([^]*)$/.exec(part);
    if (entry) found[unquoted(entry[1])] = entry[2].trim();
  };
  for (let at = 0; at < text.length; at += 1) {
    const sign = text[at];
    if (quote) quote = sign === quote ? "" : quote;
    else if (sign === '"' || sign === "'") quote = sign;
    else if (sign === "{" || sign === "[") {
      depth += 1;
      if (depth === 1) from = at + 1;
    } else if (sign === "," && depth === 1) {
      take(text.slice(from, at));
      from = at + 1;
    } else if (sign === "}" || sign === "]") {
      depth -= 1;
      if (depth > 0) continue;
      take(text.slice(from, at));
      return found;
    }
  }
  take(text.slice(from));
  return found;
}

// One step as the outline shows it; `end` is its last line, both from 0.
function newStep(line, depth) {
  return { line, end: line, depth, id: "", type: "", name: "", save_as: "", as: "", set: "" };
}

class Walker {
  constructor() {
    this.frames = [];
    this.steps = [];
    this.inputs = [];
    this.variables = [];
    this.text = null; // the indent above which lines belong to a block of text
  }

  line(number, line) {
    const indent = indentOf(line);
    if (this.text !== null) {
      if (!line.trim() || indent > this.text) return "text";
      this.text = null;
    }
    if (!line.trim() || line[indent] === "#") return "blank";
    let column = indent, rest = line.slice(indent);
    while (/^-(\s|$)/.test(rest)) {
      this.item(number, column);
      const after = rest.slice(1);
      const gap = after.length - after.trimStart().length;
      column += 1 + gap;
      rest = after.trimStart();
    }
    if (rest) this.content(number, column, rest);
    if (BLOCK_TEXT.test(rest)) this.text = column > indent ? column - 1 : indent;
    this.grow(number);
    return "code";
  }

  item(number, column) {
    this.leave((top) => top.column > column || (top.column === column && !top.key));
    const list = this.frames.at(-1);
    const step = list && STEP_LISTS.has(list.key) && !this.isData()
      ? newStep(number, this.frames.filter((one) => one.step).length) : null;
    this.frames.push({ column, key: null, step });
    if (step) this.steps.push(step);
  }

  // Params and declared values are data, whatever they are called.
  isData() {
    return this.frames.some((one) => one.key === "params" || one.key === "mock")
      || ["inputs", "variables", "settings"].includes(this.frames[0]?.key);
  }

  content(number, column, rest) {
    const top = this.frames.at(-1);
    if (top?.step && rest.startsWith("{")) this.fill(top.step, flowEntries(rest));
    const found = KEY.exec(rest);
    if (!found) return;
    const key = unquoted(found[1]);
    const value = rest.slice(found[0].length).trim();
    this.leave((one) => one.column >= column);
    this.key(key, value);
    this.frames.push({ column, key, step: null, line: number });
  }

  key(key, value) {
    const parent = this.frames.at(-1);
    if (parent?.step) this.fill(parent.step, { [key]: value });
    const step = this.stepOf();
    if (parent?.key === "params" && step && key === "name") step.set = unquoted(value);
    const declares = (name) => name === "inputs" || name === "variables";
    if (!parent && declares(key)) this[key].push(...Object.keys(flowEntries(value)));
    else if (this.frames.length === 1 && declares(parent.key)) this[parent.key].push(key);
  }

  fill(step, entries) {
    for (const name of [...FIELDS, "as"]) {
      if (name in entries) step[name] = unquoted(entries[name]);
    }
    if (entries.params?.startsWith("{")) {
      step.set = unquoted(flowEntries(entries.params).name ?? "");
    }
  }

  stepOf() {
    return this.frames.findLast((one) => one.step)?.step ?? null;
  }

  leave(isLeft) {
    while (this.frames.length && isLeft(this.frames.at(-1))) this.frames.pop();
  }

  grow(number) {
    for (const frame of this.frames) if (frame.step) frame.step.end = number;
  }
}

// The steps and the declared names of a document, and which lines are mere text.
export function read(lines) {
  const walker = new Walker();
  const kinds = lines.map((line, number) => walker.line(number, line));
  const { steps, inputs, variables } = walker;
  for (const step of steps) {
    if (step.type === "set_variable" && step.set) variables.push(step.set);
    if (step.save_as) variables.push(step.save_as);
  }
  return { steps, inputs: unique(inputs), variables: unique(variables), kinds };
}

function unique(names) {
  return [...new Set(names)].filter((name) => /^\w+$/.test(name));
}

// Where a cursor stands: the frames around it, the outermost first.
export function around(lines, number, column) {
  const walker = new Walker();
  for (let at = 0; at < number; at += 1) walker.line(at, lines[at]);
  const before = lines[number].slice(0, column);
  let start = indentOf(before), rest = before.slice(start);
  const isText = walker.text !== null && start > walker.text;
  if (!rest) start = column;
  while (/^-\s/.test(rest)) {
    walker.item(number, start);
    const gap = rest.slice(1).length - rest.slice(1).trimStart().length;
    start += 1 + gap;
    rest = rest.slice(1).trimStart();
  }
  walker.leave((one) => one.column >= start);
  return { frames: walker.frames, rest, start, isText };
}

// The innermost step at a line; after its last line comes the outermost before it.
export function stepAt(steps, number) {
  const before = steps.filter((step) => step.line <= number);
  return before.findLast((step) => number <= step.end)
    ?? before.findLast((step) => step.depth === 0) ?? null;
}

// The keys that a mapping has already, around a line and at one column.
export function siblings(lines, number, column) {
  const found = new Set();
  const look = (from, direction) => {
    for (let at = from; at >= 0 && at < lines.length; at += direction) {
      const line = lines[at];
      if (!line.trim()) continue;
      const bare = line.replace(/^(\s*)((?:-\s+)*)/, (_, a, b) => a + " ".repeat(b.length));
      const indent = indentOf(bare), isItem = indentOf(line) < indent;
      if (indent < column) break;
      if (direction > 0 && isItem && indent === column) break;
      const key = indent === column ? KEY.exec(bare.trimStart()) : null;
      if (key) found.add(unquoted(key[1]));
      if (direction < 0 && isItem && indent === column) break;
    }
  };
  look(number - 1, -1);
  look(number + 1, 1);
  return found;
}
