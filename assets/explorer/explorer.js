// Draws what the table from Python says about the line nearest to the thumb, and sends a line back when it is let go.
// Nothing is computed here but places on the screen.

const NS = "http://www.w3.org/2000/svg";
const COLOURS = { fused: "#e8672a", manifold: "#2f7ed8", discriminator: "#3fa37a", gradient: "#9a6bd0", pixel: "#8a8f98" };
const SETTLE = 350; // ms without a key before a line moved by keyboard counts as let go
const instances = new WeakMap();

export default function (component) {
  const { parentElement, data, setTriggerValue } = component;
  let ui = instances.get(parentElement);
  if (!ui) instances.set(parentElement, (ui = new Explorer(parentElement)));
  ui.send = (line) => setTriggerValue("line", line);
  ui.show(data);
}

class Explorer {
  constructor(parent) {
    this.root = parent.querySelector(".explorer");
    this.row = 0;
    this.held = false; // whether a thumb is down
    this.pending = null; // timer of a line moved by keyboard
    const band = this.find(".band");
    this.drag(band, (x) => this.nearest(x, band));
    const histogram = this.find(".histogram svg");
    this.drag(histogram, (x) => this.nearest(x, histogram));
    this.drag(this.find(".roc svg"), (x, y) => this.nearestOnCurve(x, y));
    band.addEventListener("keydown", (event) => this.key(event));
    const alpha = this.find(".alpha input");
    alpha.addEventListener("input", () => { this.held = true; this.move(this.nearestAlpha(10 ** alpha.value)); });
    alpha.addEventListener("change", () => { this.held = false; this.commit(); });
    for (const box of this.root.querySelectorAll("input[type=checkbox]")) box.addEventListener("change", () => this.draw());
    new ResizeObserver(() => this.data && this.width !== this.root.clientWidth && this.draw()).observe(this.root);
  }

  find(selector) { return this.root.querySelector(selector); }

  show(data) {
    const other = !this.data || this.data.of !== data.of;
    this.data = data;
    const moving = (this.held || this.pending) && !other;
    if (!moving) { this.row = data.row; this.sent = data.row; }
    this.row = Math.min(this.row, data.threshold.length - 1);
    this.root.classList.toggle("without-normal", !data.nNormal);
    this.root.classList.toggle("without-anomaly", !data.nAnomaly);
    this.root.classList.toggle("without-likely", !data.low.length);
    this.find(".whose").textContent = data.whose;
    for (const span of this.root.querySelectorAll(".measured-on")) span.textContent = data.measuredOn;
    this.draw();
  }

  // Moving ------------------------------------------------------------------------------------------------------------

  drag(element, rowAt) {
    const follow = (event) => {
      const box = element.getBoundingClientRect();
      this.move(rowAt(event.clientX - box.left, event.clientY - box.top));
    };
    element.addEventListener("pointerdown", (event) => {
      if (event.button) return;
      this.held = true;
      element.setPointerCapture(event.pointerId);
      follow(event);
    });
    element.addEventListener("pointermove", (event) => this.held && element.hasPointerCapture(event.pointerId) && follow(event));
    const release = () => { if (this.held) { this.held = false; this.commit(); } };
    element.addEventListener("pointerup", release);
    element.addEventListener("pointercancel", release);
  }

  key(event) {
    const last = this.data.threshold.length - 1;
    const step = { ArrowRight: 1, ArrowUp: 1, ArrowLeft: -1, ArrowDown: -1, PageUp: 10, PageDown: -10 }[event.key];
    const row = { Home: 0, End: last }[event.key] ?? (step ? this.row + step : null);
    if (row === null) return;
    event.preventDefault();
    this.move(Math.max(0, Math.min(last, row)));
    clearTimeout(this.pending);
    this.pending = setTimeout(() => { this.pending = null; this.commit(); }, SETTLE);
  }

  move(row) {
    if (row === null || row === this.row) return;
    this.row = row;
    this.place();
  }

  commit() {
    const { setting, threshold } = this.data;
    if (this.row === this.sent || threshold[this.row] === null) return;
    this.sent = this.row;
    this.send(setting[this.row] !== null ? { alpha: setting[this.row] } : { threshold: threshold[this.row] });
  }

  nearest(x, element) {
    const [low, high] = this.data.axis;
    const inset = element.classList.contains("band") ? 0 : this.bars.left;
    const wide = element.clientWidth || element.getBoundingClientRect().width;
    const score = low + ((x - inset) / (wide - inset)) * (high - low);
    return closest(this.data.threshold, (t) => (t === null ? Infinity : Math.abs(t - score)));
  }

