// What each place of two pictures contributes. Every text comes in by textContent: a name is never read as HTML.
export default function (component) {
  const { parentElement, data } = component;
  const root = parentElement.querySelector(".root");
  root.view ??= new EvidenceView(root);
  root.view.update(data);
  return () => root.view.rest();
}

const LEVELS = [0.25, 0.5, 0.75]; // of the strongest contribution; where contours run
const STRONGEST = 0.72; // opacity
const FINE = 240; // pixels of the longer side of a drawn map
const HIGHEST = 56; // percent of the window
const SPACE = "http://www.w3.org/2000/svg";

class EvidenceView {
  constructor(root) {
    this.root = root;
    this.tabs = make("div", "parts");
    this.tabs.setAttribute("role", "group");
    this.tabs.setAttribute("aria-label", "Encoder");
    this.pair = make("div", "pair");
    this.sides = [0, 1].map((side) => this.figure(side));
    this.lines = document.createElementNS(SPACE, "svg");
    this.lines.classList.add("lines");
    this.lines.setAttribute("aria-hidden", "true");
    this.pair.append(...this.sides.map((side) => side.figure), this.lines);
    this.told = make("div", "told");
    this.told.setAttribute("role", "status");
    this.switches = ["Maps", "Lines"].map((name) => this.toggle(name));
    const foot = make("div", "foot");
    foot.append(this.told, ...this.switches);
    root.append(this.tabs, this.pair, foot);
    this.sized = new ResizeObserver(() => this.drawLines());
  }

  update(data) {
    const news = JSON.stringify(data);
    this.sized.observe(this.pair);
    if (news === this.news) return;
    Object.assign(this, { news, data, part: 0, chosen: undefined });
    this.sides.forEach((side, at) => {
      Object.assign(side.image, { src: data.sides[at].src, alt: data.sides[at].name, onload: () => this.arrange() });
      side.caption.textContent = data.sides[at].name;
      side.frame.setAttribute("aria-label", `Places of ${data.sides[at].name}: arrow keys choose one, Escape none`);
    });
    this.tabs.hidden = data.parts.length < 2;
    this.tabs.replaceChildren(...data.parts.map((part, at) => this.tab(part, at)));
    this.draw();
  }

  rest() {
    this.sized.disconnect();
  }

  figure(at) {
    const figure = make("figure", "");
    const frame = make("div", "frame");
    frame.tabIndex = 0;
    frame.setAttribute("role", "application");
    const image = make("img", "");
    image.draggable = false;
    const canvas = make("canvas", "");
    const place = make("span", "place");
    place.hidden = true;
    const caption = make("figcaption", "");
    frame.append(image, canvas, place);
    figure.append(frame, caption);
    frame.addEventListener("pointermove", (event) => this.pointed(at, event));
    frame.addEventListener("pointerdown", (event) => this.pointed(at, event));
    frame.addEventListener("pointerleave", () => this.choose(undefined));
    frame.addEventListener("keydown", (event) => this.pressed(at, event));
    frame.addEventListener("blur", () => this.choose(undefined));
    return { figure, frame, image, canvas, place, caption };
  }

  toggle(name) {
    const button = make("button", "switch", name);
    button.type = "button";
    button.setAttribute("aria-pressed", "true");
    button.onclick = () => {
      button.setAttribute("aria-pressed", String(button.getAttribute("aria-pressed") !== "true"));
      this.draw();
    };
    return button;
  }

  tab(part, at) {
    const button = make("button", "", part.title);
    button.type = "button";
    button.setAttribute("aria-pressed", String(at === this.part));
    button.onclick = () => {
      this.part = at;
      this.chosen = undefined;
      [...this.tabs.children].forEach((tab, other) => tab.setAttribute("aria-pressed", String(other === at)));
      this.draw();
    };
    return button;
  }

  // ── which place ──

  grid(side) {
    const map = this.data.parts[this.part].maps[side];
    return [map.length, map[0].length];
  }

