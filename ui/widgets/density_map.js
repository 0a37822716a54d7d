// A map of very many pictures in tiles that the server draws. Every text comes in by textContent.
export default function (component) {
  const { parentElement, data, setTriggerValue } = component;
  const root = parentElement.querySelector(".root");
  root.map ??= new DensityMap(root);
  root.map.send = (name, value) => setTriggerValue(name, value);
  root.map.update(data);
}

class DensityMap {
  constructor(root) {
    this.root = root;
    this.mode = "move";
    this.tiles = new Map(); // "z/x/y" -> img
    this.marks = new Float32Array(); // places of selected pictures, x and y in turn
    this.build();
  }

  build() {
    const bar = make("div", "bar"), modes = make("div", "set"), zooms = make("div", "set");
    this.modes = { move: button("Move", "Drag to move the map (V)"), box: button("Box", "Drag a box around pictures (B); Shift adds") };
    for (const [mode, one] of Object.entries(this.modes)) {
      one.onclick = () => this.choose(mode);
      modes.append(one);
    }
    const less = button("−", "Zoom out (−)"), more = button("+", "Zoom in (+)"), fit = button("Fit", "Show all (0)");
    less.onclick = () => this.zoom(1 / 2);
    more.onclick = () => this.zoom(2);
    fit.onclick = () => this.fit();
    zooms.append(less, more, fit);
    const open = button("Show this part as pictures", "Shows every picture in sight as on a small map");
    open.className = "open";
    open.onclick = () => this.send("open", this.sight());
    this.said = make("div", "said");
    this.said.setAttribute("role", "status");
    bar.append(modes, zooms, open, this.said);
    this.stage = make("div", "stage");
    this.stage.tabIndex = 0;
    this.stage.setAttribute("role", "application");
    this.stage.setAttribute("aria-roledescription", "map of pictures");
    this.ground = make("div", "tiles");
    this.over = make("canvas", "");
    this.over.setAttribute("aria-hidden", "true");
    this.frame = make("div", "box");
    this.frame.hidden = true;
    this.theme = make("span", "theme");
    this.theme.addEventListener("transitionend", () => this.draw());
    this.stage.append(this.ground, this.over, this.frame, this.theme);
    this.legend = make("ul", "legend");
    this.legend.setAttribute("aria-label", "Legend");
    this.root.replaceChildren(bar, this.stage, this.legend);
    this.listen();
    new ResizeObserver(() => this.draw()).observe(this.stage);
    this.choose("move");
  }

  choose(mode) {
    this.mode = mode;
    for (const [name, one] of Object.entries(this.modes)) one.setAttribute("aria-pressed", String(name === mode));
    this.stage.classList.toggle("selecting", mode !== "move");
  }

  update(data) {
    const other = this.data?.tiles !== data.tiles;
    this.data = data;
    if (other) this.forget();
    this.stage.style.setProperty("--height", `${data.height}px`);
    this.stage.setAttribute("aria-label", `${data.title}: ${data.count} pictures. Arrow keys move, plus and minus zoom, 0 shows all, Enter selects what is in sight.`);
    this.marks = new Float32Array(Uint8Array.from(atob(data.marks), (one) => one.charCodeAt(0)).buffer);
    this.ground.classList.toggle("back", this.marks.length > 0);
    this.said.textContent = this.sentence();
    this.said.classList.toggle("some", data.selected > 0);
    this.draw();
  }

  sentence() {
    const { selected, count } = this.data, n = selected || count, drawn = this.marks.length / 2;
    const some = drawn && drawn < selected ? `, ${drawn.toLocaleString("en")} of them drawn` : "";
    return `${n.toLocaleString("en")} ${n === 1 ? "picture" : "pictures"}${selected ? " selected" : ""}${some}`;
  }

  writeLegend(dark) {
    this.legend.replaceChildren(...this.data.legend.map((entry) => {
      const item = make("li", "entry"), swatch = make("span", "swatch");
      swatch.style.background = entry.shades[dark ? 1 : 0];
      item.append(swatch, make("span", "text", entry.text), make("span", "count", entry.count.toLocaleString("en")));
      return item;
    }));
  }

  // ---- view: the middle in the map's own units, and CSS pixels a unit ----

  fit() {
    this.view = { x: 0, y: 0, scale: Math.min(this.width, this.height) / (2 * this.data.half) };
    this.draw();
  }

