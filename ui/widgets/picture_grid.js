// Pictures in rows that fill the width, never cropped. Every text comes in by textContent: a name is never read as HTML.
export default function (component) {
  const { parentElement, data, setTriggerValue } = component;
  const root = parentElement.querySelector(".root");
  root.grid ??= new PictureGrid(root);
  root.grid.tell = (what, ids = [], value = null) => setTriggerValue("act", { what, ids, value });
  root.grid.listen();
  root.grid.update(data);
  return () => root.grid.rest();
}

const GAP = 10;
const KEYS = { " ": "look", "+": "plus", "-": "minus", x: "tick", i: "info", w: "why", b: "break" };
const THUMBNAIL = 256; // longest side of a thumbnail
const STARS = /^[0-5]$/;
const ROOM = 760; // pixels that pictures and facts need beside each other

class PictureGrid {
  constructor(root) {
    this.root = root;
    this.cells = new Map(); // id → its cell
    this.list = make("ul", "grid");
    this.list.setAttribute("role", "list");
    this.list.addEventListener("keydown", (event) => this.pressed(event));
    this.list.addEventListener("focusin", (event) => this.reach(event.target.closest("li")));
    this.list.addEventListener("mouseover", (event) => this.pointed(event.target.closest("li")));
    this.foot = make("div", "foot");
    this.shelf = make("div", "shelf");
    this.shelf.append(this.list, this.foot);
    this.facts = new Facts((what, value) => this.act(what, this.facts.item.id, value));
    this.facts.element.hidden = true;
    root.append(this.shelf, this.facts.element);
    this.sized = new ResizeObserver(() => this.arrange());
    this.address = new LookAddress(
      (kind, id) => kind === this.data?.kind && this.items.has(id) && (this.look(id), true),
      () => this.viewer?.dialog.close(),
    );
  }

  listen() {
    this.sized.observe(this.shelf);
    this.heard ??= () => this.markSelected();
    SELECTED.addEventListener("change", this.heard);
    this.scrolled ??= () => {
      clearTimeout(this.idle);
      this.idle = setTimeout(() => this.sharpen(), 500);
    };
    document.addEventListener("scroll", this.scrolled, true);
    this.scrolled();
    this.address.listen();
  }

  update(data) {
    const news = JSON.stringify(data);
    if (news === this.news) return;
    const focused = this.focused();
    this.news = news;
    this.data = data;
    this.items = new Map(data.items.map((item) => [item.id, item]));
    this.list.className = "grid " + data.kind;
    this.list.setAttribute("aria-label", data.title);
    const former = this.cells;
    this.cells = new Map();
    data.items.forEach((item, index) => this.cells.set(item.id, this.cell(item, index, former.get(item.id))));
    this.list.replaceChildren(...this.cells.values());
    this.foot.replaceChildren(...data.more.map(([what, says]) => this.moreButton(what, says)));
    this.markSelected();
    this.arrange(true);
    this.reach(this.cells.get(focused) || this.list.firstElementChild);
    if (focused !== undefined) this.list.querySelector("button.tile[tabindex='0']")?.focus({ preventScroll: true });
    if (data.facts !== this.stamp) this.renewFacts(data.facts);
    else if (!this.facts.element.hidden) this.regard(this.reached, 0);
    this.address.openLinked();
  }

  rest() {
    this.sized.disconnect();
    SELECTED.removeEventListener("change", this.heard);
    document.removeEventListener("scroll", this.scrolled, true);
    clearTimeout(this.idle);
    this.round = undefined;
    this.address.rest();
  }

  focused() {
    const active = this.root.getRootNode().activeElement;
    return this.list.contains(active) ? Number(active.closest("li").dataset.id) : undefined;
  }

  cell(item, index, former) {
    const told = JSON.stringify(item);
    if (former?.told === told) return former;
    const cell = make("li", "cell" + (item.missed ? " missed" : "") + (item.chosen ? " chosen" : ""));
    cell.dataset.id = item.id;
    cell.told = told;
    const tile = make("button", "tile");
    tile.type = "button";
    tile.tabIndex = -1;
    tile.dataset.id = item.id;
    tile.title = item.path || item.name;
    tile.onclick = (event) => this.clicked(event, item.id);
    const frame = make("span", "frame");
    frame.append(this.picture(item, frame, index));
    if (item.stars) frame.append(this.rated(item.stars));
    tile.append(frame);
    if (this.data.words) tile.append(this.words(item));
    cell.append(tile);
    if (matchMedia("(hover: none)").matches) this.equip(cell);
    return cell;
  }

  // The buttons of a picture are made when they are first needed: of hundreds of pictures few are pointed at.
  equip(cell) {
    if (cell.equipped) return;
    cell.equipped = true;
    cell.append(...this.actions(this.item(Number(cell.dataset.id))));
  }

  pointed(cell) {
    if (!cell) return;
    this.equip(cell);
    this.markOne(cell);
    this.regard(cell, 160);
  }