  nearestAlpha(alpha) {
    return closest(this.data.alpha, (a) => (a > 0 ? Math.abs(Math.log(a / alpha)) : Infinity));
  }

  nearestOnCurve(x, y) {
    const { falseAlarms, caught, nNormal, nAnomaly } = this.data;
    if (!nNormal || !nAnomaly) return null;
    const far = (_, i) => {
      const [px, py] = this.onRoc(falseAlarms[i] / nNormal, caught[i] / nAnomaly);
      return (px - x) ** 2 + (py - y) ** 2;
    };
    return closest(falseAlarms, far);
  }

  // Drawing -----------------------------------------------------------------------------------------------------------

  draw() {
    this.width = this.root.clientWidth;
    this.drawBand();
    this.drawHistogram();
    this.drawRoc();
    this.drawLabels();
    const usable = this.data.alpha.filter((a) => a > 0);
    const range = this.find(".alpha input");
    range.min = Math.log10(Math.min(...usable));
    range.max = Math.log10(Math.max(...usable));
    this.place();
  }

  drawBand() {
    const { alpha, bound, falseAlarms, nNormal, threshold } = this.data;
    const { svg, wide, high } = canvas(this.find(".band svg"), this.find(".band").clientWidth, 88);
    const top = 6, bottom = high - 20;
    const least = Math.log10(Math.min(...alpha.filter((a) => a > 0)) / 1.5);
    const rate = (r) => bottom - (1 - Math.log10(Math.max(r, 10 ** least)) / least) * (bottom - top);
    const rows = threshold.map((t, i) => i).filter((i) => threshold[i] !== null);
    const curve = (values) => rows.map((i) => [this.x(threshold[i], wide), rate(values(i))]);
    const ticks = [1, 0.1, 0.01, 0.001].filter((t) => Math.log10(t) > least);
    for (const tick of ticks) add(svg, "line", { class: "axis", x1: 0, x2: wide, y1: rate(tick), y2: rate(tick) });
    const upper = curve((i) => bound[i]), lower = curve((i) => alpha[i]);
    add(svg, "path", { class: "ribbon", d: between(upper, lower) });
    if (this.data.low.length) {
      const most = curve((i) => this.data.high[i]), least_ = curve((i) => this.data.low[i]);
      add(svg, "path", { class: "likely", d: between(most, least_) });
    }
    add(svg, "path", { class: "promised", d: steps(lower) });
    add(svg, "path", { class: "bound", d: steps(upper) });
    if (nNormal) add(svg, "path", { class: "measured", d: steps(curve((i) => falseAlarms[i] / nNormal)) });
    for (const tick of ticks) {
      add(svg, "text", { x: wide - 2, y: rate(tick) - 2, "text-anchor": "end" }, `${+(100 * tick).toPrecision(2)} %`);
    }
    add(svg, "line", { class: "axis", x1: 0, x2: wide, y1: high - 10, y2: high - 10 });
    this.bandLine = add(svg, "line", { class: "line", y1: 0, y2: high - 10 });
    this.thumb = add(svg, "circle", { class: "thumb", r: 9, cy: high - 10 });
  }

  drawHistogram() {
    const { edges, series } = this.data.histogram;
    const log = this.find("[data-testid=log]").checked;
    const { svg, wide, high } = canvas(this.find(".histogram svg"), this.find(".histogram").clientWidth, 220);
    const left = 34, bottom = high - 34;
    this.bars = { left, wide };
    const x = (t) => left + this.x(t, wide - left);
    const totals = series.map((s) => s.counts.reduce((a, b) => a + b, 0) || 1);
    const value = (s, count) => (log ? Math.log10(1 + count) : (100 * count) / totals[s]);
    const most = Math.max(...series.map((s, i) => Math.max(...s.counts.map((c) => value(i, c))))) || 1;
    const y = (v) => bottom - (v / most) * (bottom - 18);
    const ticks = log ? [1, 10, 100, 1000, 10000].filter((c) => Math.log10(1 + c) <= most) : [0, most / 2, most];
    for (const tick of ticks) {
      const at = y(log ? Math.log10(1 + tick) : tick);
      add(svg, "line", { class: "axis", x1: left, x2: wide, y1: at, y2: at });
      add(svg, "text", { x: left - 4, y: at + 4, "text-anchor": "end" }, log ? tick.toLocaleString("en") : `${Math.round(tick)} %`);
    }
    this.flagged = add(svg, "rect", { class: "flagged", y: 14, height: bottom - 14 });
    series.forEach((s, i) => {
      let d = "";
      s.counts.forEach((count, b) => {
        if (count) d += `M${x(edges[b])} ${bottom} V${y(value(i, count))} H${x(edges[b + 1]) - 0.5} V${bottom} Z`;
      });
      add(svg, "path", { class: s.kind, d });
      add(svg, "rect", { class: s.kind, x: left + 4 + 130 * i, y: 0, width: 10, height: 10 });
      add(svg, "text", { x: left + 18 + 130 * i, y: 9 }, s.name);
    });
    for (const t of round(...this.data.axis)) add(svg, "text", { x: x(t), y: bottom + 14, "text-anchor": "middle" }, short(t));
    add(svg, "text", { x: (left + wide) / 2, y: high - 4, "text-anchor": "middle" }, "score (higher is odder)");
    this.histogramLine = add(svg, "line", { class: "line", y1: 12, y2: bottom });
  }

