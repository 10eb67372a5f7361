// Pictures that are pressed: a press opens one, and where labels can be set right a digit key does it and goes on to the
// next, space says that the label is right, backspace takes it back. Labels are sent until Python has them, so that none is lost.

const instances = new WeakMap();

export default function (component) {
  const { parentElement, data, setStateValue, setTriggerValue } = component;
  let ui = instances.get(parentElement);
  if (!ui) instances.set(parentElement, (ui = new Tiles(parentElement)));
  ui.press = (id) => setTriggerValue("press", id);
  ui.send = (labels) => setStateValue("labels", labels);
  ui.show(data);
}

class Tiles {
  constructor(parent) {
    this.list = parent.querySelector(".tiles");
    this.waiting = {};
    this.list.addEventListener("click", (event) => {
      const button = event.target.closest("button");
      if (button) this.press(+button.dataset.id);
    });
    this.list.addEventListener("keydown", (event) => this.type(event));
    // A button takes space as a press when it is let go.
    this.list.addEventListener("keyup", (event) => { if (event.key === " " && this.data.editable) event.preventDefault(); });
  }

  show(data) {
    if (this.data && this.data.of !== data.of) this.waiting = {};
    this.data = data;
    this.list.classList.toggle("fixed", Boolean(data.columns));
    this.list.style.setProperty("--columns", data.columns || 1);
    this.list.setAttribute("aria-label", data.title);
    const known = new Map([...this.list.children].map((item) => [item.firstChild.dataset.id, item]));
    data.tiles.forEach((tile, at) => {
      if (String(tile.id) in this.waiting && this.waiting[tile.id] === tile.corrected) delete this.waiting[tile.id];
      const item = known.get(String(tile.id)) || made();
      known.delete(String(tile.id));
      if (this.list.children[at] !== item) this.list.insertBefore(item, this.list.children[at] || null);
      this.fill(item.firstChild, tile);
    });
    for (const item of known.values()) item.remove();
  }

  fill(button, tile) {
    const corrected = String(tile.id) in this.waiting ? this.waiting[tile.id] : tile.corrected;
    const [picture, ...lines] = button.children;
    button.dataset.id = tile.id;
    button.className = [tile.kind, tile.id === this.data.chosen && "chosen", corrected !== null && "corrected"].filter(Boolean).join(" ");
    if (picture.src !== tile.picture) picture.src = tile.picture;
    const said = [labelled(tile.label, corrected), ...tile.lines].filter(Boolean);
    lines.forEach((line, i) => { line.textContent = line.title = said[i] || ""; line.hidden = !said[i]; });
    button.setAttribute("aria-label", [tile.alt, ...said].filter(Boolean).join(", "));
    if (this.data.chosen !== null) button.setAttribute("aria-pressed", tile.id === this.data.chosen);
  }

  type(event) {
    const button = event.target.closest("button");
    if (!button || event.ctrlKey || event.metaKey || event.altKey) return;
    const item = button.parentElement;
    const wide = Math.max(1, [...this.list.children].filter((other) => other.offsetTop === this.list.firstChild.offsetTop).length);
    const step = { ArrowRight: 1, ArrowLeft: -1, ArrowDown: wide, ArrowUp: -wide }[event.key];
    if (step) { this.go(item, step); event.preventDefault(); return; }
    if (!this.data.editable) return;
    const tile = this.data.tiles.find((one) => String(one.id) === button.dataset.id);
    const back = event.key === "Backspace" || event.key === "Delete";
    const label = /^[0-9]$/.test(event.key) ? event.key : event.key === " " ? tile.label : null;
    if (label === null && !back) return;
    event.preventDefault();
    event.stopPropagation();
    this.waiting[tile.id] = label;
    this.fill(button, tile);
    this.send({ of: this.data.of, labels: { ...this.waiting } });
    if (!back) this.go(item, 1);
  }

  go(item, step) {
    const all = [...this.list.children];
    const next = all[all.indexOf(item) + step];
    if (next) next.firstChild.focus();
  }
}

function labelled(label, corrected) {
  if (corrected === null) return label === null ? "" : `labelled ${label}`;
  return corrected === label ? `labelled ${label} ✓` : `${label === null ? "" : `${label} `}→ ${corrected}`;
}

function made() {
  const item = document.createElement("li"), button = document.createElement("button");
  button.type = "button";
  const picture = document.createElement("img");
  picture.alt = "";
  button.append(picture, document.createElement("b"), document.createElement("small"), document.createElement("small"));
  item.append(button);
  return item;
}
