// A tree as it is drawn: where things stand, branches, leaves, the axis and the line that cuts.
const HEAD = 64, PAD = 30; // the head has three rows: what is measured, the line's label, and the figures

class DrawnTree {
  // ---- where things stand ----

  lay() {
    const n = Math.max(1, this.data.leaves.length);
    this.wide = this.view.clientWidth;
    const narrow = this.wide < 500;
    this.view.style.maxHeight = this.data.height * (narrow ? 1.5 : 1) + "px";
    // On a telephone rows are high enough that the pictures leave room for the branches.
    this.fits = Math.max(narrow ? 14 : 9, Math.min(52, Math.floor(((this.data.height - HEAD - 2 * PAD) / n) * 10) / 10));
    this.step = this.row || this.fits;
    const least = this.step >= 44 ? 36 : this.wide > 900 ? 48 : 36;
    this.side = Math.max(least, Math.min(this.step - 6, 150)); // of a picture
    this.ranks = Math.max(1, Math.ceil((this.side + 5) / this.step)); // pictures larger than a row stand side by side
    const names = this.ranks === 1 ? Math.min(240, this.wide * 0.22) : 0;
    this.right = this.ranks * (this.side + 7) + names + 14;
    this.left = 22;
    this.inner = Math.max(80, this.wide - this.left - this.right - 10);
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
}