  drawRoc() {
    const { curves } = this.data;
    const { svg, wide, high } = canvas(this.find(".roc svg"), this.find(".roc").clientWidth, 220);
    const left = 50, bottom = high - 34, top = 8, right = wide - 8;
    this.onRoc = (fpr, tpr) => [left + fpr * (right - left), bottom - tpr * (bottom - top)];
    const caption = this.find(".roc figcaption span");
    this.find(".roc figcaption label").hidden = !curves.length;
    this.point = null;
    if (!curves.length) {
      caption.textContent = "ROC";
      add(svg, "text", { x: 4, y: 24 }, "Without both normal digits and anomalies there is no ROC curve.");
      return;
    }
    caption.textContent = `ROC, area ${curves[0].area.toFixed(4)}`;
    for (const share of [0, 0.5, 1]) {
      const [x, y] = this.onRoc(share, share);
      add(svg, "line", { class: "axis", x1: left, x2: right, y1: y, y2: y });
      add(svg, "line", { class: "axis", x1: x, x2: x, y1: top, y2: bottom });
      add(svg, "text", { x: left - 4, y: y + 4, "text-anchor": "end" }, `${100 * share} %`);
      add(svg, "text", { x, y: bottom + 14, "text-anchor": share === 1 ? "end" : "middle" }, `${100 * share} %`);
    }
    add(svg, "text", { x: (left + right) / 2, y: high - 4, "text-anchor": "middle" }, "false alarms");
    const middle = (top + bottom) / 2;
    add(svg, "text", { x: 10, y: middle, "text-anchor": "middle", transform: `rotate(-90 10 ${middle})` }, "anomalies caught");
    const shown = this.find("[data-testid=overlay]").checked ? curves : curves.slice(0, 1);
    [...shown].reverse().forEach((curve, i) => {
      const d = curve.points.map(([a, b]) => this.onRoc(a, b).map((v) => v.toFixed(1)).join(" ")).join(" L");
      add(svg, "path", { class: "curve", d: `M${d}`, stroke: COLOURS[curve.name] });
      if (shown.length < 2) return;
      const at = { x: right - 6, y: bottom - 8 - 14 * i, "text-anchor": "end", style: `fill: ${COLOURS[curve.name]}; opacity: 1` };
      add(svg, "text", at, `${curve.name} ${curve.area.toFixed(4)}`);
    });
    this.point = add(svg, "circle", { class: "point", r: 6, "data-testid": "point" });
  }

  drawLabels() {
    const box = this.find(".labels div");
    box.replaceChildren();
    this.shares = this.data.labels.map(({ name }) => {
      const line = document.createElement("p");
      line.classList.toggle("wide", this.data.labels.some((l) => l.name.length > 3));
      line.innerHTML = '<span class="name"></span><span class="bar"><i></i></span><span class="share"></span>';
      line.querySelector(".name").textContent = name.length > 3 ? name : `${name}s`;
      box.append(line);
      return { bar: line.querySelector("i"), share: line.querySelector(".share") };
    });
  }

