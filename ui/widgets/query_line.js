// What is searched for: a chip for each picture, and a way to add one that works on the whole page.
// Every text comes in by textContent: a file name is never read as HTML.
export default function (component) {
  const { parentElement, data, setTriggerValue } = component;
  const root = parentElement.querySelector(".root");
  root.line ??= new QueryLine(root);
  root.line.tell = (place, what, value) => setTriggerValue("act", { place, what, value });
  root.line.listen();
  root.line.update(data);
  return () => root.line.rest();
}

class QueryLine {
  constructor(root) {
    this.chips = make("ul", "chips");
    this.chips.setAttribute("role", "list");
    this.chips.setAttribute("aria-label", "What is searched for");
    this.input = make("input", "file");
    Object.assign(this.input, { type: "file", multiple: true, tabIndex: -1 });
    this.input.setAttribute("aria-label", "Choose a picture");
    this.input.onchange = () => this.take(this.input.files, this.wanted);
    this.notice = make("p", "notice");
    this.notice.setAttribute("role", "status");
    this.cover = make("div", "cover");
    this.zones = [["uploader", "picture", "Search with it"], ["plus", "plus", "Like this, too"], ["minus", "minus", "Not like this"]].map(
      ([name, drawing, says]) => {
        const zone = make("div", "zone " + name);
        zone.dataset.name = name;
        zone.append(icon(drawing), make("span", "", says));
        return zone;
      },
    );
    this.cover.append(...this.zones);
    this.dialog = make("dialog", "crop");
    this.dialog.setAttribute("aria-label", "Crop");
    root.append(this.chips, this.input, this.notice, this.cover, this.dialog);
    this.depth = 0;
    this.heard = {
      paste: (event) => this.pasted(event),
      dragenter: (event) => this.dragged(event, 1),
      dragleave: (event) => this.dragged(event, -1),
      dragover: (event) => this.hovered(event),
      drop: (event) => this.dropped(event),
    };
  }

  listen() {
    for (const [name, heard] of Object.entries(this.heard)) document.addEventListener(name, heard, true);
  }

  rest() {
    for (const [name, heard] of Object.entries(this.heard)) document.removeEventListener(name, heard, true);
  }

  update(data) {
    this.data = data;
    this.input.accept = data.types.map((type) => "." + type).join(",");
    const news = JSON.stringify(data);
    if (news === this.news) return;
    this.news = news;
    this.notice.textContent = "";
    const several = data.chips.length > 1;
    this.chips.classList.toggle("several", several);
    this.chips.replaceChildren(...data.chips.map((chip) => this.chip(chip, several)), this.adder(data.chips.length > 0));
  }

  // ── chips ──

  chip(told, several) {
    const chip = make("li", "chip" + (told.weight < 0 ? " unlike" : ""));
    if (several) chip.append(this.sign(told));
    const picture = make("img", "");
    if (told.src) {
      Object.assign(picture, { src: told.src, alt: "", draggable: false });
      chip.append(picture);
    }
    const name = make("span", "name", told.name);
    name.title = told.path;
    chip.append(name);
    if (told.crop) chip.append(make("span", "part", "crop"));
    if (told.src) chip.append(this.textButton("crop", "Crop", () => this.openCrop(told, picture)));
    if (several) chip.append(this.weights(told));
    chip.append(iconButton("close", "Remove " + told.name, () => this.tell(told.place, "weight", 0)));
    return chip;
  }

  sign(told) {
    const like = told.weight > 0;
    const says = like ? `${told.name}: like this. Switch to not like this` : `${told.name}: not like this. Switch to like this`;
    return iconButton(like ? "plus" : "minus", says, () => this.tell(told.place, "weight", -told.weight));
  }

  weights(told) {
    const choice = make("select", "weight");
    choice.setAttribute("aria-label", "Weight of " + told.name);
    const size = Math.abs(told.weight);
    for (const weight of [...new Set([0.25, 0.5, 1, 2, 4, size])].sort((a, b) => a - b)) {
      const option = make("option", "", "× " + weight);
      option.value = weight;
      option.selected = weight === size;
      choice.append(option);
    }
    choice.onchange = () => this.tell(told.place, "weight", Math.sign(told.weight) * Number(choice.value));
    return choice;
  }