  pointed(side, event) {
    const box = this.sides[side].frame.getBoundingClientRect();
    const [rows, columns] = this.grid(side);
    const row = Math.min(rows - 1, Math.max(0, Math.floor(((event.clientY - box.top) / box.height) * rows)));
    const column = Math.min(columns - 1, Math.max(0, Math.floor(((event.clientX - box.left) / box.width) * columns)));
    this.choose({ side, row, column });
  }

  pressed(side, event) {
    const step = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] }[event.key];
    if (event.key === "Escape" && this.chosen) {
      event.stopPropagation();
      this.choose(undefined);
    }
    if (!step) return;
    event.preventDefault();
    const [rows, columns] = this.grid(side);
    const from = this.chosen?.side === side ? this.chosen : { row: -step[0], column: -step[1] };
    const within = (value, most) => Math.min(most - 1, Math.max(0, value));
    this.choose({ side, row: within(from.row + step[0], rows), column: within(from.column + step[1], columns) });
  }

  choose(place) {
    if (JSON.stringify(place) === JSON.stringify(this.chosen)) return;
    this.chosen = place;
    this.draw();
  }

  // ── drawing ──

  // Both pictures at one height, of at most somewhat more than half of the window.
  arrange() {
    const ratios = this.sides.map(({ image }) => image.naturalWidth / (image.naturalHeight || 1) || 1);
    this.sides.forEach((side, at) => side.figure.style.setProperty("--ratio", ratios[at]));
    this.pair.style.maxWidth = `calc(${HIGHEST}vh * ${ratios[0] + ratios[1]} + 1.5rem)`;
    this.draw();
  }

  // The maps shown: of a chosen place, what it matches in the other picture.
  shown() {
    const part = this.data.parts[this.part];
    if (!this.chosen) return part.maps;
    const { side, row, column } = this.chosen;
    const [rows, columns] = this.grid(1 - side);
    const place = row * this.grid(side)[1] + column;
    const amounts = side === 0 ? part.pairs[place] : part.pairs.map((line) => line[place]);
    const other = Array.from({ length: rows }, (_, at) => amounts.slice(at * columns, (at + 1) * columns));
    return side === 0 ? [part.maps[0], other] : [other, part.maps[1]];
  }

  draw() {
    const maps = this.shown();
    const visible = this.switches[0].getAttribute("aria-pressed") === "true";
    const common = Math.max(...maps.flat(2), 0);
    this.sides.forEach((side, at) => {
      side.frame.classList.toggle("plain", !visible);
      const strongest = this.chosen ? Math.max(...maps[at].flat(), 0) : common;
      if (side.image.naturalWidth && visible && this.chosen?.side !== at) this.paint(side, maps[at], strongest);
      else side.canvas.getContext("2d").clearRect(0, 0, side.canvas.width, side.canvas.height);
      this.outline(side, at);
    });
    this.drawLines();
    this.tell();
  }

  outline(side, at) {
    side.place.hidden = this.chosen?.side !== at;
    if (side.place.hidden) return;
    const [rows, columns] = this.grid(at);
    Object.assign(side.place.style, {
      left: (100 * this.chosen.column) / columns + "%", top: (100 * this.chosen.row) / rows + "%",
      width: 100 / columns + "%", height: 100 / rows + "%",
    });
  }

  paint(side, map, strongest) {
    const { naturalWidth, naturalHeight } = side.image;
    const scale = FINE / Math.max(naturalWidth, naturalHeight);
    const width = Math.max(2, Math.round(naturalWidth * scale)), height = Math.max(2, Math.round(naturalHeight * scale));
    Object.assign(side.canvas, { width, height });
    const context = side.canvas.getContext("2d");
    const drawn = context.createImageData(width, height);
    const level = new Uint8Array(width * height);
    for (let y = 0, at = 0; y < height; y++)
      for (let x = 0; x < width; x++, at++) {
        const share = strongest > 0 ? Math.min(1, Math.max(0, between(map, (y + 0.5) / height, (x + 0.5) / width) / strongest)) : 0;
        level[at] = LEVELS.filter((least) => share >= least).length;
        const edge = (x > 0 && level[at] !== level[at - 1]) || (y > 0 && level[at] !== level[at - width]);
        drawn.data.set(edge ? [255, 255, 255, 230] : [...this.data.hue, 255 * STRONGEST * share], 4 * at);
      }
    context.putImageData(drawn, 0, 0);
  }

  drawLines() {
    this.lines.replaceChildren();
    if (!this.data || this.switches[1].getAttribute("aria-pressed") !== "true") return;
    const matches = this.matches();
    const strongest = Math.max(...matches.map(([, , amount]) => amount), 0);
    for (const [one, other, amount] of matches.reverse()) {
      const ends = [this.middle(0, one), this.middle(1, other)];
      const thick = 1 + Math.round((3 * amount) / strongest);
      this.lines.append(line(ends, "white", thick + 2), line(ends, `rgb(${this.data.hue})`, thick));
    }
  }

  // The pairs of places that add most: of all, or of the chosen place.
  matches() {
    const part = this.data.parts[this.part];
    const found = [];
    const place = this.chosen && this.chosen.row * this.grid(this.chosen.side)[1] + this.chosen.column;
    part.pairs.forEach((amounts, one) =>
      amounts.forEach((amount, other) => {
        if (amount > 0 && (!this.chosen || (this.chosen.side === 0 ? one : other) === place)) found.push([one, other, amount]);
      }),
    );
    return found.sort((a, b) => b[2] - a[2]).slice(0, this.chosen ? 3 : this.data.lines);
  }

  middle(side, place) {
    const [rows, columns] = this.grid(side);
    const outer = this.pair.getBoundingClientRect(), box = this.sides[side].frame.getBoundingClientRect();
    const row = Math.floor(place / columns), column = place % columns;
    return [
      box.left - outer.left + ((column + 0.5) * box.width) / columns,
      box.top - outer.top + ((row + 0.5) * box.height) / rows,
    ];
  }

  said(part) {
    const point = "Point at a place to see what it matches.";
    if (this.data.metric !== "cosine") return `Coloured places set the pictures apart; lines join the places that are most alike. ${point}`;
    if (!part.pairs.some((row) => row.some((value) => value > 0))) return "The pictures have no place in common.";
    const makes = part.maps.some((map) => map.flat().some((value) => value > 0))
      ? "Coloured places make the pictures similar"
      : "Taken together, no place makes the pictures similar";
    return `${makes}; lines join the places that add most. ${point}`;
  }

  tell() {
    const part = this.data.parts[this.part];
    if (!this.chosen) {
      this.told.textContent = this.said(part);
      return;
    }
    const { side, row, column } = this.chosen;
    const own = part.maps[side][row][column];
    const [best] = this.matches();
    const columns = this.grid(1 - side)[1];
    const at = best && best[1 - side];
    const where = best ? `; most at row ${Math.floor(at / columns) + 1}, column ${(at % columns) + 1} of the other picture (${best[2].toPrecision(3)})` : "; it matches nothing";
    this.told.textContent = `Row ${row + 1}, column ${column + 1} adds ${own.toPrecision(3)} of ${part.total.toPrecision(3)}${where}.`;
  }
}

// A value between the places of a map, bilinear; y and x from 0 to 1.
function between(map, y, x) {
  const at = (share, count) => {
    const place = Math.min(count - 1, Math.max(0, share * count - 0.5));
    const low = Math.min(count - 1, Math.floor(place));
    return [low, Math.min(count - 1, low + 1), place - low];
  };
  const [top, bottom, down] = at(y, map.length), [left, right, along] = at(x, map[0].length);
  const mix = (row) => map[row][left] * (1 - along) + map[row][right] * along;
  return mix(top) * (1 - down) + mix(bottom) * down;
}

function line([from, to], colour, width) {
  const drawn = document.createElementNS(SPACE, "line");
  const values = { x1: from[0], y1: from[1], x2: to[0], y2: to[1], stroke: colour, "stroke-width": width, "stroke-linecap": "round" };
  for (const [name, value] of Object.entries(values)) drawn.setAttribute(name, value);
  return drawn;
}

function make(tag, names, text) {
  const element = document.createElement(tag);
  if (names) element.className = names;
  if (text !== undefined) element.textContent = text;
  return element;
}
