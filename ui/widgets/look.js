// The picture itself over the whole window: zoom, pan, the neighbours by arrow keys, and the facts beside it.
// Every text comes in by textContent: a file name is never read as HTML.
const SIDES = [640, 1280, 1920, 2560, 3840];
const NEAREST = 8; // how far in a picture can be zoomed, in pixels of the screen for one of the picture

class Look {
  // `told(id)` is called with every picture that is shown.
  constructor(root, act, told) {
    Object.assign(this, { act, told });
    this.dialog = make("dialog", "look");
    this.dialog.setAttribute("aria-label", "Picture");
    this.title = make("h2", "title");
    this.count = make("span", "count");
    this.count.setAttribute("role", "status");
    this.tools = make("div", "tools");
    const bar = make("div", "bar");
    bar.append(this.title, this.count, this.tools);
    this.stage = make("div", "stage");
    this.frame = make("div", "sheet");
    this.before = iconButton("before", "Previous picture", () => this.step(-1), "←");
    this.after = iconButton("after", "Next picture", () => this.step(1), "→");
    const zoom = make("div", "zoom");
    zoom.append(
      iconButton("minus", "Zoom out", () => this.zoomTo(this.zoom / 1.5), "−"),
      iconButton("fit", "Whole picture", () => this.zoomTo(1), "0"),
      iconButton("plus", "Zoom in", () => this.zoomTo(this.zoom * 1.5), "+"),
    );
    this.stage.append(this.frame, this.before, this.after, zoom);
    this.facts = new Facts((what, value) => this.act(what, this.item.id, value));
    const body = make("div", "body");
    body.append(this.stage, this.facts.element);
    this.dialog.append(bar, body);
    this.dialog.addEventListener("keydown", (event) => this.pressed(event));
    this.dialog.addEventListener("close", () => this.closed());
    this.stage.addEventListener("wheel", (event) => this.wheeled(event), { passive: false });
    this.stage.addEventListener("dblclick", (event) => this.zoomTo(this.zoom > 1 ? 1 : this.wholePixels(), event));
    this.stage.addEventListener("pointerdown", (event) => this.grabbed(event));
    this.sized = new ResizeObserver(() => this.item && this.fit());
    this.sized.observe(this.stage);
    root.append(this.dialog);
  }

  open(items, at, offered, chosen, closed) {
    Object.assign(this, { items, offered, chosen, whenClosed: closed });
    this.facts.element.hidden = innerWidth < 900 || !this.wantsFacts();
    if (!this.dialog.open) this.dialog.showModal();
    this.show(at);
    this.dialog.focus();
  }

  show(at) {
    this.at = at;
    this.item = this.items[at];
    this.told(this.item.id);
    this.title.textContent = this.item.name;
    this.title.title = this.item.path;
    this.count.textContent = `${at + 1} of ${this.items.length}`;
    this.before.disabled = at === 0;
    this.after.disabled = at === this.items.length - 1;
    this.renewTools();
    this.low = this.layer(this.item.src);
    this.frame.replaceChildren(this.low);
    [this.zoom, this.x, this.y, this.side] = [1, 0, 0, 0];
    const there = new Promise((arrived) => (this.arrived = arrived));
    this.fit();
    if (!this.facts.element.hidden) this.facts.show(this.item, false, there);
    there.then(() => this.lookAhead(this.item));
  }

  // The neighbours are asked for once the picture itself is there, one after the other: the server has few hands.
  async lookAhead(item) {
    for (const near of [this.at + 1, this.at - 1]) {
      if (!item || this.item !== item) return;
      if (!this.items[near]) continue;
      const ahead = new Image();
      ahead.src = sized(this.items[near], this.fitting(this.items[near]));
      await new Promise((over) => (ahead.onload = ahead.onerror = over));
    }
  }

  layer(src, shown) {
    const image = make("img", "");
    Object.assign(image, { alt: this.item.name, draggable: false, decoding: "async", onload: shown, src });
    return image;
  }

  renewTools() {
    const says = Object.fromEntries(this.offered.map(([what, says]) => [what, says]));
    const act = (what) => () => {
      this.act(what, this.item.id);
      if (["similar", "why", "break"].includes(what)) this.dialog.close();
      this.renewTools();
    };
    const tools = this.offered.filter(([what]) => what !== "look" && what !== "info").map(([what]) => iconButton(what, says[what], act(what)));
    const picked = this.chosen(this.item.id);
    tools.find((tool) => tool.matches(".tick"))?.setAttribute("aria-pressed", String(picked));
    const info = iconButton("info", "Facts", () => this.toggleFacts(), "I");
    info.setAttribute("aria-pressed", String(!this.facts.element.hidden));
    const held = this.dialog.getRootNode().activeElement?.className;
    this.tools.replaceChildren(
      ...tools,
      info,
      iconButton("close", "Close", () => this.dialog.close(), "Esc"),
    );
    [...this.tools.children].find((tool) => tool.className === held)?.focus();
  }

  toggleFacts() {
    const hidden = (this.facts.element.hidden = !this.facts.element.hidden);
    localStorage.setItem("benzer-facts", hidden ? "hidden" : "shown");
    if (!hidden) this.facts.show(this.item);
    this.renewTools();
  }

  wantsFacts() {
    return localStorage.getItem("benzer-facts") !== "hidden";
  }

  step(by) {
    if (this.items[this.at + by]) this.show(this.at + by);
  }

