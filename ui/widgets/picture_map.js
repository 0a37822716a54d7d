// A map of pictures. Every text comes in by textContent: a file name is never read as HTML.
const STORE = (globalThis[Symbol.for("benzer.map")] ??= { parts: new Map(), views: new Map(), news: new EventTarget() });

export default function (component) {
  const { parentElement, data, setTriggerValue } = component;
  const root = parentElement.querySelector(".root");
  root.map ??= new PictureMap(root);
  root.map.send = (name, value) => setTriggerValue(name, value);
  root.map.update(data);
  return () => root.map.remember();
}

const KEYS = { v: "move", b: "box", l: "lasso" };
const ICONS = {
  move: "M8 2v12M2 8h12M8 2 6 4M8 2l2 2M8 14l-2-2M8 14l2-2M2 8l2-2M2 8l2 2M14 8l-2-2M14 8l-2 2",
  box: "M2.5 3.5h11v9h-11z",
  lasso: "M8 2.5c3.6 0 6 1.700 6 4s-2.400 4-6 4-6-1.700-6-4 2.400-4 6-4zM4.500 9.700c-.8 1 .2 2.300 1.200 2 1.200-.4.900 1.800-.7 2.300",
  out: "M3 8h10",
  in: "M3 8h10M8 3v10",
  fit: "M2.500 6V2.500H6M10 2.500h3.500V6M13.500 10v3.500H10M6 13.500H2.500V10",
};

class PictureMap {
  constructor(root) {
    this.root = root;
    this.mode = "move";
    this.marked = null; // Uint8Array: what is selected
    this.many = 0;
    this.focus = new Set(); // colour indices that stand out
    this.hint = -1; // the colour under the pointer in the legend
    this.hover = -1;
    this.placed = new Set();
    this.fingers = new Map();
    this.thumbs = new Thumbs(() => this.dirty(false));
    this.times = []; // milliseconds of the last drawings, for the benchmark
    this.build();
    this.hear = () => this.gather();
  }

  // ---- the parts on the page ----

  build() {
    this.bar = make("div", "bar");
    const modes = make("div", "set");
    modes.setAttribute("role", "group");
    modes.setAttribute("aria-label", "What dragging does");
    this.modes = { move: this.button("move", "Move", "Drag to move the map (V)"), box: this.button("box", "Box", "Drag a box around pictures (B); Shift adds"), lasso: this.button("lasso", "Lasso", "Draw around pictures (L); Shift adds") };
    for (const [mode, button] of Object.entries(this.modes)) {
      button.onclick = () => this.choose(mode);
      modes.append(button);
    }
    const zooms = make("div", "set");
    zooms.setAttribute("role", "group");
    zooms.setAttribute("aria-label", "Zoom");
    const [less, more, fit] = [this.button("out", "", "Zoom out (−)"), this.button("in", "", "Zoom in (+)"), this.button("fit", "Fit", "Show all (0)")];
    less.onclick = () => this.zoom(1 / 1.6);
    more.onclick = () => this.zoom(1.6);
    fit.onclick = () => this.fit();
    zooms.append(less, more, fit);
    this.sizer = this.slider();
    this.named = make("button", "names", "Names");
    this.named.type = "button";
    this.named.title = "Show the names of the groups";
    this.named.setAttribute("aria-pressed", "true");
    this.named.onclick = () => {
      this.named.setAttribute("aria-pressed", String(this.named.getAttribute("aria-pressed") !== "true"));
      this.dirty(false);
    };
    this.said = make("div", "said");
    this.said.setAttribute("role", "status");
    this.clear = make("button", "clear", "Clear");
    this.clear.type = "button";
    this.clear.title = "Clear the selection (Esc)";
    this.clear.onclick = () => this.select([], false);
    this.bar.append(modes, zooms, this.named, this.sizer, this.said, this.clear);
    this.stage = make("div", "stage");
    this.stage.tabIndex = 0;
    this.stage.setAttribute("role", "application");
    this.stage.setAttribute("aria-roledescription", "map of pictures");
    this.base = document.createElement("canvas");
    this.over = document.createElement("canvas");
    this.paint = new Paint(this.base);
    this.tip = make("div", "tip");
    this.tip.hidden = true;
    this.wait = make("div", "wait", "Loading the points …");
    const theme = make("span", "theme");
    theme.addEventListener("transitionend", () => this.dirty());
    this.theme = theme;
    this.stage.append(this.base, this.over, this.wait, this.tip, theme);
    this.legend = make("ul", "legend");
    this.root.replaceChildren(this.bar, this.stage, this.legend);
    this.listen();
    new ResizeObserver(() => this.dirty()).observe(this.stage);
    this.choose("move");
  }

