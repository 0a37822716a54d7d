// A tree with pictures at its leaves. Every text comes in by textContent: a file name is never read as HTML.
export default function (component) {
  const { parentElement, data, setTriggerValue } = component;
  const root = parentElement.querySelector(".root");
  root.tree ??= new Dendrogram(root);
  root.tree.send = (name, value) => setTriggerValue(name, value);
  root.tree.update(data);
}

const ROWS = [10, 14, 20, 28, 38, 52, 72, 96];

class Dendrogram extends DrawnTree {
  constructor(root) {
    super();
    this.root = root;
    this.row = 0; // pixels a leaf, 0: as many as are in sight
    this.spot = null; // the node that Tab reaches
    this.build();
  }

  build() {
    const bar = make("div", "bar"), sizes = make("div", "set");
    sizes.setAttribute("role", "group");
    sizes.setAttribute("aria-label", "Size of the leaves");
    sizes.append(this.button("−", "Smaller leaves (−)", () => this.resize(-1)), this.button("+", "Larger leaves (+)", () => this.resize(1)), this.button("Fit", "The whole tree in sight (0)", () => this.resize(0)));
    this.said = make("div", "said");
    bar.append(sizes, this.said);
    this.view = make("div", "view");
    this.view.setAttribute("role", "group");
    this.head = make("div", "head");
    this.sheet = make("div", "sheet");
    this.tip = make("div", "tip");
    this.tip.hidden = true;
    this.theme = make("span", "theme");
    this.theme.addEventListener("transitionend", () => this.draw());
    this.news = make("div", "hidden");
    this.news.setAttribute("role", "status");
    this.view.append(this.head, this.sheet);
    const frame = make("div", "");
    frame.style.position = "relative";
    frame.append(this.view, this.tip);
    this.frame = frame;
    this.root.replaceChildren(bar, frame, this.theme, this.news);
    this.root.addEventListener("keydown", (event) => this.type(event));
    this.view.addEventListener("scroll", () => this.point(null));
    new ResizeObserver(() => this.view.clientWidth !== this.wide && this.draw()).observe(this.view);
  }

  button(text, help, action) {
    const button = make("button", "", text);
    button.type = "button";
    button.title = help;
    button.setAttribute("aria-label", help);
    button.onclick = action;
    return button;
  }

  update(data) {
    const drawn = JSON.stringify(data);
    if (drawn === this.drawn) return;
    this.drawn = drawn;
    const shape = JSON.stringify([data.leaves.map((leaf) => leaf.node), data.joins.map((join) => join.node)]);
    if (shape !== this.shape) this.spot = null;
    this.shape = shape;
    this.data = data;
    this.cut = data.cut;
    this.tree = new Tree(data.leaves, data.joins);
    this.view.setAttribute("aria-label", data.title);
    this.draw();
  }

  // ---- the line that cuts ----

  makeHandle() {
    const handle = make("div", "handle");
    handle.tabIndex = 0;
    handle.setAttribute("role", "slider");
    handle.setAttribute("aria-label", "Cut the tree at this height. Arrow keys move the line, Page up and Page down change the number of groups by one");
    handle.setAttribute("aria-valuemin", "0");
    handle.setAttribute("aria-valuemax", shortly(this.reach));
    handle.addEventListener("pointerdown", (event) => this.drag(event));
    handle.addEventListener("keydown", (event) => this.nudge(event));
    handle.addEventListener("blur", () => this.sendSoon(0));
    return handle;
  }

  drag(event) {
    if (event.button) return;
    event.preventDefault();
    const target = event.currentTarget, before = this.cut;
    const off = event.clientX - this.sheet.getBoundingClientRect().left - this.x(this.cut);
    target.setPointerCapture(event.pointerId);
    this.handle.focus({ preventScroll: true });
    const move = (moving) => {
      this.cut = this.heightAt(moving.clientX - this.sheet.getBoundingClientRect().left - off);
      this.showCut();
    };
    const stop = (keeps) => () => {
      target.removeEventListener("pointermove", move);
      target.removeEventListener("pointerup", drop);
      target.removeEventListener("pointercancel", leave);
      if (!keeps) this.cut = before;
      this.showCut();
      if (this.cut !== before) this.send("cut", this.cut);
    };
    const drop = stop(true), leave = stop(false);
    target.addEventListener("pointermove", move);
    target.addEventListener("pointerup", drop);
    target.addEventListener("pointercancel", leave);
  }

  nudge(event) {
    const by = { ArrowLeft: 0.01, ArrowUp: 0.01, ArrowRight: -0.01, ArrowDown: -0.01 }[event.key];
    const more = { PageUp: -1, PageDown: 1 }[event.key];
    if (by) this.cut = Math.max(0, Math.min(this.reach, this.cut + by * this.reach));
    else if (more) this.cut = this.tree.step(this.cut, more);
    else if (event.key === "Home") this.cut = 0;
    else if (event.key === "End") this.cut = this.reach;
    else if (event.key !== "Enter") return;
    event.preventDefault();
    event.stopPropagation();
    this.showCut();
    this.sendSoon(event.key === "Enter" ? 0 : 600);
  }

  sendSoon(wait) {
    clearTimeout(this.later);
    this.later = setTimeout(() => {
      if (this.cut !== this.data.cut && this.cut !== this.sent) this.send("cut", (this.sent = this.cut));
    }, wait);
  }

  // ---- pointing and picking ----

