// Two pictures over the whole window: one under a slider over the other, or side by side.
class Compare {
  constructor(root, pressed) {
    this.pressed = pressed;
    this.dialog = make("dialog", "compare");
    this.dialog.setAttribute("aria-label", "Compare two pictures");
    this.title = make("h2", "title");
    this.way = make("button", "small");
    this.way.type = "button";
    this.way.onclick = () => this.lay(!this.beside);
    const close = make("button", "small", "Close");
    close.type = "button";
    close.onclick = () => this.dialog.close();
    const head = make("div", "bar");
    head.append(this.title, this.way, close);
    this.stage = make("div", "stage");
    this.slider = make("input", "slider");
    Object.assign(this.slider, { type: "range", min: 0, max: 100, value: 50 });
    this.slider.setAttribute("aria-label", "How much of the left picture is shown, in percent");
    this.slider.oninput = () => this.slide();
    this.sides = make("div", "sides");
    this.dialog.append(head, this.stage, this.slider, this.sides);
    this.dialog.addEventListener("keydown", (event) => this.keyed(event));
    this.dialog.addEventListener("close", () => this.closed?.());
    this.stage.addEventListener("pointermove", (event) => this.pointed(event));
  }

  show(title, items, kept, closed) {
    const same = this.shown && items.every((item, place) => item.id === this.shown[place].id);
    this.closed = closed;
    this.title.textContent = title;
    this.sides.replaceChildren(...items.map((item, place) => this.side(item, kept[place])));
    if (!same) {
      this.shown = items;
      this.stage.replaceChildren(...items.map((item, place) => this.picture(item, place)));
      this.slider.value = 50;
      this.lay(items.some((item) => /turned|mirrored|cropped/.test(item.difference)));
    }
    if (!this.dialog.open) this.dialog.showModal();
    if (!same) (this.beside ? this.way : this.slider).focus();
  }

  picture(item, place) {
    const image = make("img", place ? "right" : "left");
    image.alt = item.name;
    image.draggable = false;
    image.style.backgroundImage = `url("${item.src}")`; // until the larger one is there
    image.onerror = () => {
      image.onerror = null;
      image.src = item.src;
    };
    image.src = item.large;
    return image;
  }

  side(item, keep) {
    const side = make("div", "side " + (keep ? "keep" : "drop"));
    side.append(make("strong", "", keep ? "✓ Keep" : "✕ Drop"), make("span", "name", item.path), make("span", "facts", [item.facts, item.difference].filter(Boolean).join(" · ")));
    return side;
  }

  lay(beside) {
    this.beside = beside;
    this.stage.classList.toggle("beside", beside);
    this.slider.hidden = beside;
    this.way.textContent = beside ? "Slider" : "Side by side";
    this.slide();
  }

  slide() {
    this.stage.style.setProperty("--shown", this.beside ? "100%" : `${this.slider.value}%`);
  }

  pointed(event) {
    if (this.beside || !event.buttons) return;
    const box = this.stage.getBoundingClientRect();
    this.slider.value = Math.round((100 * (event.clientX - box.left)) / box.width);
    this.slide();
  }

  keyed(event) {
    if (event.key === "Escape" || event.key === "Tab" || event.ctrlKey || event.metaKey || event.altKey) return;
    event.stopPropagation();
    const onSlider = event.target === this.slider && event.key.startsWith("Arrow") && !["ArrowUp", "ArrowDown"].includes(event.key);
    const onButton = event.target.tagName === "BUTTON" && ["Enter", " "].includes(event.key);
    if (onSlider || onButton) return;
    if (event.key === " ") {
      event.preventDefault();
      this.dialog.close();
    } else if (this.pressed(event.key)) event.preventDefault();
  }
}