  button(icon, word, help) {
    const button = make("button", "");
    button.type = "button";
    button.title = help;
    button.setAttribute("aria-label", help);
    const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
    svg.setAttribute("viewBox", "0 0 16 16");
    svg.setAttribute("class", "icon");
    svg.setAttribute("aria-hidden", "true");
    const path = document.createElementNS("http://www.w3.org/2000/svg", "path");
    path.setAttribute("d", ICONS[icon]);
    svg.append(path);
    button.append(svg);
    if (word) button.append(make("span", "word", word));
    return button;
  }

  // How large pictures and dots are drawn, as a factor.
  slider() {
    const label = make("label", "sizer", "Size");
    const slider = make("input", "");
    Object.assign(slider, { type: "range", min: "0.5", max: "3", step: "0.1", value: "1" });
    this.factor = 1;
    slider.oninput = () => {
      this.factor = Number(slider.value);
      this.sized = "";
      this.placed = new Set();
      this.dirty();
    };
    label.append(slider);
    return label;
  }

  choose(mode) {
    this.mode = mode;
    for (const [name, button] of Object.entries(this.modes)) button.setAttribute("aria-pressed", String(name === mode));
    this.stage.classList.toggle("selecting", mode !== "move");
  }

  // ---- what Python sends ----

  update(data) {
    const drawn = JSON.stringify(data);
    if (drawn === this.drawn) return;
    this.drawn = drawn;
    const before = this.data;
    this.data = data;
    this.stage.style.setProperty("--height", `${data.height}px`);
    this.stage.setAttribute("aria-label", `${data.title}: ${data.count} pictures. Arrow keys move, plus and minus zoom, Enter opens the picture in the middle, Escape clears the selection.`);
    for (const mode of ["box", "lasso"]) this.modes[mode].hidden = !data.selects;
    this.thumbs.use(data.thumbs);
    if (!before || before.parts.points !== data.parts.points) this.points = null;
    if (!before || before.parts.colours !== data.parts.colours) this.colours = null;
    this.wanted = !before || before.selected !== data.selected || !this.points ? data.selected : undefined;
    if (JSON.stringify(before && [before.legend, before.palette]) !== JSON.stringify([data.legend, data.palette])) this.writeLegend();
    this.gather();
  }

  // Takes the arrays as soon as their carriers have brought them.
  gather() {
    if (!this.data) return;
    const { parts, count, key } = this.data;
    if (!this.points && STORE.parts.has(parts.points)) {
      this.points = new Points(STORE.parts.get(parts.points), count);
      this.marked = new Uint8Array(count);
      this.many = 0;
      this.hover = -1;
      this.placed = new Set();
      const kept = STORE.views.get(key);
      const same = kept && kept.points === parts.points;
      this.view = same ? kept.view : null;
      if (same && kept.marked) this.mark(kept.marked);
    }
    if (!this.colours && STORE.parts.has(parts.colours)) this.colours = new Uint16Array(STORE.parts.get(parts.colours));
    if (this.points && this.wanted !== undefined && this.wanted !== null) this.mark(unpacked(this.wanted, count));
    if (this.points) this.wanted = undefined;
    this.wait.hidden = this.ready;
    if (this.ready || !this.root.isConnected) STORE.news.removeEventListener("part", this.hear);
    else STORE.news.addEventListener("part", this.hear);
    this.tell();
    this.dirty();
  }