  picture(item, frame, index) {
    const image = make("img", "");
    image.alt = item.name;
    const first = this.data.kind === "answers" && index < 12;
    image.loading = first ? "eager" : "lazy";
    image.fetchPriority = first ? "high" : "low"; // the results come before what can be browsed below
    image.decoding = "async";
    image.draggable = false;
    image.onerror = () => frame.replaceChildren(make("span", "gone", "picture not there"));
    image.src = item.src;
    return image;
  }

  rated(count) {
    const stars = make("span", "rated", "★".repeat(count));
    stars.setAttribute("role", "img");
    stars.setAttribute("aria-label", count === 1 ? "1 star" : `${count} stars`);
    return stars;
  }

  words(item) {
    const words = make("span", "words");
    words.append(make("span", "name", item.name));
    const line = make("span", "line");
    const kind = item.same === true ? " same" : item.same === false ? " other" : "";
    if (item.second) line.append(make("span", "label" + kind, item.second));
    if (item.distance) line.append(make("span", "distance", item.distance));
    if (line.children.length) words.append(line);
    return words;
  }

  actions(item) {
    const offered = this.data.actions || [];
    const below = make("div", "acts");
    for (const [what, says, key] of offered)
      below.append(iconButton(what, says.endsWith("?") ? `${says} ${item.name}` : `${says}: ${item.name}`, () => this.act(what, item.id), key));
    below.querySelectorAll("button").forEach((button) => (button.tabIndex = -1));
    return offered.length ? [below] : [];
  }

  moreButton(what, says) {
    const button = make("button", "more", says);
    button.type = "button";
    button.onclick = () => {
      this.foot.querySelectorAll("button").forEach((one) => (one.disabled = true));
      button.textContent = "Loading …";
      this.tell(what);
    };
    return button;
  }

  act(what, id, value) {
    if (what === "look") this.look(id);
    else if (what === "info") this.inspect(id);
    else if (what === "tick") this.toggle(id);
    else this.tell(what, [id], value);
  }

  item(id) {
    return this.items.get(id);
  }

  // ── looking at a picture, and its facts ──

  look(id) {
    this.viewer ??= new Look(this.root, (what, id, value) => this.act(what, id, value), (id) => this.address.shown(this.data.kind, id));
    const back = (last) => {
      this.address.closed();
      this.cells.get(last)?.querySelector(".tile").focus();
      this.scrolled();
    };
    this.viewer.open(this.data.items, this.data.items.findIndex((item) => item.id === id), this.data.actions, (id) => this.selected().has(id), back);
  }

  inspect(id) {
    if (this.root.clientWidth < ROOM) return this.look(id);
    const open = this.facts.element.hidden || this.facts.item.id !== id;
    this.facts.element.hidden = !open;
    this.root.classList.toggle("beside", open);
    if (open) this.facts.show(this.item(id), true);
  }

  // The facts beside the pictures are those of the picture that is pointed at, or has the focus.
  regard(cell, patience) {
    clearTimeout(this.later);
    const item = cell && this.item(Number(cell.dataset.id));
    if (this.facts.element.hidden || !item) return;
    this.later = setTimeout(() => this.facts.show(item, true), patience);
  }

  renewFacts(stamp) {
    this.stamp = stamp;
    this.facts.forget();
    this.viewer?.facts.forget();
  }

  pick(id) {
    this.tell("similar", [id]);
    if (this.data.scroll) document.querySelector('[data-testid="stMain"]')?.scrollTo({ top: 0, behavior: "smooth" });
  }

  // ── selecting: with the mouse, a range with Shift, and by keys ──

  selected() {
    return selectionOf(this.data.collection);
  }

  clicked(event, id) {
    if (event.shiftKey) this.selectRange(id);
    else if (event.ctrlKey || event.metaKey) this.toggle(id);
    else this.pick(id);
  }

  toggle(id) {
    this.anchor = id;
    select(this.data.collection, (selection) => selection.delete(id) || selection.set(id, this.item(id).name));
  }

  // Everything from where the last selecting began to this picture.
  selectRange(id) {
    const ids = [...this.cells.keys()];
    const [from, to] = [ids.indexOf(this.anchor ?? id), ids.indexOf(id)].sort((a, b) => a - b);
    this.anchor ??= id;
    this.selectAll(ids.slice(Math.max(from, 0), to + 1));
  }

  selectAll(ids) {
    select(this.data.collection, (selection) => ids.forEach((id) => selection.set(id, this.item(id).name)));
  }

  markSelected() {
    const selection = this.selected();
    this.list.classList.toggle("selecting", selection.size > 0);
    for (const cell of this.cells.values()) {
      if (selection.size) this.equip(cell);
      this.markOne(cell);
    }
  }

  markOne(cell) {
    const picked = this.selected().has(Number(cell.dataset.id));
    cell.classList.toggle("picked", picked);
    cell.querySelector(".tick")?.setAttribute("aria-pressed", String(picked));
  }

  // ── where the pictures stand ──

