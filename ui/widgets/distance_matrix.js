// A heat map of distances. Every text comes in by textContent: a file name is never read as HTML.
export default function (component) {
  const { parentElement, data } = component;
  const root = parentElement.querySelector(".root");
  root.heat ??= new Heat(root);
  root.heat.update(data);
}

const STRIP = 10; // pixels: the colours of the groups along two sides

class Heat {
  constructor(root) {
    this.root = root;
    this.field = make("div", "field");
    this.field.tabIndex = 0;
    this.field.setAttribute("role", "application");
    this.base = make("canvas", "base");
    this.over = make("canvas", "over");
    this.field.append(this.base, this.over);
    this.panel = make("div", "panel");
    this.ramp = make("div", "ramp");
    this.ends = make("div", "ends");
    const scale = make("div", "scale");
    scale.append(this.ramp, this.ends);
    this.value = make("div", "value");
    this.value.setAttribute("role", "status");
    this.pair = make("div", "pair");
    this.panel.append(scale, this.value, this.pair);
    this.theme = make("span", "theme");
    this.theme.addEventListener("transitionend", () => this.draw());
    const row = make("div", "row");
    row.append(this.field, this.panel);
    root.replaceChildren(row, this.theme);
    this.field.addEventListener("pointermove", (event) => this.hover(event));
    this.field.addEventListener("pointerdown", (event) => this.hover(event));
    this.field.addEventListener("keydown", (event) => this.type(event));
    new ResizeObserver(() => this.root.clientWidth !== this.wide && this.draw()).observe(root);
  }

  update(data) {
    const drawn = JSON.stringify(data);
    if (drawn === this.drawn) return;
    this.drawn = drawn;
    this.data = data;
    this.at = null;
    const bytes = Uint8Array.from(atob(data.values), (letter) => letter.charCodeAt(0));
    this.values = new Float32Array(bytes.buffer);
    this.low = Infinity;
    this.high = -Infinity;
    for (let i = 0; i < this.values.length; i++) {
      if (i % (data.count + 1) === 0 || !Number.isFinite(this.values[i])) continue;
      this.low = Math.min(this.low, this.values[i]);
      this.high = Math.max(this.high, this.values[i]);
    }
    if (!(this.low < this.high)) [this.low, this.high] = [Math.min(0, this.low), Math.max(this.high, this.low + 1e-9)];
    this.field.setAttribute("aria-label", `${data.title}: ${data.count} by ${data.count}. Arrow keys walk over the pairs.`);
    this.draw();
    this.show();
  }

  draw() {
    if (!this.data || !this.root.clientWidth) return;
    this.wide = this.root.clientWidth;
    const side = Math.max(160, Math.min(this.data.height, this.wide)), ratio = Math.min(3, globalThis.devicePixelRatio || 1);
    Object.assign(this, { side, cell: (side - STRIP - 2) / Math.max(1, this.data.count), from: STRIP + 2 });
    this.field.style.width = this.field.style.height = side + "px";
    for (const canvas of [this.base, this.over]) {
      canvas.width = canvas.height = Math.round(side * ratio);
      canvas.getContext("2d").setTransform(ratio, 0, 0, ratio, 0, 0);
    }
    const style = getComputedStyle(this.theme);
    this.ground = numbers(style.backgroundColor);
    this.ink = numbers(style.color);
    this.dark = 0.3 * this.ground[0] + 0.59 * this.ground[1] + 0.11 * this.ground[2] < 110;
    this.paint(this.base.getContext("2d"));
    this.mark();
    this.ramp.style.background = `linear-gradient(to right, ${[0, 0.25, 0.5, 0.75, 1].map((v) => `rgb(${this.shade(v)})`).join(", ")})`;
    this.ends.replaceChildren(make("span", "", `${this.number(this.low)} near`), make("span", "", `${this.data.measure} ${this.number(this.high)} far`));
  }

  // From the theme's own colour (near) to its background (far).
  shade(part) {
    const ease = Math.pow(Math.max(0, Math.min(1, part)), 0.8);
    return this.ink.map((value, n) => Math.round(value + (this.ground[n] - value) * ease));
  }