  listen(element, node) {
    element.addEventListener("pointerenter", (event) => this.point(node, event));
    element.addEventListener("pointermove", (event) => this.placeTip(event));
    element.addEventListener("pointerleave", () => this.point(null));
    if (this.data.picks) element.addEventListener("click", () => this.pick(node));
    if (element.dataset.node === undefined) return; // listening for focus alone would make a part of an SVG focusable
    element.addEventListener("focus", () => this.point(node));
    element.addEventListener("blur", () => this.point(null));
  }

  pick(node) {
    this.spot = node.node;
    this.rove();
    this.send("pick", node.node);
  }

  point(node, event) {
    for (const { group, leaf } of this.marks.values()) {
      group.classList.remove("hot");
      leaf?.classList.remove("hot");
    }
    this.sheet.classList.toggle("hovers", Boolean(node));
    this.tell(node);
    this.tip.hidden = !node || !event;
    if (!node) return;
    for (const one of this.tree.below(node)) {
      const { group, leaf } = this.marks.get(one.node);
      group.classList.add("hot");
      leaf?.classList.add("hot");
    }
    if (event) this.writeTip(node, event);
  }

  writeTip(node, event) {
    this.tip.replaceChildren();
    if (node.leaf && node.src) {
      const image = make("img", "");
      image.alt = node.name;
      image.onerror = () => image.remove();
      image.src = node.src;
      this.tip.append(image);
    }
    for (const line of this.sentence(node)) this.tip.append(make("div", "line", line));
    this.placeTip(event);
  }

  placeTip(event) {
    if (this.tip.hidden) return;
    const box = this.frame.getBoundingClientRect(), wide = this.tip.offsetWidth, high = this.tip.offsetHeight;
    const x = event.clientX - box.left, y = event.clientY - box.top;
    const left = x + 16 + wide < box.width ? x + 16 : x - 16 - wide;
    this.tip.style.transform = `translate(${Math.max(2, left)}px, ${Math.max(2, Math.min(box.height - high - 2, y + 12))}px)`;
  }

  tell(node) {
    const n = this.data.leaves.reduce((sum, leaf) => sum + leaf.count, 0);
    const whole = this.data.leaves.length < n ? `${n.toLocaleString("en")} pictures at ${this.data.leaves.length} leaves` : `${n.toLocaleString("en")} pictures`;
    this.said.textContent = node ? this.sentence(node).join(", ") : whole;
  }

  // ---- keys: Tab reaches one branch, the arrows walk from branch to branch ----

  rove() {
    const root = this.tree.all.at(-1);
    if (!this.marks.has(this.spot)) this.spot = root?.node;
    for (const [name, { group, leaf }] of this.marks) {
      const element = leaf ?? group;
      if (element.dataset.node !== undefined) element.setAttribute("tabindex", name === this.spot ? "0" : "-1");
    }
  }

  focused() {
    const at = this.root.getRootNode().activeElement;
    if (at === this.handle && at) return "handle";
    return at?.dataset?.node !== undefined ? Number(at.dataset.node) : null;
  }

  focus(name, quiet) {
    if (name === "handle") return this.handle?.focus({ preventScroll: true });
    const { group, leaf } = this.marks.get(name) ?? {};
    const element = leaf ?? group;
    if (!element) return;
    this.spot = name;
    this.rove();
    element.focus({ preventScroll: true });
    if (!quiet) this.reveal(this.tree.nodes.get(name));
  }

  reveal(node) {
    const y = this.y(node.place) + HEAD, top = this.view.scrollTop;
    if (y < top + HEAD + this.side) this.view.scrollTop = y - HEAD - this.side;
    else if (y > top + this.view.clientHeight - this.side) this.view.scrollTop = y - this.view.clientHeight + this.side;
  }

  type(event) {
    if (event.ctrlKey || event.metaKey || event.altKey || !this.data) return;
    const name = this.focused();
    const node = typeof name === "number" ? this.tree.nodes.get(name) : null;
    const next = node && this.neighbour(node, event.key);
    if (next) this.focus(next.node);
    else if (node && (event.key === "Enter" || event.key === " ")) this.pick(node);
    else if (event.key === "+" || event.key === "=") this.resize(1);
    else if (event.key === "-") this.resize(-1);
    else if (event.key === "0") this.resize(0);
    else return;
    event.preventDefault();
  }

  neighbour(node, key) {
    if (key === "ArrowLeft") return node.parent;
    if (key === "ArrowRight") return node.children?.[0];
    const by = { ArrowUp: -1, ArrowDown: 1 }[key];
    if (!by) return null;
    if (node.leaf) return this.tree.nodes.get(this.data.leaves[node.place + by]?.node);
    return node.parent?.children[by > 0 ? 1 : 0] ?? null;
  }

  resize(by) {
    const at = (this.view.scrollTop + this.view.clientHeight / 2) / this.high;
    if (!by) this.row = 0;
    else if (by > 0) this.row = ROWS.find((row) => row > this.step) ?? ROWS.at(-1);
    else this.row = ROWS.findLast((row) => row < this.step) ?? ROWS[0];
    this.draw();
    this.view.scrollTop = at * this.high - this.view.clientHeight / 2;
  }
}

function isDark(colour) {
  const [r, g, b] = (colour.match(/[\d.]+/g) || [255, 255, 255]).map(Number);
  return 0.3 * r + 0.59 * g + 0.11 * b < 110;
}

function shape(tag, facts, text) {
  const element = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries(facts || {})) element.setAttribute(name, value);
  if (text !== undefined) element.textContent = text;
  return element;
}

function make(tag, names, text) {
  const element = document.createElement(tag);
  if (names) element.className = names.trim();
  if (text !== undefined) element.textContent = text;
  return element;
}