  adder(further) {
    const entry = make("li", "adder");
    const choose = (name) => () => {
      this.wanted = name;
      this.input.click();
    };
    entry.append(this.textButton("picture", "Choose a picture", choose("uploader")));
    if (further) entry.append(this.textButton("plus", "Add", choose("plus")), this.textButton("minus", "Not like", choose("minus")));
    entry.append(make("span", "hint", "or drop or paste one anywhere"));
    return entry;
  }

  textButton(drawing, text, act) {
    const button = make("button", "text");
    button.type = "button";
    button.append(icon(drawing), make("span", "", text));
    button.setAttribute("aria-label", text);
    button.onclick = act;
    return button;
  }

  // ── pictures from outside ──

  take(files, name = "uploader") {
    const chosen = [...files];
    this.input.value = "";
    this.depth = 0;
    this.cover.classList.remove("shown");
    if (!chosen.length) return;
    const refused = chosen.map((file) => this.refusal(file)).filter(Boolean);
    const carried = new DataTransfer();
    for (const file of chosen) if (!this.refusal(file)) carried.items.add(file);
    this.notice.textContent = refused.join(" ") || "Reading the picture …";
    if (carried.files.length) this.give(carried.files, name, 100);
  }

  // The uploader is drawn after this line: whoever drops a picture before waits for it.
  give(files, name, tries) {
    const uploader = document.querySelector(`.st-key-query-${name} input[type="file"]`);
    if (uploader && !uploader.disabled) {
      uploader.files = files;
      uploader.dispatchEvent(new Event("change", { bubbles: true }));
    } else if (tries) setTimeout(() => this.give(files, name, tries - 1), 100);
    else this.notice.textContent = "The picture could not be taken. Try again.";
  }

  refusal(file) {
    const ending = file.name.split(".").pop().toLowerCase();
    if (!this.data.types.includes(ending)) return `${file.name} is not a picture that can be read.`;
    return file.size > this.data.most * 1e6 ? `${file.name} is larger than ${this.data.most} MB.` : "";
  }

  pasted(event) {
    const files = [...(event.clipboardData?.files || [])].filter((file) => file.type.startsWith("image/"));
    if (!files.length) return;
    event.preventDefault();
    this.take(files);
  }

  dragged(event, step) {
    if (!holdsFiles(event)) return;
    this.depth = Math.max(0, this.depth + step);
    this.cover.classList.toggle("shown", this.depth > 0);
  }

  hovered(event) {
    if (!holdsFiles(event)) return;
    event.preventDefault();
    const zone = this.zoneOf(event);
    for (const one of this.zones) one.classList.toggle("over", one === zone);
  }

  dropped(event) {
    if (!holdsFiles(event)) return;
    event.preventDefault();
    event.stopPropagation();
    this.take(event.dataTransfer.files, this.zoneOf(event)?.dataset.name);
  }

  zoneOf(event) {
    return event.composedPath().find((one) => one.classList?.contains("zone"));
  }

  // ── a part of a picture ──

  openCrop(told, picture) {
    const send = (crop) => this.tell(told.place, "crop", crop);
    const original = told.src.replace("/thumbs/", "/pictures/").replace(".webp?", ".jpg?side=1280&");
    const stage = new CropStage(original, picture, told.name, told.crop || [0.2, 0.2, 0.8, 0.8], send);
    const row = make("div", "row");
    const whole = this.textButton("fit", "Use whole picture", () => {
      send([0, 0, 1, 1]);
      this.dialog.close();
    });
    const done = this.textButton("tick", "Done", () => this.dialog.close());
    row.append(make("span", "hint", "Drag to select an area."), whole, done);
    this.dialog.replaceChildren(stage.element, row);
    this.dialog.onclick = (event) => event.target === this.dialog && this.dialog.close();
    this.dialog.showModal();
    stage.box.focus();
  }
}

const holdsFiles = (event) => [...(event.dataTransfer?.types || [])].includes("Files");
