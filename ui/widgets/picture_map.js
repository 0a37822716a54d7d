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

const ICONS = {
  move: "M8 2v12M2 8h12M8 2 6 4M8 2l2 2M8 14l-2-2M8 14l2-2M2 8l2-2M2 8l2 2M14 8l-2-2M14 8l-2 2",
  box: "M2.5 3.5h11v9h-11z",
  lasso: "M8 2.5c3.6 0 6 1.700 6 4s-2.400 4-6 4-6-1.700-6-4 2.400-4 6-4zM4.500 9.700c-.8 1 .2 2.300 1.200 2 1.200-.4.900 1.800-.7 2.300",
  out: "M3 8h10",
  in: "M3 8h10M8 3v10",
  fit: "M2.500 6V2.500H6M10 2.500h3.500V6M13.500 10v3.500H10M6 13.500H2.500V10",
};

class PictureMap extends PointedMap {
  constructor(root) {
    super();
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
}

function make(tag, names, text) {
  const element = document.createElement(tag);
  if (names) element.className = names.trim();
  if (text !== undefined) element.textContent = text;
  return element;
}