  arrange(anyway) {
    const width = Math.floor(this.shelf.getBoundingClientRect().width);
    if (!width || !this.data || (!anyway && width === this.width)) return;
    this.width = width;
    const ratios = this.data.items.map(({ size }) => size[0] / size[1]);
    const rows = this.rows(ratios, width);
    const cells = [...this.cells.values()];
    for (const row of rows) {
      for (let at = row.start; at < row.end; at++) {
        const wide = Math.min(width, Math.floor(100 * ratios[at] * row.height) / 100);
        Object.assign(cells[at].style, { width: wide + "px", marginRight: "" });
        cells[at].style.setProperty("--high", wide / ratios[at] + "px");
        cells[at].classList.toggle("narrow", wide < 108);
      }
      cells[row.end - 1].style.marginRight = "auto"; // of a row that is not filled, nothing follows in its line
    }
    this.lines = rows;
    this.scrolled();
  }

  // Thumbnails that are shown larger than they are become sharp, one after the other while they are in sight.
  async sharpen() {
    const round = (this.round = {});
    for (const [id, cell] of this.cells) {
      if (this.viewer?.dialog.open) return; // that picture first
      const image = cell.querySelector("img"), item = this.item(id);
      const box = image?.getBoundingClientRect();
      if (!box || box.bottom < 0 || box.top > innerHeight || !item || !image.naturalWidth) continue;
      const pixels = Math.max(box.width, box.height) * devicePixelRatio;
      if (pixels < 1.2 * THUMBNAIL || Math.max(...item.size) < 1.2 * THUMBNAIL || image.dataset.sharp) continue;
      const sharp = new Image();
      sharp.src = sized(item, Math.min(pixels, SIDES[0]));
      image.dataset.sharp = "asked";
      await sharp.decode().then(() => (image.src = sharp.src), () => {}); // a lost original keeps its thumbnail
      if (this.round !== round) return;
    }
  }

  rows(ratios, width) {
    const { first, step, words } = this.data;
    if (!first) return justified(ratios, width, GAP, width < 560 ? 84 : 120, false);
    const scrolled = document.querySelector('[data-testid="stMain"]')?.scrollTop || 0;
    const below = innerHeight - this.root.getBoundingClientRect().top - scrolled;
    const available = 1.15 * Math.max(below, innerHeight * 0.55, 380);
    const least = width < 560 ? width * 0.33 : 150;
    this.wanted = fittingHeight(ratios.slice(0, first), width, GAP, words ? 44 : 0, available, least);
    return inBlocks(ratios, first, step, width, GAP, this.wanted);
  }

  // ── the keyboard: arrows walk over the pictures, so that Tab passes the others in one step ──

  reach(cell) {
    if (!cell || cell === this.reached) return;
    this.equip(cell);
    this.markOne(cell);
    for (const [one, index] of [[this.reached, -1], [cell, 0]])
      one?.querySelectorAll("button").forEach((button) => (button.tabIndex = index));
    this.reached = cell;
    this.regard(cell, 60);
  }

  pressed(event) {
    const cell = event.target.closest("li");
    if (!cell || event.altKey) return;
    const id = Number(cell.dataset.id);
    const next = this.neighbour(cell, event.key);
    const what = event.target.matches(".tile") ? KEYS[event.key] : undefined;
    if (event.ctrlKey || event.metaKey) {
      if (event.key !== "a" || !this.offers("tick")) return;
      this.selectAll([...this.cells.keys()]);
    } else if (next) {
      if (event.shiftKey && this.offers("tick")) this.extend(id, Number(next.dataset.id));
      next.querySelector(".tile").focus();
    } else if (event.key === "Escape") this.escape();
    else if (what && this.offers(what)) this.act(what, id);
    else if (STARS.test(event.key) && event.target.matches(".tile")) this.rate(id, Number(event.key));
    else return;
    event.preventDefault();
  }

  // As everywhere: of a selected picture all that are selected get the stars, else the picture alone.
  rate(id, stars) {
    this.tell("stars", this.selected().has(id) ? [...this.selected().keys()] : [id], stars);
  }

  extend(from, to) {
    this.anchor ??= from;
    if (!this.selected().has(from)) this.toggle(from);
    this.selectRange(to);
  }

  escape() {
    if (!this.facts.element.hidden) this.inspect(this.facts.item.id);
    else if (this.selected().size) select(this.data.collection, (selection) => selection.clear());
  }

  offers(what) {
    return (this.data.actions || []).some(([offered]) => offered === what);
  }

  neighbour(cell, key) {
    const cells = [...this.cells.values()], at = cells.indexOf(cell);
    const step = { ArrowRight: 1, ArrowLeft: -1, Home: -at, End: cells.length - 1 - at }[key];
    if (step !== undefined) return cells[at + step];
    if (key !== "ArrowDown" && key !== "ArrowUp") return undefined;
    const row = this.lines.findIndex((line) => at < line.end);
    const other = this.lines[row + (key === "ArrowDown" ? 1 : -1)];
    if (!other) return undefined;
    const middle = (one) => one.offsetLeft + one.offsetWidth / 2;
    const away = (one) => Math.abs(middle(one) - middle(cell));
    return cells.slice(other.start, other.end).reduce((near, one) => (away(one) < away(near) ? one : near));
  }
}
