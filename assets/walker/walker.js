// Shows the picture under the thumb while it moves: pictures come from Python as one sprite, those between are blended.
// When the thumb is let go its place is sent, in pictures from the left and from the top.

const NS = "http://www.w3.org/2000/svg";
const SIZE = 28;
const SHOWN = 9; // pictures along each side of the plan
const instances = new WeakMap();

export default function (component) {
  const { parentElement, data, setTriggerValue } = component;
  let ui = instances.get(parentElement);
  if (!ui) instances.set(parentElement, (ui = new Walker(parentElement)));
  ui.send = (place) => setTriggerValue("place", place);
  ui.show(data);
}

class Walker {
  constructor(parent) {
    this.root = parent.querySelector(".walker");
    this.inputs = { x: this.find("input.x"), y: this.find("input.y") };
    for (const way of ["x", "y"]) {
      this.inputs[way].addEventListener("input", () => this.move({ [way]: +this.inputs[way].value }));
      this.inputs[way].addEventListener("change", () => this.commit());
    }
    const plan = this.find(".plan");
    const follow = (event) => {
      const box = plan.getBoundingClientRect();
      const { columns, rows } = this.data;
      this.move({ x: ((event.clientX - box.left) / box.width) * columns - 0.5,
                  y: ((event.clientY - box.top) / box.height) * rows - 0.5 });
    };
    plan.addEventListener("pointerdown", (event) => { if (!event.button) { plan.setPointerCapture(event.pointerId); follow(event); } });
    plan.addEventListener("pointermove", (event) => plan.hasPointerCapture(event.pointerId) && follow(event));
    for (const end of ["pointerup", "pointercancel"]) plan.addEventListener(end, () => this.commit());
    new ResizeObserver(() => this.pixels && this.drawAlong()).observe(this.root);
  }

  find(selector) { return this.root.querySelector(selector); }

  show(data) {
    const other = !this.data || this.data.of !== data.of;
    this.data = data;
    this.root.classList.toggle("line", data.rows === 1);
    this.root.setAttribute("aria-label", data.title);
    for (const way of ["x", "y"]) {
      this.inputs[way].max = (way === "x" ? data.columns : data.rows) - 1;
      this.find(`.name-${way}`).textContent = data.names[way];
    }
    if (!other && this.pixels) return;
    this.at = { x: data.x, y: data.y };
    const sprite = new Image();
    sprite.onload = () => { if (this.data.of === data.of) this.take(sprite); };
    sprite.src = data.sprite;
  }

  take(sprite) {
    const sheet = document.createElement("canvas");
    [sheet.width, sheet.height] = [sprite.width, sprite.height];
    const context = sheet.getContext("2d", { willReadFrequently: true });
    context.drawImage(sprite, 0, 0);
    const { data } = context.getImageData(0, 0, sheet.width, sheet.height);
    this.wide = sheet.width;
    this.pixels = data;
    this.drawPlan();
    this.drawAlong();
    this.place();
  }

  drawPlan() {
    const { columns, rows } = this.data;
    if (rows === 1) return;
    const canvas = this.find(".plan canvas");
    canvas.width = canvas.height = SHOWN * SIZE;
    const context = canvas.getContext("2d");
    for (let row = 0; row < SHOWN; row++) {
      for (let column = 0; column < SHOWN; column++) {
        const x = ((column + 0.5) / SHOWN) * columns - 0.5, y = ((row + 0.5) / SHOWN) * rows - 0.5;
        context.putImageData(this.picture(x, y), column * SIZE, row * SIZE);
      }
    }
  }

  drawAlong() {
    const { columns, rows, realism, title } = this.data;
    const svg = this.find(".along");
    svg.replaceChildren();
    if (rows > 1) return;
    const wide = svg.clientWidth || 300, high = 190, left = 26, top = 24, bottom = high - 24;
    svg.setAttribute("viewBox", `0 0 ${wide} ${high}`);
    svg.setAttribute("aria-label", title);
    this.on = (x, value) => [left + (x / (columns - 1)) * (wide - left - 8), bottom - value * (bottom - top)];
    for (const value of [0, 0.5, 1]) {
      const [, y] = this.on(0, value);
      add(svg, "line", { x1: left, x2: wide - 8, y1: y, y2: y });
      add(svg, "text", { x: left - 5, y: y + 4, "text-anchor": "end" }, value);
    }
    add(svg, "text", { x: 0, y: 11 }, "realism: the discriminator's word along the way");
    add(svg, "text", { x: left, y: high - 4 }, "start");
    add(svg, "text", { x: wide - 8, y: high - 4, "text-anchor": "end" }, "end");
    add(svg, "path", { d: "M" + realism.map((value, x) => this.on(x, value).map((v) => v.toFixed(1)).join(" ")).join(" L") });
    this.dot = add(svg, "circle", { r: 6 });
    this.place();
  }

  move(to) {
    const { columns, rows } = this.data;
    this.at = { ...this.at, ...to };
    this.at.x = Math.max(0, Math.min(columns - 1, this.at.x));
    this.at.y = Math.max(0, Math.min(rows - 1, this.at.y));
    this.place();
  }

  commit() {
    if (this.pixels) this.send({ x: this.at.x, y: this.at.y, of: this.data.of });
  }

  place() {
    const { columns, rows, names } = this.data;
    const { x, y } = this.at;
    const canvas = this.find(".picture");
    canvas.getContext("2d").putImageData(this.picture(x, y), 0, 0);
    const real = this.blend(x, y, (row, column) => this.data.realism[row * columns + column]).toFixed(2);
    canvas.setAttribute("aria-label", `the digit drawn here; realism ${real}`);
    this.find("[data-testid=realism]").textContent = real;
    this.find(".bar i").style.width = `${100 * real}%`;
    Object.assign(this.find(".thumb").style, { left: `${(100 * (x + 0.5)) / columns}%`, top: `${(100 * (y + 0.5)) / rows}%` });
    for (const way of ["x", "y"]) {
      this.inputs[way].value = this.at[way];
      const last = (way === "x" ? columns : rows) - 1;
      this.inputs[way].setAttribute("aria-valuetext", `${names[way]}: ${Math.round((100 * this.at[way]) / (last || 1))} %`);
    }
    if (this.dot && rows === 1) {
      const [cx, cy] = this.on(x, +real);
      this.dot.setAttribute("cx", cx);
      this.dot.setAttribute("cy", cy);
    }
  }

  // The four neighbours of a place, weighed by how near they are.
  blend(x, y, value) {
    const { columns, rows } = this.data;
    const left = Math.floor(x), top = Math.floor(y), right = Math.min(left + 1, columns - 1), bottom = Math.min(top + 1, rows - 1);
    const h = x - left, v = y - top;
    return (1 - v) * ((1 - h) * value(top, left) + h * value(top, right)) + v * ((1 - h) * value(bottom, left) + h * value(bottom, right));
  }

  picture(x, y) {
    const found = new ImageData(SIZE, SIZE);
    for (let i = 0; i < SIZE * SIZE; i++) {
      const down = Math.floor(i / SIZE), across = i % SIZE;
      const ink = this.blend(x, y, (row, column) => this.pixels[4 * ((row * SIZE + down) * this.wide + column * SIZE + across)]) / 255;
      [255, 255, 255].forEach((paper, c) => { found.data[4 * i + c] = paper * (1 - ink) + [24, 28, 36][c] * ink; });
      found.data[4 * i + 3] = 255;
    }
    return found;
  }
}

function add(parent, tag, attributes, text) {
  const made = document.createElementNS(NS, tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  if (text !== undefined) made.textContent = text;
  parent.append(made);
  return made;
}
