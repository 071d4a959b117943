// The list of completions at the cursor. The textarea keeps the focus; it names the
// chosen row by `aria-activedescendant`.

export class Popup {
  constructor(surface, list, take) {
    this.surface = surface;
    this.list = list;
    this.take = take;
    this.items = [];
    list.addEventListener("mousedown", (event) => {
      event.preventDefault();
      const row = event.target.closest("[role=option]");
      if (row) this.accept(Number(row.dataset.number));
    });
  }

  get isOpen() {
    return !this.list.hidden;
  }

  show({ from, items }) {
    this.from = from;
    this.items = items;
    this.list.replaceChildren(...items.map((item, number) => this.row(item, number)));
    this.list.hidden = false;
    this.list.scrollTop = 0;
    this.place();
    this.choose(0);
  }

  row(item, number) {
    const row = document.createElement("li");
    row.id = `completion-${number}`;
    row.setAttribute("role", "option");
    row.dataset.number = number;
    const label = document.createElement("b"), detail = document.createElement("span");
    label.textContent = item.label;
    detail.textContent = item.detail || "";
    row.append(label, detail);
    return row;
  }

  place() {
    const { x, y } = this.surface.caret();
    const { clientWidth, clientHeight } = this.surface.root;
    const { offsetWidth, offsetHeight } = this.list;
    const isLow = y + offsetHeight > clientHeight && y > offsetHeight + 24;
    this.list.style.left = `${Math.max(4, Math.min(x, clientWidth - offsetWidth - 4))}px`;
    this.list.style.top = `${isLow ? y - offsetHeight - 24 : y}px`;
  }

  choose(number) {
    this.chosen = (number + this.items.length) % this.items.length;
    for (const row of this.list.children) {
      row.setAttribute("aria-selected", String(Number(row.dataset.number) === this.chosen));
    }
    const row = this.list.children[this.chosen];
    const { offsetTop, offsetHeight } = row, { scrollTop, clientHeight } = this.list;
    if (offsetTop < scrollTop) this.list.scrollTop = offsetTop;
    else if (offsetTop + offsetHeight > scrollTop + clientHeight) {
      this.list.scrollTop = offsetTop + offsetHeight - clientHeight;
    }
    this.surface.area.setAttribute("aria-activedescendant", row.id);
  }

  move(by) {
    this.choose(this.chosen + by);
  }

  accept(number = this.chosen) {
    const item = this.items[number], from = this.from;
    this.close();
    this.take(item, from);
  }

  close() {
    this.list.hidden = true;
    this.surface.area.removeAttribute("aria-activedescendant");
  }
}