  get ready() {
    return Boolean(this.points && this.colours);
  }

  remember() {
    if (!this.view || !this.points) return;
    STORE.views.delete(this.data.key);
    STORE.views.set(this.data.key, { points: this.data.parts.points, view: this.view, marked: this.many ? this.marked : null });
    while (STORE.views.size > 8) STORE.views.delete(STORE.views.keys().next().value);
  }

  // ---- selection ----

  mark(mask) {
    this.marked = mask;
    this.many = mask.reduce((sum, one) => sum + one, 0);
    this.tell();
    this.dirty();
  }

  select(rows, adds) {
    if (!this.ready || !this.data.selects) return;
    const mask = adds ? this.marked.slice() : new Uint8Array(this.data.count);
    for (const i of rows) if (this.stands(i)) mask[i] = 1;
    this.settle(mask);
  }

  flip(i) {
    const mask = this.marked.slice();
    mask[i] ^= 1;
    this.settle(mask);
  }

  settle(mask) {
    if (!this.many && !mask.some(Boolean)) return;
    this.mark(mask);
    this.send("select", { bits: packed(mask), points: this.data.parts.points });
  }

  tell() {
    const n = this.many;
    const text = n ? `${n.toLocaleString("en")} ${n === 1 ? "picture" : "pictures"} selected` : `${(this.data?.count ?? 0).toLocaleString("en")} pictures`;
    if (this.said.textContent !== text) this.said.textContent = text;
    this.said.classList.toggle("some", n > 0);
    this.clear.hidden = !n;
  }

  // Whether a point belongs to a group that stands out, where some do.
  stands(i) {
    return !this.focus.size || this.focus.has(this.colours[i]);
  }

  // ---- legend ----

  writeLegend() {
    const all = new Set(this.data.legend.map((entry) => entry.colour));
    this.focus = new Set([...this.focus].filter((colour) => all.has(colour)));
    this.legend.setAttribute("aria-label", "Legend: press a group to highlight it");
    this.legend.replaceChildren(...this.data.legend.map((entry) => this.legendEntry(entry)));
    this.legend.hidden = !this.data.legend.length;
  }

  legendEntry(entry) {
    const item = make("li", "");
    const button = make("button", "");
    button.type = "button";
    button.title = `Highlight ${entry.text}`;
    button.setAttribute("aria-pressed", String(this.focus.has(entry.colour)));
    const swatch = make("span", "swatch");
    swatch.dataset.colour = entry.colour;
    button.append(swatch, make("span", "text", entry.text), make("span", "count", entry.count.toLocaleString("en")));
    button.onclick = () => {
      if (!this.focus.delete(entry.colour)) this.focus.add(entry.colour);
      button.setAttribute("aria-pressed", String(this.focus.has(entry.colour)));
      this.dirty();
    };
    const point = (colour) => () => {
      this.hint = colour;
      this.dirty();
    };
    button.addEventListener("pointerenter", point(entry.colour));
    button.addEventListener("pointerleave", point(-1));
    item.append(button);
    return item;
  }

  // ---- view: the middle in the points' own units, and pixels a unit ----

  fit() {
    const { left, top, right, bottom } = this.points.bounds;
    const room = this.data.thumbs && this.data.count <= 700 ? 50 : 30; // half a picture at the rim
    const across = (this.width - 2 * room) / Math.max(right - left, 1e-9);
    const down = (this.height - 2 * room) / Math.max(bottom - top, 1e-9);
    this.whole = Math.max(1e-9, Math.min(across, down, 1e9));
    this.view = { x: (left + right) / 2, y: (top + bottom) / 2, scale: this.whole, fits: true };
    this.dirty();
  }

