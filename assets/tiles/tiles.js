// Pictures that are pressed: one of them takes Tab, arrow keys lead to the others. A press opens one, and where labels can be set right a digit key (x or -: no digit) does it
// and goes on to the next, space says that the label is right, backspace takes it back. Labels are sent until Python has them, so that none is lost.

const instances = new WeakMap();
const shown = new Map(); // by title: a page that is drawn anew may make the element anew
let look; // for the end of the dialog that the last press has opened

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
      if (!button) return;
      this.press(+button.dataset.id);
      comeBack(this.data.title, button.dataset.id);
    });
    this.list.addEventListener("keydown", (event) => this.type(event));
    this.list.addEventListener("focusin", (event) => this.reach(event.target));
    // A button takes space as a press when it is let go.
    this.list.addEventListener("keyup", (event) => { if (event.key === " " && this.data.editable) event.preventDefault(); });
  }

  show(data) {
    if (this.data && this.data.of !== data.of) this.waiting = {};
    this.data = data;
    shown.set(data.title, this);
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
    const buttons = [...this.list.querySelectorAll("button")];
    const within = (one) => one === this.list.getRootNode().activeElement;
    this.reach(buttons.find(within) || buttons.find((one) => +one.dataset.id === data.chosen) || buttons.find((one) => one === this.reached) || buttons[0]);
  }

  // One tile is a stop of Tab, so that nobody tabs through a whole gallery.
  reach(button) {
    this.reached = button;
    for (const one of this.list.querySelectorAll("button")) one.tabIndex = one === button ? 0 : -1;
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
    const all = this.list.children.length;
    const step = { ArrowRight: 1, ArrowLeft: -1, ArrowDown: wide, ArrowUp: -wide, Home: -all, End: all }[event.key];
    if (step) { this.go(item, step); event.preventDefault(); return; }
    if (!this.data.editable) return;
    const tile = this.data.tiles.find((one) => String(one.id) === button.dataset.id);
    const back = event.key === "Backspace" || event.key === "Delete";
    const label = /^[0-9]$/.test(event.key) ? event.key : /^[x-]$/i.test(event.key) ? this.data.no_digit : event.key === " " ? tile.label : null;
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
    all[Math.max(0, Math.min(all.length - 1, all.indexOf(item) + step))].firstChild.focus();
  }
}

// A dialog that a press has opened gives the keyboard back to the body when it closes: from there to where it was.
function comeBack(title, id) {
  let seen = false;
  look?.disconnect();
  look = new MutationObserver(() => {
    const open = document.querySelector('[role="dialog"]') !== null;
    if (seen && !open) { look.disconnect(); setTimeout(() => shown.get(title).list.querySelector(`[data-id="${id}"]`)?.focus({ preventScroll: true })); }
    seen ||= open;
  });
  look.observe(document.body, { childList: true, subtree: true });
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
