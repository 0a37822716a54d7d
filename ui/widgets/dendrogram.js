// A tree with pictures at its leaves. Every text comes in by textContent: a file name is never read as HTML.
export default function (component) {
  const { parentElement, data, setTriggerValue } = component;
  const root = parentElement.querySelector(".root");
  root.tree ??= new Dendrogram(root);
  root.tree.send = (name, value) => setTriggerValue(name, value);
  root.tree.update(data);
}

const HEAD = 46, PAD = 30, ROWS = [10, 14, 20, 28, 38, 52, 72, 96];

class Dendrogram {
  constructor(root) {
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
    this.view.style.maxHeight = data.height + "px";
    this.draw();
  }

  // ---- where things stand ----

  lay() {
    const n = Math.max(1, this.data.leaves.length);
    this.wide = this.view.clientWidth;
    this.fits = Math.max(9, Math.min(52, Math.floor(((this.data.height - HEAD - 2 * PAD) / n) * 10) / 10));
    this.step = this.row || this.fits;
    const least = this.step >= 44 ? 36 : this.wide > 900 ? 48 : 36;
    this.side = Math.max(least, Math.min(this.step - 6, 150)); // of a picture
    this.ranks = Math.max(1, Math.ceil((this.side + 5) / this.step)); // pictures larger than a row stand side by side
    const names = this.ranks === 1 ? Math.min(240, this.wide * 0.22) : 0;
    this.right = this.ranks * (this.side + 7) + names + 14;
    this.left = 22;
    this.inner = Math.max(120, this.wide - this.left - this.right - 10);
    this.reach = this.tree.top * 1.06;
    this.high = n * this.step + 2 * PAD;
  }

  x(height) {
    return this.left + this.inner * (1 - Math.min(1, height / this.reach));
  }

  y(place) {
    return PAD + (place + 0.5) * this.step;
  }

  heightAt(x) {
    return Math.max(0, Math.min(this.reach, (1 - (x - this.left) / this.inner) * this.reach));
  }

  css(colour) {
    return (this.data.palette[colour] ?? this.data.noise)[this.dark ? 1 : 0];
  }

  // ---- drawing ----

  draw() {
    if (!this.data || !this.view.clientWidth) return;
    const kept = this.focused();
    this.dark = isDark(getComputedStyle(this.theme).backgroundColor);
    this.lay();
    this.drawHead();
    this.drawSheet();
    this.showCut();
    this.tell(null);
    if (kept) this.focus(kept, true);
  }

  drawHead() {
    const svg = shape("svg", { width: this.wide, height: HEAD, "aria-hidden": "true" });
    svg.append(shape("text", { x: this.left, y: 14 }, this.data.measure));
    for (const value of ticks(this.reach, Math.max(2, this.inner / 90))) {
      svg.append(shape("line", { x1: this.x(value), x2: this.x(value), y1: HEAD - 6, y2: HEAD }));
      svg.append(shape("text", { x: this.x(value), y: HEAD - 11, "text-anchor": "middle" }, shortly(value)));
    }
    this.head.replaceChildren(svg);
    this.head.style.width = this.wide + "px";
    if (this.data.cuts) this.head.append((this.handle = this.makeHandle()));
  }

  drawSheet() {
    const svg = shape("svg", { width: this.wide, height: this.high, role: "group", "aria-label": "Branches" });
    this.sheet.style.height = this.high + "px";
    for (const value of ticks(this.reach, Math.max(2, this.inner / 90))) svg.append(shape("line", { class: "rule", x1: this.x(value), x2: this.x(value), y1: 0, y2: this.high }));
    this.marks = new Map();
    this.roomy = this.withRoom();
    const leaves = [];
    for (const node of this.tree.all) {
      const group = this.drawNode(node);
      const leaf = node.leaf ? this.drawLeaf(node, svg) : null;
      if (leaf) leaves.push(leaf);
      this.marks.set(node.node, { group, leaf });
      svg.append(group);
    }
    if (this.data.cuts) {
      this.line = shape("line", { class: "cut", y1: 0, y2: this.high });
      this.grip = shape("line", { class: "grip", y1: 0, y2: this.high });
      this.grip.addEventListener("pointerdown", (event) => this.drag(event));
      svg.append(this.grip, this.line);
    }
    this.sheet.replaceChildren(svg, ...leaves);
    this.rove();
  }

  // A stub to the parent, and for a join the post between its two children.
  drawNode(node) {
    const group = shape("g", { class: "join" });
    const y = this.y(node.place), x = this.x(node.height), end = node.parent ? this.x(node.parent.height) : x - 14;
    group.stubs = [shape("path", { class: "stub" }), shape("path", { class: "stub" })];
    group.append(...group.stubs);
    if (!node.leaf) {
      const [a, b] = node.children.map((child) => this.y(child.place));
      group.post = shape("path", { class: "post", d: `M${x} ${a}V${b}` });
      group.append(group.post, shape("circle", { class: "knot", cx: x, cy: y, r: 6 }));
      if (typeof node.share === "number") this.drawShare(group, node, x, y);
      group.append(shape("path", { class: "hit", d: `M${end} ${y}H${x}M${x} ${a}V${b}` }));
      this.reachable(group, node);
    } else group.append(shape("path", { class: "hit", d: `M${end} ${y}H${x}` }));
    this.listen(group, node);
    return group;
  }