  zoom(factor, x = this.width / 2, y = this.height / 2) {
    if (!this.ready || !this.view) return;
    const scale = Math.min(this.whole * 4000, Math.max(this.whole * 0.4, this.view.scale * factor));
    const [px, py] = this.place(x, y);
    this.moved = performance.now();
    this.view = { x: px - (x - this.width / 2) / scale, y: py + (y - this.height / 2) / scale, scale };
    this.unhover();
    this.dirty();
  }

  move(dx, dy) {
    if (!this.view) return;
    this.moved = performance.now();
    this.view.x -= dx / this.view.scale;
    this.view.y += dy / this.view.scale;
    this.view.fits = false;
    this.dirty();
  }

  place(x, y) {
    return [this.view.x + (x - this.width / 2) / this.view.scale, this.view.y - (y - this.height / 2) / this.view.scale];
  }

  at(i) {
    const { places } = this.points;
    return [(places[2 * i] - this.view.x) * this.view.scale + this.width / 2, this.height / 2 - (places[2 * i + 1] - this.view.y) * this.view.scale];
  }

  // ---- drawing ----

  // `dots`: not only what lies over them (pictures, the ring, the outline of a selection) has changed.
  dirty(dots = true) {
    this.stale ||= dots;
    if (this.asked) return;
    this.asked = requestAnimationFrame(() => {
      this.asked = 0;
      this.draw();
    });
  }

  draw() {
    const box = this.stage.getBoundingClientRect();
    if (!box.width || !box.height || !this.ready) return;
    const began = performance.now();
    const ratio = this.sharpness();
    if (box.width !== this.width || box.height !== this.height || ratio !== this.ratio) this.resize(box.width, box.height, ratio);
    if (!this.view) this.fit();
    this.readTheme();
    if (this.stale) {
      this.drawDots();
      if (ratio > 1) this.slow = performance.now() - began > 12; // judged by whole drawings only
    }
    this.stale = false;
    this.drawOver();
    this.times.push(performance.now() - began);
    if (this.times.length > 240) this.times.shift();
  }

  // Pixels to draw for each CSS pixel: fewer while the map moves on a machine that is too slow for all of them.
  sharpness() {
    const all = Math.min(3, globalThis.devicePixelRatio || 1);
    const moves = performance.now() - (this.moved ?? -1000) < 160;
    if (all <= 1 || !moves || !this.slow) return all;
    clearTimeout(this.rests);
    this.rests = setTimeout(() => this.dirty(), 200);
    return 1;
  }

  resize(width, height, ratio) {
    Object.assign(this, { width, height, ratio, stale: true });
    this.paint.size(width, height, ratio);
    this.over.width = this.base.width;
    this.over.height = this.base.height;
    const kept = this.view;
    this.fit();
    if (kept && !kept.fits) this.view = kept;
  }

  readTheme() {
    const style = getComputedStyle(this.theme);
    const ground = style.backgroundColor, dark = isDark(ground);
    if (ground === this.ground && this.palette === this.data.palette) return;
    Object.assign(this, { ground, dark, palette: this.data.palette, ink: style.color, stale: true });
    this.grey = this.data.noise[dark ? 1 : 0];
    this.shades = Uint32Array.from(this.palette, (pair) => pixel(pair[dark ? 1 : 0]));
    this.primary = getComputedStyle(this.root).getPropertyValue("--st-primary-color").trim() || "#17685f";
    for (const swatch of this.root.querySelectorAll(".swatch[data-colour]")) swatch.style.background = this.css(Number(swatch.dataset.colour));
  }

  css(colour) {
    const pair = this.palette[colour];
    return pair ? pair[this.dark ? 1 : 0] : this.grey;
  }

  get radius() {
    const n = this.data.count;
    const least = n > 20000 ? 1.5 : n > 5000 ? 2 : n > 800 ? 2.8 : 4;
    return this.factor * Math.min(7, least * Math.pow(Math.max(1, this.view.scale / this.whole), 0.3));
  }

