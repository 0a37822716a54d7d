// A picture of which a part can be chosen: drag over it, or move and resize with the arrow keys.
class CropStage {
  // `small` is the thumbnail that is shown already: its proportions are known before the picture has come.
  constructor(src, small, alt, crop, chosen) {
    Object.assign(this, { crop, chosen });
    this.element = make("div", "stage");
    this.image = make("img", "");
    const size = (picture) => {
      const ratio = picture.naturalWidth / picture.naturalHeight;
      if (ratio) Object.assign(this.image.style, { width: `min(84vw, 54rem, calc(62vh * ${ratio}))`, aspectRatio: ratio });
    };
    size(small);
    this.image.onload = () => size(this.image);
    Object.assign(this.image, { alt, src, draggable: false });
    this.box = make("div", "box");
    this.box.tabIndex = 0;
    this.box.setAttribute("role", "group");
    this.box.setAttribute("aria-label", "Crop. Arrow keys move it, with Shift they resize it.");
    this.element.append(this.image, this.box);
    this.element.addEventListener("pointerdown", (event) => this.pressed(event));
    this.box.addEventListener("keydown", (event) => this.keyed(event));
    this.show();
  }

  show() {
    const [l, t, r, b] = this.crop.map((v) => 100 * v);
    Object.assign(this.box.style, { left: l + "%", top: t + "%", width: r - l + "%", height: b - t + "%" });
  }

  finish() {
    this.chosen(this.crop.map((v) => Math.round(v * 10000) / 10000));
  }

  place(event) {
    const area = this.image.getBoundingClientRect();
    return [clamp((event.clientX - area.left) / area.width), clamp((event.clientY - area.top) / area.height)];
  }

  pressed(event) {
    if (event.button) return;
    event.preventDefault();
    this.element.setPointerCapture(event.pointerId);
    const before = this.crop.slice();
    const from = this.place(event);
    const inside = from[0] > before[0] && from[0] < before[2] && from[1] > before[1] && from[1] < before[3];
    const drag = (moving) => {
      const to = this.place(moving);
      this.crop = inside ? shifted(before, to[0] - from[0], to[1] - from[1]) : between(from, to);
      this.show();
    };
    const drop = () => {
      this.element.removeEventListener("pointermove", drag);
      if (this.crop[2] - this.crop[0] < 0.03 || this.crop[3] - this.crop[1] < 0.03) this.crop = before;
      this.show();
      if (this.crop !== before) this.finish();
    };
    this.element.addEventListener("pointermove", drag);
    this.element.addEventListener("pointerup", drop, { once: true });
    this.element.addEventListener("pointercancel", drop, { once: true });
  }

  keyed(event) {
    const steps = { ArrowLeft: [-0.02, 0], ArrowRight: [0.02, 0], ArrowUp: [0, -0.02], ArrowDown: [0, 0.02] };
    const step = steps[event.key];
    if (!step) return;
    event.preventDefault();
    const [l, t, r, b] = this.crop;
    const grown = [l, t, Math.max(l + 0.04, r + step[0]), Math.max(t + 0.04, b + step[1])].map(clamp);
    this.crop = event.shiftKey ? grown : shifted(this.crop, ...step);
    this.show();
    clearTimeout(this.later);
    this.later = setTimeout(() => this.finish(), 600);
  }
}

const clamp = (v) => Math.min(1, Math.max(0, v));

function between(a, b) {
  return [Math.min(a[0], b[0]), Math.min(a[1], b[1]), Math.max(a[0], b[0]), Math.max(a[1], b[1])];
}

function shifted(crop, x, y) {
  const dx = Math.min(Math.max(x, -crop[0]), 1 - crop[2]);
  const dy = Math.min(Math.max(y, -crop[1]), 1 - crop[3]);
  return [crop[0] + dx, crop[1] + dy, crop[2] + dx, crop[3] + dy];
}