  // How often the branch came back: a figure where there is room, and a dashed line below one half.
  drawShare(group, node, x, y) {
    group.classList.toggle("doubtful", node.share < 0.5);
    if (!this.roomy.has(node)) return;
    const percent = shape("text", { class: "share", x: x - 4, y: y - 3, "text-anchor": "end" }, String(Math.round(100 * node.share)));
    percent.setAttribute("aria-hidden", "true");
    group.append(percent);
  }

  // Joins whose figure covers no other one; of two that would, the larger branch has it.
  withRoom() {
    const told = [];
    for (const node of this.tree.all.filter((one) => typeof one.share === "number").reverse()) {
      const covers = (other) => Math.abs(this.x(other.height) - this.x(node.height)) < 24 && Math.abs(this.y(other.place) - this.y(node.place)) < 13;
      if (!told.some(covers)) told.push(node);
    }
    return new Set(told);
  }

  drawLeaf(node, svg) {
    const y = this.y(node.place), rank = node.place % this.ranks;
    const x = this.x(0) + 8 + rank * (this.side + 7);
    if (rank) svg.append(shape("line", { class: "leader", x1: this.x(0) + 2, x2: x - 2, y1: y, y2: y }));
    const leaf = make(this.data.picks ? "button" : "div", "leaf" + (this.data.picks ? "" : " still"));
    Object.assign(leaf.style, { left: x + "px", top: y - this.side / 2 + "px", height: this.side + "px", maxWidth: this.wide - x - 6 + "px" });
    leaf.style.setProperty("--mark", this.css(node.colour));
    const frame = make("span", "frame");
    frame.style.width = frame.style.height = this.side + "px";
    if (node.src) {
      const image = make("img", "");
      image.alt = "";
      image.loading = "lazy";
      image.decoding = "async";
      image.draggable = false;
      image.onerror = () => image.remove();
      image.src = node.src;
      frame.append(image);
    }
    if (node.count > 1) frame.append(make("span", "more", `+${(node.count - 1).toLocaleString("en")}`));
    leaf.append(frame);
    if (this.ranks === 1) {
      const name = make("span", "name", node.name);
      name.style.fontSize = Math.max(11, Math.min(16, this.step * 0.3)) + "px";
      leaf.append(name);
    }
    this.reachable(leaf, node);
    this.listen(leaf, node);
    return leaf;
  }

  reachable(element, node) {
    element.setAttribute("aria-label", this.sentence(node).join(", "));
    if (!this.data.picks) return;
    element.setAttribute("role", "button");
    element.setAttribute("tabindex", "-1");
    element.dataset.node = node.node;
  }

  sentence(node) {
    const many = `${node.count.toLocaleString("en")} pictures`;
    if (node.leaf) return node.count > 1 ? [node.name, `represents ${many}`] : [node.name];
    const back = typeof node.share === "number" ? [`came back in ${Math.round(100 * node.share)} % of the resampled trees`] : [];
    return [`Branch of ${many}`, `joined at ${this.data.measure} ${shortly(node.height)}`, ...back];
  }

  // Below the line a branch has the colour of its group, above it is grey.
  colour(node) {
    const { group } = this.marks.get(node.node);
    const y = this.y(node.place), x = this.x(node.height);
    const top = node.parent ? node.parent.height : this.reach, end = node.parent ? this.x(top) : x - 14;
    const under = node.height <= this.cut;
    const turn = under && top > this.cut ? Math.max(end, this.x(this.cut)) : under ? end : x;
    group.stubs[0].setAttribute("d", `M${x} ${y}H${turn}`);
    group.stubs[1].setAttribute("d", turn > end ? `M${turn} ${y}H${end}` : "");
    const own = this.css(under ? node.colour : -1);
    group.stubs[0].style.stroke = own;
    group.stubs[1].style.stroke = this.css(-1);
    if (group.post) group.post.style.stroke = own;
    const knot = group.querySelector(".knot");
    if (knot) knot.style.fill = own;
  }

  showCut() {
    for (const node of this.tree.all) this.colour(node);
    if (!this.data.cuts) return;
    const x = this.x(this.cut), groups = this.tree.groups(this.cut);
    const folded = this.data.leaves.some((leaf) => leaf.count > 1) && groups === this.data.leaves.length;
    const text = `${groups.toLocaleString("en")} ${groups === 1 ? "group" : "groups"}${folded ? " or more" : ""} at ${shortly(this.cut)}`;
    for (const line of [this.line, this.grip]) for (const end of ["x1", "x2"]) line.setAttribute(end, x);
    this.handle.textContent = text;
    this.handle.style.left = Math.max(60, Math.min(this.wide - 60, x)) + "px";
    this.handle.setAttribute("aria-valuenow", shortly(this.cut));
    this.handle.setAttribute("aria-valuetext", text);
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