  // First what stands back, then what stands out; gathers the rows in sight where they are few.
  drawDots() {
    const { paint, points, colours, ratio, shades, view } = this;
    const many = this.data.count > 5000;
    const plain = paint.stamp(this.radius * ratio, many ? 0.8 : 0.92), back = paint.stamp(this.radius * ratio, 0.16);
    const grey = pixel(this.grey), width = this.width, height = this.height, margin = 40;
    const scale = view.scale * ratio, left = (width * ratio) / 2 - view.x * scale, top = (height * ratio) / 2 + view.y * scale;
    const some = this.many > 0 || this.focus.size > 0 || this.hint >= 0;
    const seen = [];
    let count = 0;
    paint.clear(pixel(this.ground));
    for (let pass = some ? 0 : 1; pass < 2; pass++) {
      for (let i = 0; i < points.count; i++) {
        const x = points.places[2 * i] * scale + left, y = top - points.places[2 * i + 1] * scale;
        if (x < -margin || y < -margin || x > width * ratio + margin || y > height * ratio + margin) continue;
        if (pass === 1 && count++ < 700) seen.push(i);
        if (some && Number(this.out(i)) !== pass) continue;
        const colour = colours[i];
        paint.dot(x, y, colour < shades.length ? shades[colour] : grey, pass ? plain : back);
      }
    }
    paint.show();
    this.seen = count <= 700 ? seen : null;
  }

  // Whether a point is drawn at full strength.
  out(i) {
    if (this.hint >= 0 && this.colours[i] !== this.hint) return false;
    return this.stands(i) && (!this.many || this.marked[i] === 1);
  }

  drawOver() {
    const context = this.over.getContext("2d");
    context.setTransform(this.ratio, 0, 0, this.ratio, 0, 0);
    context.clearRect(0, 0, this.width, this.height);
    this.shown = this.data.thumbs && this.seen ? this.drawThumbs(context) : [];
    if (this.named.getAttribute("aria-pressed") === "true") this.drawNames(context);
    if (this.hover >= 0) this.drawRing(context, this.hover);
    if (this.path) this.drawPath(context);
  }

  // The largest size at which half of the points in sight get a picture; it stays while the map is moved.
  thumbSize() {
    const about = `${this.view.scale} ${this.width} ${this.height}`;
    if (this.sized === about) return this.size;
    this.sized = about;
    const at = (i) => this.at(i), many = (size) => this.thumbs.place(this.seen, at, size + 3, new Set()).length;
    this.size = [96, 80, 66, 54, 46].find((size) => many(size) >= this.seen.length / 2) ?? 40;
    return (this.size = Math.round(this.size * this.factor));
  }

  drawThumbs(context) {
    const size = this.thumbSize();
    const rows = this.thumbs.place(this.seen, (i) => this.at(i), size + 3, this.placed);
    this.placed = new Set(rows);
    this.thumbs.want(rows.map((i) => this.points.ids[i]));
    for (const i of rows) this.drawThumb(context, i, size);
    this.drawCovered(context, rows, size);
    return rows;
  }

  drawThumb(context, i, size) {
    const picture = this.thumbs.get(this.points.ids[i]);
    if (!picture) return;
    const [x, y] = this.at(i);
    const out = this.out(i);
    context.globalAlpha = out ? 1 : 0.25;
    context.fillStyle = this.css(this.colours[i]);
    const edge = this.many && out ? 3 : 2;
    context.fillRect(x - size / 2 - edge + 1, y - size / 2 - edge + 1, size + 2 * edge - 2, size + 2 * edge - 2);
    context.drawImage(picture, x - size / 2 + 1, y - size / 2 + 1, size - 2, size - 2);
    context.globalAlpha = 1;
  }