  zoom(factor, x = this.width / 2, y = this.height / 2) {
    const least = Math.min(this.width, this.height) / (4 * this.data.half);
    const most = (this.data.side * 2 ** this.data.deepest) / (2 * this.data.half);
    const scale = Math.min(most, Math.max(least, this.view.scale * factor));
    const [px, py] = this.place(x, y);
    this.view = { x: px - (x - this.width / 2) / scale, y: py + (y - this.height / 2) / scale, scale };
    this.draw();
  }

  move(dx, dy) {
    this.view.x -= dx / this.view.scale;
    this.view.y += dy / this.view.scale;
    this.draw();
  }

  place(x, y) {
    return [this.view.x + (x - this.width / 2) / this.view.scale, this.view.y - (y - this.height / 2) / this.view.scale];
  }

  sight() {
    return [...this.place(0, this.height), ...this.place(this.width, 0)];
  }

  draw() {
    if (this.asked || !this.data) return;
    this.asked = requestAnimationFrame(() => {
      this.asked = 0;
      this.lay();
    });
  }

  lay() {
    const box = this.stage.getBoundingClientRect();
    if (!box.width || !box.height) return;
    Object.assign(this, { width: box.width, height: box.height });
    if (!this.view) return this.fit();
    const dark = isDark(getComputedStyle(this.theme).backgroundColor);
    if (dark !== this.dark) this.forget();
    this.dark = dark;
    this.writeLegend(dark);
    const { half, side, deepest } = this.data, [left, bottom, right, top] = this.sight();
    const fine = Math.log2((2 * half * this.view.scale * Math.min(2, devicePixelRatio || 1)) / side);
    const z = Math.max(0, Math.min(deepest, Math.round(fine))), span = (2 * half) / 2 ** z;
    const clamp = (n) => Math.max(0, Math.min(2 ** z - 1, Math.floor(n)));
    const wanted = [];
    for (let y = clamp((half - top) / span); y <= clamp((half - bottom) / span); y++)
      for (let x = clamp((left + half) / span); x <= clamp((right + half) / span); x++) wanted.push([z, x, y]);
    for (const one of wanted) this.tile(...one);
    this.settle(z, new Set(wanted.map((one) => one.join("/"))));
    this.drawMarks();
  }

  // The selected pictures as dots over the density, each with a rim that tells it from what lies below.
  drawMarks() {
    const ratio = Math.min(2, devicePixelRatio || 1), { over, marks, view } = this, context = over.getContext("2d");
    over.width = Math.round(this.width * ratio);
    over.height = Math.round(this.height * ratio);
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    const style = getComputedStyle(this.theme), radius = marks.length > 1000 ? 1.6 : 3;
    const dots = new Path2D();
    for (let n = 0; n < marks.length; n += 2) {
      const x = (marks[n] - view.x) * view.scale + this.width / 2, y = this.height / 2 - (marks[n + 1] - view.y) * view.scale;
      if (x < -4 || y < -4 || x > this.width + 4 || y > this.height + 4) continue;
      dots.moveTo(x + radius, y);
      dots.arc(x, y, radius, 0, 2 * Math.PI);
    }
    context.lineWidth = 2;
    context.strokeStyle = style.backgroundColor;
    context.stroke(dots);
    context.fillStyle = style.color;
    context.fill(dots);
  }

  tile(z, x, y) {
    const name = `${z}/${x}/${y}`;
    if (this.tiles.has(name)) return;
    const image = document.createElement("img");
    image.alt = "";
    image.draggable = false;
    image.onload = () => {
      image.ready = true;
      this.draw();
    };
    image.onerror = () => {
      // The next drawing asks again: a map that was forgotten may have been offered since.
      if (this.tiles.get(name) === image) this.tiles.delete(name);
      image.remove();
    };
    const words = { theme: this.dark ? "dark" : "light", z, x, y };
    image.src = this.data.tiles.replace(/\{(\w+)\}/g, (_, word) => words[word]);
    image.at = [z, x, y];
    this.tiles.set(name, image);
    this.ground.append(image);
  }

