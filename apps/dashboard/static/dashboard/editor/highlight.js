// Colors for one line of YAML with expressions: a list of [class, text].

const PARTS = [
  ["comment", /^#.*/],
  ["dash", /^-(?=\s|$)/],
  ["key", /^(?:"(?:[^"\\]|\\.)*"|'(?:[^']|'')*'|[A-Za-z_][\w .-]*?)(?=\s*:(?:\s|$))/],
  ["text", /^"(?:[^"\\]|\\.)*"?/],
  ["text", /^'(?:[^']|'')*'?/],
  ["mark", /^[{}[\],:|>&*?]/],
  ["number", /^-?\d+(?:\.\d+)?(?:ms|s|m|h|d)?(?=[\s,}\]]|$)/],
  ["word", /^(?:true|false|null|~)(?=[\s,}\]]|$)/],
];
const EXPRESSION = /\{\{.*?(?:\}\}|$)/g;
const IN_EXPRESSION = /("[^"]*"|'[^']*')|(\|\s*\w+)|(\b\d+(?:\.\d+)?\b)|(\b(?:and|or|not|in|is|if|else|true|false|null)\b)/g;

export function tokens(line, isText) {
  if (line.length > 4000) return [["", line]];
  const found = [];
  let last = 0;
  for (const match of line.matchAll(EXPRESSION)) {
    plain(line.slice(last, match.index), isText, found, last);
    inside(match[0], found);
    last = match.index + match[0].length;
  }
  plain(line.slice(last), isText, found, last);
  return found;
}

function inside(text, found) {
  let last = 0;
  for (const match of text.matchAll(IN_EXPRESSION)) {
    found.push(["expression", text.slice(last, match.index)]);
    const kind = match[1] ? "text" : match[2] ? "filter" : match[3] ? "number" : "word";
    found.push([`expression ${kind}`, match[0]]);
    last = match.index + match[0].length;
  }
  found.push(["expression", text.slice(last)]);
}

function plain(text, isText, found, offset) {
  if (isText) {
    found.push(["text", text]);
    return;
  }
  let rest = text, isStart = offset === 0;
  while (rest) {
    const space = /^\s+/.exec(rest);
    if (space) {
      found.push(["", space[0]]);
      rest = rest.slice(space[0].length);
      isStart = true;
      continue;
    }
    const part = isStart || /^[,}\]{[:]/.test(rest) ? partOf(rest) : null;
    const [kind, piece] = part ?? ["text", /^[^\s,}\]]+|^./.exec(rest)[0]];
    found.push([kind, piece]);
    rest = rest.slice(piece.length);
    isStart = kind === "mark" || kind === "dash";
  }
}

function partOf(rest) {
  for (const [kind, pattern] of PARTS) {
    const match = pattern.exec(rest);
    if (match) return [kind, match[0]];
  }
  return null;
}