  closed() {
    const id = this.item.id;
    this.item = undefined;
    this.frame.replaceChildren();
    this.whenClosed(id);
  }

  // ── zoom and pan ──

  fit() {
    const [width, height] = this.item.size;
    const room = this.stage.getBoundingClientRect();
    const most = Math.max(2 / devicePixelRatio, 512 / Math.max(width, height)); // a small picture is not blown up
    this.scale = Math.min(room.width / width, room.height / height, most);
    this.place();
  }

  wholePixels() {
    return Math.max(1.5, 1 / (this.scale * devicePixelRatio));
  }

  zoomTo(zoom, event) {
    const room = this.stage.getBoundingClientRect();
    const nearest = Math.max(4, NEAREST / (this.scale * devicePixelRatio));
    const former = this.zoom;
    this.zoom = Math.min(Math.max(zoom, 1), nearest);
    const x = event ? event.clientX - room.left - room.width / 2 : 0;
    const y = event ? event.clientY - room.top - room.height / 2 : 0;
    this.x = x - ((x - this.x) * this.zoom) / former;
    this.y = y - ((y - this.y) * this.zoom) / former;
    this.place();
  }

  place() {
    const room = this.stage.getBoundingClientRect();
    const [width, height] = this.item.size.map((side) => side * this.scale * this.zoom);
    const slack = [Math.max(0, (width - room.width) / 2), Math.max(0, (height - room.height) / 2)];
    this.x = Math.min(Math.max(this.x, -slack[0]), slack[0]);
    this.y = Math.min(Math.max(this.y, -slack[1]), slack[1]);
    Object.assign(this.frame.style, {
      width: width + "px",
      height: height + "px",
      left: (room.width - width) / 2 + this.x + "px",
      top: (room.height - height) / 2 + this.y + "px",
    });
    this.stage.classList.toggle("zoomed", this.zoom > 1);
    this.sharpen(Math.max(width, height) * devicePixelRatio);
  }

  fitting(item) {
    const room = this.stage.getBoundingClientRect();
    const scale = Math.min(room.width / item.size[0], room.height / item.size[1], 1);
    return Math.max(...item.size) * scale * devicePixelRatio;
  }

  // Lay the picture in the size that is needed over what is there, once it has come.
  sharpen(pixels) {
    const side = sideFor(this.item, pixels);
    if (side <= this.side) return;
    this.side = side;
    const item = this.item;
    const image = this.layer(sized(item, pixels), () => {
      if (this.item !== item || this.side !== side) return;
      this.frame.replaceChildren(image);
      this.frame.dataset.side = side;
      this.arrived();
    });
    image.onerror = () => {
      if (this.item !== item) return;
      this.frame.append(make("p", "lost", "The original can no longer be read. This is its thumbnail."));
      this.arrived();
    };
  }

  wheeled(event) {
    event.preventDefault();
    this.zoomTo(this.zoom * Math.exp(-event.deltaY * (event.ctrlKey ? 0.01 : 0.002)), event);
  }

  grabbed(event) {
    if (event.button || event.target.closest("button")) return;
    event.preventDefault();
    this.dialog.focus();
    this.fingers ??= new Map();
    this.fingers.set(event.pointerId, event);
    this.stage.setPointerCapture(event.pointerId);
    this.stage.onpointermove = (moving) => this.dragged(moving);
    this.stage.onpointerup = this.stage.onpointercancel = (ended) => this.fingers.delete(ended.pointerId);
  }

  dragged(event) {
    const before = this.fingers.get(event.pointerId);
    if (!before) return;
    const [other] = [...this.fingers.values()].filter((finger) => finger.pointerId !== event.pointerId);
    const apart = (finger) => Math.hypot(finger.clientX - other.clientX, finger.clientY - other.clientY) || 1;
    if (other) this.zoomTo((this.zoom * apart(event)) / apart(before), event);
    this.x += (event.clientX - before.clientX) / this.fingers.size;
    this.y += (event.clientY - before.clientY) / this.fingers.size;
    this.fingers.set(event.pointerId, event);
    this.place();
  }

  pressed(event) {
    if (event.ctrlKey || event.metaKey || event.altKey || event.target.matches("input")) return;
    const keys = {
      ArrowLeft: () => this.step(-1),
      ArrowRight: () => this.step(1),
      Home: () => this.show(0),
      End: () => this.show(this.items.length - 1),
      "+": () => this.zoomTo(this.zoom * 1.5),
      "-": () => this.zoomTo(this.zoom / 1.5),
      0: () => this.zoomTo(1),
      1: () => this.zoomTo(this.wholePixels()),
      i: () => this.toggleFacts(),
      x: () => this.tools.querySelector(".tick")?.click(),
    };
    if (!event.target.matches("button, a, summary")) keys[" "] = () => this.dialog.close();
    const act = keys[event.key];
    event.stopPropagation();
    if (!act) return;
    event.preventDefault();
    act();
  }
}

// The next larger of a few sizes, so that the browser keeps what it has seen; 1e6 is the original's own size.
function sideFor(item, pixels) {
  const longest = Math.max(...item.size);
  const side = SIDES.find((side) => side >= 0.95 * pixels);
  return side === undefined || side >= longest ? 1e6 : side;
}

function sized(item, pixels) {
  const side = sideFor(item, pixels);
  return item.src.replace("/thumbs/", "/pictures/").replace(".webp", ".jpg") + (side < 1e6 ? `&side=${side}` : "");
}