  // Dots without a picture that lie under one are drawn again on top, so that nothing is hidden.
  drawCovered(context, rows, size) {
    const has = new Set(rows), middles = rows.filter((i) => this.thumbs.get(this.points.ids[i])).map((i) => this.at(i));
    const reach = size / 2 + 3;
    for (const i of this.seen) {
      const [x, y] = this.at(i);
      if (has.has(i) || !middles.some(([a, b]) => Math.abs(a - x) < reach && Math.abs(b - y) < reach)) continue;
      context.globalAlpha = this.out(i) ? 1 : 0.25;
      context.beginPath();
      context.arc(x, y, 3.5, 0, 2 * Math.PI);
      context.fillStyle = this.css(this.colours[i]);
      context.fill();
      context.lineWidth = 1;
      context.strokeStyle = this.ground;
      context.stroke();
    }
    context.globalAlpha = 1;
  }

  // The name of each group where its pictures are densest; the largest first, as long as none covers another.
  drawNames(context) {
    context.font = `600 13px ${getComputedStyle(this.root).fontFamily}`;
    context.textAlign = "center";
    context.textBaseline = "middle";
    context.lineJoin = "round";
    const drawn = [];
    for (const { text, place } of this.densest()) {
      const x = (place[0] - this.view.x) * this.view.scale + this.width / 2, y = this.height / 2 - (place[1] - this.view.y) * this.view.scale;
      const short = text.length > 28 ? text.slice(0, 27) + "…" : text, wide = context.measureText(short).width / 2 + 8;
      if (x < 0 || y < 0 || x > this.width || y > this.height) continue;
      if (drawn.some(([a, b, w]) => Math.abs(a - x) < w + wide && Math.abs(b - y) < 20)) continue;
      drawn.push([x, y, wide]);
      context.lineWidth = 5;
      context.strokeStyle = this.ground;
      context.strokeText(short, x, y);
      context.fillStyle = this.ink;
      context.fillText(short, x, y);
    }
  }

  // For each entry of the legend its name and the middle of the fullest of 24 × 24 cells around it, largest first.
  densest() {
    if (this.dense?.of === this.colours && this.dense.legend === this.data.legend) return this.dense.found;
    const { left, top, right, bottom } = this.points.bounds, side = 24, cells = new Map();
    for (let i = 0; i < this.points.count; i++) {
      const x = this.points.places[2 * i], y = this.points.places[2 * i + 1];
      const cell = Math.min(side - 1, Math.floor(((x - left) / (right - left || 1)) * side)) * side + Math.min(side - 1, Math.floor(((y - top) / (bottom - top || 1)) * side));
      const own = cells.get(this.colours[i]) ?? cells.set(this.colours[i], new Map()).get(this.colours[i]);
      const sum = own.get(cell) ?? own.set(cell, [0, 0, 0]).get(cell);
      sum[0] += x;
      sum[1] += y;
      sum[2]++;
    }
    const entries = [...this.data.legend].filter((entry) => cells.has(entry.colour) && entry.colour !== 0xffff);
    const found = entries.sort((a, b) => b.count - a.count).map((entry) => {
      const [x, y, n] = [...cells.get(entry.colour).values()].reduce((best, one) => (one[2] > best[2] ? one : best));
      return { text: entry.text, place: [x / n, y / n] };
    });
    this.dense = { of: this.colours, legend: this.data.legend, found };
    return found;
  }

  drawRing(context, i) {
    const [x, y] = this.at(i);
    context.lineWidth = 2;
    context.strokeStyle = this.ink;
    context.beginPath();
    if (this.shown.includes(i)) context.rect(x - this.size / 2 - 2, y - this.size / 2 - 2, this.size + 4, this.size + 4);
    else context.arc(x, y, this.radius + 3, 0, 2 * Math.PI);
    context.stroke();
  }

  drawPath(context) {
    context.beginPath();
    for (let n = 0; n < this.path.length; n += 2) context.lineTo(this.path[n], this.path[n + 1]);
    context.closePath();
    context.fillStyle = this.primary;
    context.globalAlpha = 0.14;
    context.fill();
    context.globalAlpha = 1;
    context.lineWidth = 1.5;
    context.strokeStyle = this.primary;
    context.setLineDash([5, 4]);
    context.stroke();
    context.setLineDash([]);
  }