  // One pixel a pair, then enlarged without smoothing.
  paint(context) {
    const { count } = this.data;
    const small = document.createElement("canvas");
    small.width = small.height = Math.max(1, count);
    const image = new ImageData(small.width, small.height);
    for (let i = 0; i < this.values.length; i++) {
      const value = i % (count + 1) === 0 ? this.low : this.values[i];
      image.data.set([...this.shade((value - this.low) / (this.high - this.low)), 255], 4 * i);
    }
    small.getContext("2d").putImageData(image, 0, 0);
    context.clearRect(0, 0, this.side, this.side);
    context.imageSmoothingEnabled = false;
    context.drawImage(small, this.from, this.from, this.cell * count, this.cell * count);
    this.strips(context);
  }

  strips(context) {
    const { count, groups, colours } = this.data, end = this.from + this.cell * count;
    context.lineWidth = 1;
    context.strokeStyle = this.dark ? "rgb(255 255 255 / 0.6)" : "rgb(0 0 0 / 0.55)";
    for (let i = 0; i < count; i++) {
      const place = this.from + i * this.cell;
      context.fillStyle = this.css(colours[i]);
      context.fillRect(0, place, STRIP, this.cell + 0.3);
      context.fillRect(place, 0, this.cell + 0.3, STRIP);
      if (!i || groups[i] === groups[i - 1]) continue;
      const line = Math.round(place) + 0.5;
      context.beginPath();
      context.moveTo(0, line);
      context.lineTo(end, line);
      context.moveTo(line, 0);
      context.lineTo(line, end);
      context.stroke();
    }
  }

  css(colour) {
    return (this.data.palette[colour] ?? this.data.noise)[this.dark ? 1 : 0];
  }

  number(value) {
    return Math.abs(value) >= 100 ? value.toFixed(0) : Number(value.toPrecision(3)).toString();
  }

  hover(event) {
    const box = this.field.getBoundingClientRect();
    this.go(Math.floor((event.clientY - box.top - this.from) / this.cell), Math.floor((event.clientX - box.left - this.from) / this.cell));
  }

  type(event) {
    const step = { ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowUp: [-1, 0], ArrowDown: [1, 0] }[event.key];
    if (!step || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    const [row, column] = this.at ?? [0, 0];
    this.go(row + step[0], column + step[1]);
  }

  go(row, column) {
    const last = this.data.count - 1;
    if (row < 0 || column < 0 || row > last || column > last) return;
    if (this.at && this.at[0] === row && this.at[1] === column) return;
    this.at = [row, column];
    this.mark();
    this.show();
  }

  mark() {
    const context = this.over.getContext("2d");
    context.clearRect(0, 0, this.side, this.side);
    if (!this.at) return;
    const [row, column] = this.at.map((n) => this.from + n * this.cell), size = this.cell;
    context.strokeStyle = this.dark ? "#ffffff" : "#000000";
    context.globalAlpha = 0.35;
    context.strokeRect(0, row, this.from + size * this.data.count, size);
    context.strokeRect(column, 0, size, this.from + size * this.data.count);
    context.globalAlpha = 1;
    context.lineWidth = 2;
    context.strokeRect(column - 1, row - 1, size + 2, size + 2);
    context.lineWidth = 1;
  }

  show() {
    if (!this.at) {
      this.value.textContent = "";
      this.pair.replaceChildren(make("span", "hint", "Point at a square to see both pictures and their distance."));
      return;
    }
    const [row, column] = this.at;
    this.pair.replaceChildren(this.one(row), this.one(column));
    this.value.textContent = `${this.data.measure} ${this.number(this.values[row * this.data.count + column])}`;
  }

  one(i) {
    const part = make("div", "one");
    part.style.setProperty("--mark", this.css(this.data.colours[i]));
    const source = this.data.sources?.[i];
    if (source) {
      const image = make("img", "");
      image.alt = "";
      image.onerror = () => image.remove();
      image.src = source;
      part.append(image);
    }
    part.append(make("div", "name", this.data.names[i]));
    return part;
  }
}

function numbers(colour) {
  return (colour.match(/[\d.]+/g) || [0, 0, 0]).slice(0, 3).map(Number);
}

function make(tag, names, text) {
  const element = document.createElement(tag);
  if (names) element.className = names.trim();
  if (text !== undefined) element.textContent = text;
  return element;
}