  // Puts every tile in its place; those of other scales stay below until all that are wanted are there.
  settle(z, wanted) {
    const done = [...wanted].every((name) => this.tiles.get(name).ready);
    for (const [name, image] of this.tiles) {
      if (!wanted.has(name) && (done || this.tiles.size > 300)) {
        image.remove();
        this.tiles.delete(name);
        continue;
      }
      const [level, x, y] = image.at, span = (2 * this.data.half) / 2 ** level, size = span * this.view.scale;
      const across = (x * span - this.data.half - this.view.x) * this.view.scale + this.width / 2;
      const down = this.height / 2 - (this.data.half - y * span - this.view.y) * this.view.scale;
      image.style.width = image.style.height = `${size}px`;
      image.style.transform = `translate(${across}px, ${down}px)`;
      image.style.zIndex = level === z ? 1 : 0;
      image.style.visibility = level === z || !done ? "visible" : "hidden";
    }
  }

  forget() {
    for (const image of this.tiles.values()) image.remove();
    this.tiles.clear();
  }

  // ---- pointing and keys ----

  listen() {
    const { stage } = this;
    stage.addEventListener("wheel", (event) => {
      event.preventDefault();
      this.zoom(Math.exp(-event.deltaY * (event.deltaMode ? 0.05 : 0.0016)), ...this.spot(event));
    }, { passive: false });
    stage.addEventListener("pointerdown", (event) => {
      if (event.button) return;
      stage.setPointerCapture(event.pointerId);
      const [x, y] = this.spot(event);
      this.began = { x, y, last: [x, y], boxes: this.mode === "box" || event.shiftKey, moved: false };
    });
    stage.addEventListener("pointermove", (event) => this.drag(event));
    stage.addEventListener("pointerup", (event) => this.release(event));
    stage.addEventListener("pointercancel", () => this.drop());
    this.root.addEventListener("keydown", (event) => this.type(event));
  }

  spot(event) {
    const box = this.stage.getBoundingClientRect();
    return [event.clientX - box.left, event.clientY - box.top];
  }

  drag(event) {
    const { began } = this, [x, y] = this.spot(event);
    if (!began) return;
    began.moved ||= Math.hypot(x - began.x, y - began.y) > 4;
    if (!began.moved) return;
    if (!began.boxes) this.move(x - began.last[0], y - began.last[1]);
    else this.outline(began, x, y);
    began.last = [x, y];
  }

  outline(began, x, y) {
    const [left, top] = [Math.min(began.x, x), Math.min(began.y, y)];
    Object.assign(this.frame.style, { left: `${left}px`, top: `${top}px`, width: `${Math.abs(x - began.x)}px`, height: `${Math.abs(y - began.y)}px` });
    this.frame.hidden = false;
  }

  release(event) {
    const { began } = this, [x, y] = this.spot(event);
    this.drop();
    if (!began) return;
    if (!began.moved) return this.send("pick", [...this.place(x, y), 8 / this.view.scale]);
    if (!began.boxes) return;
    const [left, top] = this.place(Math.min(began.x, x), Math.min(began.y, y));
    const [right, bottom] = this.place(Math.max(began.x, x), Math.max(began.y, y));
    this.send("box", [left, bottom, right, top, event.shiftKey ? 1 : 0]);
  }

  drop() {
    this.began = null;
    this.frame.hidden = true;
  }

  type(event) {
    if (event.ctrlKey || event.metaKey || event.altKey || !this.view) return;
    const step = { ArrowLeft: [80, 0], ArrowRight: [-80, 0], ArrowUp: [0, 80], ArrowDown: [0, -80] }[event.key];
    if (step && event.target === this.stage) this.move(...step);
    else if (event.key === "+" || event.key === "=") this.zoom(2);
    else if (event.key === "-" || event.key === "_") this.zoom(1 / 2);
    else if (event.key === "0") this.fit();
    else if (event.key === "v" || event.key === "b") this.choose(event.key === "v" ? "move" : "box");
    else if (event.key === "Enter" && event.target === this.stage) this.send("box", [...this.sight(), event.shiftKey ? 1 : 0]);
    else if (event.key === "Escape") this.drop();
    else return;
    event.preventDefault();
  }
}

function isDark(colour) {
  const [r, g, b] = (colour.match(/[\d.]+/g) || [255, 255, 255]).map(Number);
  return 0.3 * r + 0.59 * g + 0.11 * b < 110;
}

function button(text, help) {
  const one = make("button", "", text);
  one.type = "button";
  one.title = help;
  return one;
}

function make(tag, names, text) {
  const element = document.createElement(tag);
  if (names) element.className = names;
  if (text !== undefined) element.textContent = text;
  return element;
}
