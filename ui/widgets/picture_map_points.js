// The points of a map: typed arrays, a grid to find the nearest one, and what lies inside of a box or a lasso.
class Points {
  constructor(buffer, count) {
    this.count = count;
    this.places = new Float32Array(buffer, 0, 2 * count);
    this.ids = new Int32Array(buffer, 8 * count, count);
    const words = new TextDecoder().decode(new Uint8Array(buffer, 12 * count));
    this.names = words ? words.split("\0") : null;
    this.bounds = this.measure();
    this.lay();
  }

  measure() {
    let [left, top, right, bottom] = [Infinity, Infinity, -Infinity, -Infinity];
    for (let i = 0; i < 2 * this.count; i += 2) {
      const x = this.places[i], y = this.places[i + 1];
      if (x < left) left = x;
      if (x > right) right = x;
      if (y < top) top = y;
      if (y > bottom) bottom = y;
    }
    return this.count ? { left, top, right, bottom } : { left: 0, top: 0, right: 1, bottom: 1 };
  }

  // Cells with about two points each: `begin[c]` to `begin[c + 1]` are the places of cell c in `order`.
  lay() {
    const { left, top, right, bottom } = this.bounds;
    this.side = Math.max(1, Math.min(512, Math.ceil(Math.sqrt(this.count / 2))));
    this.across = this.side / Math.max(right - left, 1e-30);
    this.down = this.side / Math.max(bottom - top, 1e-30);
    const cells = new Int32Array(this.count);
    this.begin = new Int32Array(this.side * this.side + 1);
    for (let i = 0; i < this.count; i++) {
      cells[i] = this.row(this.places[2 * i + 1]) * this.side + this.column(this.places[2 * i]);
      this.begin[cells[i] + 1]++;
    }
    for (let c = 0; c < this.side * this.side; c++) this.begin[c + 1] += this.begin[c];
    const next = this.begin.slice();
    this.order = new Int32Array(this.count);
    for (let i = 0; i < this.count; i++) this.order[next[cells[i]]++] = i;
  }

  column(x) {
    return Math.max(0, Math.min(this.side - 1, Math.floor((x - this.bounds.left) * this.across)));
  }

  row(y) {
    return Math.max(0, Math.min(this.side - 1, Math.floor((y - this.bounds.top) * this.down)));
  }

  // Calls see(i) for every point in the cells that a rectangle touches.
  around(left, top, right, bottom, see) {
    const first = this.column(left), last = this.column(right);
    for (let row = this.row(top); row <= this.row(bottom); row++) {
      const from = this.begin[row * this.side + first], to = this.begin[row * this.side + last + 1];
      for (let at = from; at < to; at++) see(this.order[at]);
    }
  }

  // The nearest point to (x, y) within `radius`, -1 where there is none.
  nearest(x, y, radius) {
    let best = -1, least = radius * radius;
    this.around(x - radius, y - radius, x + radius, y + radius, (i) => {
      const dx = this.places[2 * i] - x, dy = this.places[2 * i + 1] - y;
      const far = dx * dx + dy * dy;
      if (far <= least) [best, least] = [i, far];
    });
    return best;
  }

  // The points inside of a polygon [x0, y0, x1, y1, …]; a ray to the right crosses its edge an odd number of times.
  inside(polygon) {
    const xs = polygon.filter((_, n) => n % 2 === 0), ys = polygon.filter((_, n) => n % 2 === 1);
    const found = [];
    this.around(Math.min(...xs), Math.min(...ys), Math.max(...xs), Math.max(...ys), (i) => {
      const x = this.places[2 * i], y = this.places[2 * i + 1];
      let odd = false;
      for (let a = 0, b = xs.length - 1; a < xs.length; b = a++) {
        if (ys[a] > y !== ys[b] > y && x < ((xs[b] - xs[a]) * (y - ys[a])) / (ys[b] - ys[a]) + xs[a]) odd = !odd;
      }
      if (odd) found.push(i);
    });
    return found;
  }
}

// A mask of bytes as base64 of one bit each, lowest bit first; nothing marked is "".
function packed(mask) {
  const bits = new Uint8Array(Math.ceil(mask.length / 8));
  let any = false;
  for (let i = 0; i < mask.length; i++) {
    if (mask[i]) {
      bits[i >> 3] |= 1 << (i & 7);
      any = true;
    }
  }
  let text = "";
  for (let i = 0; i < bits.length; i += 8192) text += String.fromCharCode(...bits.subarray(i, i + 8192));
  return any ? btoa(text) : "";
}

function unpacked(text, count) {
  const mask = new Uint8Array(count);
  const bits = atob(text);
  for (let i = 0; i < count && i >> 3 < bits.length; i++) mask[i] = (bits.charCodeAt(i >> 3) >> (i & 7)) & 1;
  return mask;
}
