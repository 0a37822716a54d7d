// Small pictures for those dots that are in sight: loaded a few at a time, kept in a bounded store.
class Thumbs {
  constructor(arrived) {
    this.kept = new Map(); // id -> canvas, or null while it loads or where there is none; the oldest first
    this.waiting = [];
    this.loading = 0;
    this.arrived = arrived;
    this.template = "";
  }

  use(template) {
    if (template === this.template) return;
    this.template = template;
    this.kept.clear();
  }

  address(id) {
    return this.template.replaceAll("{id}", String(id));
  }

  get(id) {
    const found = this.kept.get(id);
    if (!found) return null;
    this.kept.delete(id);
    this.kept.set(id, found);
    return found;
  }

  // Asks for those that are in sight now; what was asked for before and not begun is forgotten.
  want(ids) {
    this.waiting = ids.filter((id) => !this.kept.has(id));
    this.next();
  }

  next() {
    while (this.loading < 6 && this.waiting.length) this.load(this.waiting.shift());
  }

  load(id) {
    this.kept.set(id, null);
    this.loading++;
    const image = new Image(), template = this.template;
    const done = (kept) => {
      this.loading--;
      if (template === this.template && kept) this.kept.set(id, kept);
      while (this.kept.size > 800) this.kept.delete(this.kept.keys().next().value);
      if (kept) this.arrived();
      this.next();
    };
    image.onload = () => done(square(image, 144));
    image.onerror = () => done(null);
    image.src = this.address(id);
  }

  // Chooses who gets a picture: first those who had one, then by row, as long as they do not cover each other.
  // `seen`: rows in sight; at(i) -> [x, y]; `before`: the rows chosen last time. Returns the rows.
  place(seen, at, size, before) {
    const cells = new Map(), chosen = [];
    const cell = (x, y) => Math.floor(x / size) * 65536 + Math.floor(y / size);
    const free = (x, y, gap) => {
      for (let a = -1; a <= 1; a++) {
        for (let b = -1; b <= 1; b++) {
          for (const other of cells.get(cell(x + a * size, y + b * size)) || []) {
            if (Math.abs(other[0] - x) < gap && Math.abs(other[1] - y) < gap) return false;
          }
        }
      }
      return true;
    };
    const inSight = new Set(seen);
    for (const i of [...[...before].filter((i) => inSight.has(i)), ...seen.filter((i) => !before.has(i))]) {
      const [x, y] = at(i);
      if (!free(x, y, size)) continue;
      const name = cell(x, y);
      cells.set(name, [...(cells.get(name) || []), [x, y]]);
      chosen.push(i);
    }
    return chosen;
  }
}

// The middle of a picture, scaled once: drawing it again costs little.
function square(image, side) {
  const canvas = document.createElement("canvas");
  canvas.width = canvas.height = side;
  const part = Math.min(image.naturalWidth, image.naturalHeight);
  const context = canvas.getContext("2d");
  context.imageSmoothingQuality = "high";
  context.drawImage(image, (image.naturalWidth - part) / 2, (image.naturalHeight - part) / 2, part, part, 0, 0, side, side);
  return canvas;
}
