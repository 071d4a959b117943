// What differs between two texts, line by line: [{sign: " " | "-" | "+", text}].

const MOST_CELLS = 4_000_000, CONTEXT = 3;

export function differences(before, after) {
  const a = before.split("\n"), b = after.split("\n");
  let start = 0, end = 0;
  while (start < a.length && start < b.length && a[start] === b[start]) start += 1;
  const most = Math.min(a.length, b.length) - start;
  while (end < most && a[a.length - 1 - end] === b[b.length - 1 - end]) end += 1;
  const middle = between(a.slice(start, a.length - end), b.slice(start, b.length - end));
  return shorten([
    ...a.slice(0, start).map((text) => ({ sign: " ", text })),
    ...middle,
    ...a.slice(a.length - end).map((text) => ({ sign: " ", text })),
  ]);
}

function between(a, b) {
  if (a.length * b.length > MOST_CELLS) {
    return [...a.map((text) => ({ sign: "-", text })), ...b.map((text) => ({ sign: "+", text }))];
  }
  const width = b.length + 1;
  const longest = new Uint32Array((a.length + 1) * width);
  for (let i = a.length - 1; i >= 0; i -= 1) {
    for (let j = b.length - 1; j >= 0; j -= 1) {
      const at = i * width + j;
      longest[at] = a[i] === b[j]
        ? longest[at + width + 1] + 1
        : Math.max(longest[at + width], longest[at + 1]);
    }
  }
  const found = [];
  let i = 0, j = 0;
  while (i < a.length || j < b.length) {
    if (i < a.length && j < b.length && a[i] === b[j]) {
      found.push({ sign: " ", text: a[i] });
      i += 1;
      j += 1;
    } else if (j === b.length || (i < a.length && longest[(i + 1) * width + j] >= longest[i * width + j + 1])) {
      found.push({ sign: "-", text: a[i] });
      i += 1;
    } else {
      found.push({ sign: "+", text: b[j] });
      j += 1;
    }
  }
  return found;
}

// Of what is equal only the lines next to a difference.
function shorten(rows) {
  const near = new Set();
  rows.forEach(({ sign }, at) => {
    if (sign === " ") return;
    for (let one = at - CONTEXT; one <= at + CONTEXT; one += 1) near.add(one);
  });
  const found = [];
  rows.forEach((row, at) => {
    if (near.has(at)) found.push(row);
    else if (found.length && found.at(-1).sign !== "…") found.push({ sign: "…", text: "" });
  });
  return found;
}

export function showDifferences(list, before, after) {
  list.replaceChildren(...differences(before, after).map(({ sign, text }) => {
    const row = document.createElement("div");
    row.className = sign === "-" ? "is-out" : sign === "+" ? "is-in" : "";
    row.textContent = `${sign} ${text}`;
    return row;
  }));
}
