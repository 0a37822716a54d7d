// A map as it is drawn: the part in sight, dots, pictures over them, names, and the outline of a selection.
class DrawnMap {
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
}
