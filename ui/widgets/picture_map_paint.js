// Draws dots straight into the pixels of a canvas: 50,000 take a few milliseconds without any graphics card.
const GREY = 0xffff;

class Paint {
  constructor(canvas) {
    this.canvas = canvas;
    this.context = canvas.getContext("2d", { alpha: false });
  }

  size(width, height, ratio) {
    this.canvas.width = Math.max(1, Math.round(width * ratio));
    this.canvas.height = Math.max(1, Math.round(height * ratio));
    this.image = this.context.createImageData(this.canvas.width, this.canvas.height);
    this.pixels = new Uint32Array(this.image.data.buffer);
  }

  clear(colour) {
    this.pixels.fill(colour);
  }

  show() {
    this.context.putImageData(this.image, 0, 0);
  }

  // A disc as two lists: where its pixels lie from the middle, and how much of each it covers (0 to 256).
  stamp(radius, strength) {
    const reach = Math.ceil(radius + 0.5);
    const dots = { reach, x: [], y: [], cover: [], away: null };
    for (let y = -reach; y <= reach; y++) {
      for (let x = -reach; x <= reach; x++) {
        const cover = Math.min(1, Math.max(0, radius + 0.5 - Math.hypot(x, y)));
        if (cover <= 0.02) continue;
        dots.x.push(x);
        dots.y.push(y);
        dots.cover.push(Math.round(256 * cover * strength));
      }
    }
    dots.away = Int32Array.from(dots.x, (x, n) => dots.y[n] * this.canvas.width + x);
    dots.cover = Int32Array.from(dots.cover);
    return dots;
  }

  // (x, y) in pixels of the canvas.
  dot(x, y, colour, dots) {
    const { reach, away, cover } = dots;
    const column = Math.round(x), row = Math.round(y), width = this.canvas.width, height = this.canvas.height;
    if (column < -reach || row < -reach || column >= width + reach || row >= height + reach) return;
    const whole = column >= reach && row >= reach && column < width - reach && row < height - reach;
    const middle = row * width + column;
    const pixels = this.pixels, redBlue = colour & 0xff00ff, green = colour & 0x00ff00;
    for (let n = 0; n < away.length; n++) {
      if (!whole && (column + dots.x[n] < 0 || column + dots.x[n] >= width || row + dots.y[n] < 0 || row + dots.y[n] >= height)) continue;
      const at = middle + away[n], below = pixels[at];
      const rb = below & 0xff00ff, g = below & 0x00ff00;
      const mixedRb = (rb + (Math.imul(redBlue - rb, cover[n]) >> 8)) & 0xff00ff;
      const mixedG = (g + (Math.imul(green - g, cover[n]) >> 8)) & 0x00ff00;
      pixels[at] = 0xff000000 | mixedRb | mixedG;
    }
  }
}

// "#rrggbb" or "rgb(…)" as the number that a pixel holds (little endian: alpha, blue, green, red).
function pixel(colour) {
  const hex = /^#([0-9a-f]{6})/i.exec(colour);
  const [r, g, b] = hex ? [0, 2, 4].map((n) => parseInt(hex[1].slice(n, n + 2), 16)) : (colour.match(/[\d.]+/g) || [0, 0, 0]).slice(0, 3).map(Number);
  return (0xff000000 | (b << 16) | (g << 8) | r) >>> 0;
}

function isDark(colour) {
  const value = pixel(colour);
  return 0.3 * (value & 255) + 0.59 * ((value >> 8) & 255) + 0.11 * ((value >> 16) & 255) < 110;
}