  // ---- pointing ----

  find(x, y) {
    if (!this.ready || !this.view) return -1;
    const [px, py] = this.place(x, y);
    const dot = this.points.nearest(px, py, Math.max(9, this.radius + 4) / this.view.scale);
    const on = (i) => {
      const [a, b] = this.at(i);
      return Math.abs(a - x) <= this.size / 2 && Math.abs(b - y) <= this.size / 2;
    };
    const picture = (this.shown || []).findLast(on) ?? -1;
    if (dot >= 0 && picture >= 0) {
      const [a, b] = this.at(dot);
      return Math.hypot(a - x, b - y) <= 5 ? dot : picture;
    }
    return picture >= 0 ? picture : dot;
  }

  point(i) {
    if (i === this.hover) return;
    this.hover = i;
    this.stage.classList.toggle("over", i >= 0 && this.data.picks);
    this.dirty(false);
    if (i < 0) {
      this.tip.hidden = true;
      return;
    }
    this.writeTip(i);
  }

  unhover() {
    this.point(-1);
  }

  writeTip(i) {
    const id = this.points.ids[i], name = this.points.names?.[i] ?? "";
    const entry = this.data.legend.find((one) => one.colour === this.colours[i]);
    this.tip.replaceChildren();
    if (this.data.thumbs) {
      const image = make("img", "");
      image.alt = name;
      image.onerror = () => (image.hidden = true);
      clearTimeout(this.later);
      this.later = setTimeout(() => (image.src = this.thumbs.address(id)), this.tip.hidden ? 30 : 0);
      this.tip.append(image);
    }
    if (name) this.tip.append(make("div", "name", name));
    if (entry) {
      const line = make("div", "group"), swatch = make("span", "swatch");
      swatch.style.background = this.css(entry.colour);
      line.append(swatch, make("span", "", entry.text));
      this.tip.append(line);
    }
    this.tip.hidden = !this.tip.childElementCount;
    const [x, y] = this.at(i), wide = this.tip.offsetWidth, high = this.tip.offsetHeight, gap = 14 + (this.shown.includes(i) ? this.size / 2 : 0);
    const left = x + gap + wide < this.width ? x + gap : Math.max(4, x - gap - wide);
    const top = Math.max(4, Math.min(this.height - high - 4, y - high / 2));
    this.tip.style.transform = `translate(${left}px, ${top}px)`;
  }

  listen() {
    const { stage } = this;
    stage.addEventListener("wheel", (event) => {
      event.preventDefault();
      const [x, y] = this.spot(event);
      this.zoom(Math.exp(-event.deltaY * (event.deltaMode ? 0.05 : event.ctrlKey ? 0.01 : 0.0016)), x, y);
    }, { passive: false });
    stage.addEventListener("pointerdown", (event) => this.press(event));
    stage.addEventListener("pointermove", (event) => this.drag(event));
    stage.addEventListener("pointerup", (event) => this.release(event));
    stage.addEventListener("pointercancel", (event) => this.cancel(event));
    stage.addEventListener("pointerleave", () => this.fingers.size || this.unhover());
    this.root.addEventListener("keydown", (event) => this.type(event));
    stage.addEventListener("blur", () => this.unhover());
  }

  spot(event) {
    const box = this.stage.getBoundingClientRect();
    return [event.clientX - box.left, event.clientY - box.top];
  }

  press(event) {
    if (event.button || !this.ready) return;
    this.stage.focus({ preventScroll: true });
    this.stage.setPointerCapture(event.pointerId);
    const [x, y] = this.spot(event);
    this.fingers.set(event.pointerId, [x, y]);
    this.began = { x, y, moved: this.fingers.size > 1, adds: event.shiftKey };
    const selects = this.data.selects && this.fingers.size === 1 && (this.mode !== "move" || event.shiftKey);
    this.drags = selects ? (this.mode === "lasso" ? "lasso" : "box") : "move";
    this.path = null;
  }

