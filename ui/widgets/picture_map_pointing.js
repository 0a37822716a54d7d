// A map that is pointed at, dragged and typed to. What is selected and told is left to the class below it.
const KEYS = { v: "move", b: "box", l: "lasso" };

class PointedMap extends DrawnMap {
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