  // What follows the thumb: called on every movement, so it only sets attributes and texts.
  place() {
    const { data, row } = this;
    const { nNormal, nAnomaly } = data;
    const line = data.threshold[row], never = line === null;
    const at = never ? data.axis[1] : line;
    const false_ = data.falseAlarms[row], caught = data.caught[row];
    const measured = nNormal ? false_ / nNormal : null;
    const band = this.x(at, this.find(".band").clientWidth);
    set(this.bandLine, { x1: band, x2: band });
    set(this.thumb, { cx: band });
    const bar = this.bars.left + this.x(at, this.bars.wide - this.bars.left);
    set(this.histogramLine, { x1: bar, x2: bar });
    set(this.flagged, { x: bar, width: Math.max(0, this.bars.wide - bar) });
    if (this.point) {
      const [cx, cy] = this.onRoc(measured, caught / nAnomaly);
      set(this.point, { cx, cy });
    }
    const words = { rate: percent(measured) };
    for (const name of ["alpha", "bound", "exchangeable", "low", "high"]) words[name] = percent(data[name][row]);
    const filled = (text) => text.replace(/\{(\w+)\}/g, (all, name) => words[name] ?? all);
    // Where a rate was asked for that no line keeps exactly, the line that stands nearest says so.
    const nearest = row === data.row && data.nearest ? ` (${data.nearest})` : "";
    this.find(".promise").textContent = never ? data.noLine : filled(data.sentence.replace("{alpha}", `{alpha}${nearest}`));
    this.find(".more").hidden = never;
    this.find(".more p").textContent = filled(data.more);
    this.write("alpha", words.alpha);
    this.write("bound", words.bound);
    this.write("measured", words.rate);
    this.write("threshold", never ? "none" : short(line));
    this.write("caught", percent(caught / nAnomaly));
    this.write("precision", caught + false_ ? percent(caught / (caught + false_)) : "–");
    this.cell("trueNormal", nNormal - false_, nNormal);
    this.cell("falseAlarms", false_, nNormal);
    this.cell("misses", nAnomaly - caught, nAnomaly);
    this.cell("caught", caught, nAnomaly);
    this.placeLabels();
    if (document.activeElement !== this.find(".alpha input") && data.alpha[row] > 0) {
      this.find(".alpha input").value = Math.log10(data.alpha[row]);
    }
    const slider = this.find(".band");
    const said = never ? "no line" : `score ${short(line)}: ${words.alpha} false alarms promised, at most ${words.bound}`;
    set(slider, { "aria-valuemin": data.axis[0], "aria-valuemax": data.axis[1], "aria-valuenow": at, "aria-valuetext": said });
    this.find(".alpha input").setAttribute("aria-valuetext", words.alpha);
  }

  placeLabels() {
    let worst = null;
    this.data.labels.forEach(({ name, total, caught }, i) => {
      const share = caught[this.row] / total;
      this.shares[i].bar.style.width = `${100 * share}%`;
      this.shares[i].share.textContent = percent(share);
      if (!worst || share < worst.share) worst = { name, share };
    });
    if (!worst) return;
    const slips = worst.name.length > 3 ? `“${worst.name}” slips` : `${worst.name}s slip`;
    const text = worst.share === 1 ? "All kinds of anomalies are caught" : `Caught, of each kind: ${slips} through most`;
    this.find(".labels figcaption").textContent = text;
  }

  write(figure, text) { this.find(`[data-figure=${figure}]`).textContent = text; }

  cell(name, count, of) {
    const cell = this.find(`[data-cell=${name}]`);
    cell.style.setProperty("--share", of ? count / of : 0);
    cell.innerHTML = `<b>${count.toLocaleString("en")}</b>${of ? percent(count / of) : ""}`;
  }

  x(score, wide) {
    const [low, high] = this.data.axis;
    return Math.min(1, Math.max(0, (score - low) / (high - low))) * wide;
  }
}

function canvas(svg, wide, high) {
  svg.replaceChildren();
  set(svg, { viewBox: `0 0 ${wide} ${high}`, height: high });
  return { svg, wide, high };
}

function add(parent, tag, attributes, text) {
  const made = document.createElementNS(NS, tag);
  set(made, attributes);
  if (text !== undefined) made.textContent = text;
  parent.append(made);
  return made;
}

function set(element, attributes) {
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
}

function steps(points) {
  return `M${points.map(([x, y]) => `${x.toFixed(1)} ${y.toFixed(1)}`).join(" L")}`;
}

function between(upper, lower) {
  return `${steps(upper)} L${steps([...lower].reverse()).slice(1)} Z`;
}

function closest(values, distance) {
  let best = null, least = Infinity;
  values.forEach((value, i) => {
    const d = distance(value, i);
    if (d < least) { least = d; best = i; }
  });
  return best;
}

// Three to six round numbers between two others.
function round(low, high) {
  const size = 10 ** Math.floor(Math.log10((high - low) / 3));
  const step = size * [5, 2, 1].find((times) => (high - low) / (times * size) >= 3);
  const first = Math.ceil(low / step), count = Math.floor(high / step) - first + 1;
  return Array.from({ length: count }, (_, i) => (first + i) * step);
}

// As say_share of core/words.py says it.
function percent(share) {
  if (share === null || Number.isNaN(share)) return "–";
  const said = share >= 1 ? 100 : Math.min(100 * share, 99.99), rest = Math.min(said, 100 - said);
  const decimals = rest > 1e-6 && rest < 0.995 ? (said < 50) - Math.floor(Math.log10(rest)) : 1;
  return `${+said.toFixed(decimals)}\u00a0%`;
}

function short(score) {
  return `${+score.toPrecision(3)}`;
}