  drag(event) {
    const [x, y] = this.spot(event);
    const last = this.fingers.get(event.pointerId);
    if (!last) {
      if (event.pointerType !== "touch") this.point(this.find(x, y));
      return;
    }
    if (!this.began.moved && Math.hypot(x - this.began.x, y - this.began.y) < 4) return;
    this.began.moved = true;
    this.unhover();
    if (this.fingers.size > 1) this.pinch(event.pointerId, x, y);
    else if (this.drags === "move") this.move(x - last[0], y - last[1]);
    else this.outline(x, y);
    this.fingers.set(event.pointerId, [x, y]);
    this.stage.classList.toggle("moving", this.drags === "move");
  }

  pinch(id, x, y) {
    const [, other] = [...this.fingers].find(([one]) => one !== id), last = this.fingers.get(id);
    const before = Math.hypot(last[0] - other[0], last[1] - other[1]), now = Math.hypot(x - other[0], y - other[1]);
    this.move((x - last[0]) / 2, (y - last[1]) / 2);
    if (before > 1) this.zoom(now / before, (x + other[0]) / 2, (y + other[1]) / 2);
  }

  outline(x, y) {
    const { x: a, y: b } = this.began;
    if (this.drags === "box") this.path = [a, b, x, b, x, y, a, y];
    else {
      this.path ??= [a, b];
      const n = this.path.length;
      if (Math.hypot(x - this.path[n - 2], y - this.path[n - 1]) >= 3) this.path.push(x, y);
    }
    this.dirty(false);
  }

  release(event) {
    if (!this.fingers.delete(event.pointerId)) return;
    this.stage.classList.remove("moving");
    const { moved, adds } = this.began, path = this.path;
    this.path = null;
    if (moved && path && path.length >= 6) {
      const corners = [];
      for (let n = 0; n < path.length; n += 2) corners.push(...this.place(path[n], path[n + 1]));
      this.select(this.points.inside(corners), adds);
    } else if (!moved) this.pick(...this.spot(event), adds);
    if (moved) this.remember();
    this.dirty();
  }

  cancel(event) {
    this.fingers.delete(event.pointerId);
    this.path = null;
    this.dirty();
  }

  pick(x, y, adds) {
    const i = this.find(x, y);
    if (i < 0) return;
    if (adds && this.data.selects) this.flip(i);
    else if (this.data.picks) this.send("pick", this.points.ids[i]);
  }

  // ---- keys ----

  type(event) {
    if (event.ctrlKey || event.metaKey || event.altKey || !this.ready) return;
    const step = { ArrowLeft: [60, 0], ArrowRight: [-60, 0], ArrowUp: [0, 60], ArrowDown: [0, -60] }[event.key];
    const onStage = event.target === this.stage;
    const mode = KEYS[event.key.toLowerCase()];
    if (step && onStage) {
      this.move(...step);
      this.pointMiddle();
    } else if (event.key === "+" || event.key === "=") this.zoom(1.4);
    else if (event.key === "-" || event.key === "_") this.zoom(1 / 1.4);
    else if (event.key === "0") this.fit();
    else if (mode && !this.modes[mode].hidden) this.choose(mode);
    else if (event.key === "Escape") this.escape();
    else if (event.key === "Enter" && onStage) this.pick(this.width / 2, this.height / 2, event.shiftKey);
    else return;
    event.preventDefault();
  }

  // With the arrow keys the picture in the middle is the one pointed at.
  pointMiddle() {
    requestAnimationFrame(() => this.point(this.find(this.width / 2, this.height / 2)));
  }

  escape() {
    if (this.path) {
      this.path = null;
      this.drags = "move";
      this.began.moved = true;
      this.dirty();
    } else this.select([], false);
  }
}

function make(tag, names, text) {
  const element = document.createElement(tag);
  if (names) element.className = names.trim();
  if (text !== undefined) element.textContent = text;
  return element;
}
