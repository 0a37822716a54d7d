// All that is known of a picture, asked of the server when it is shown.
class Facts {
  constructor(act) {
    this.act = act;
    this.element = make("aside", "facts");
    this.element.setAttribute("aria-label", "Facts");
    this.kept = new Map();
  }

  // `first` is waited for before the server is asked: what else is shown is wanted earlier.
  async show(item, large, first) {
    this.item = item;
    if (this.shown?.id !== item.id) this.draw(item, undefined, large);
    const known = this.kept.get(item.id);
    if (known) return this.draw(item, known, large);
    await first;
    if (this.item !== item) return;
    try {
      const answer = await fetch(item.src.split("?")[0].replace("/thumbs/", "/facts/").replace(".webp", ".json"));
      const told = answer.ok ? await answer.json() : { error: await answer.text() };
      if (answer.ok) this.kept.set(item.id, told);
      if (this.item === item) this.draw(item, told, large);
    } catch {
      if (this.item === item) this.draw(item, { error: "The server does not respond." }, large);
    }
  }

  forget() {
    this.kept.clear();
    if (this.item && !this.element.hidden) this.show(this.item, this.large);
  }

  draw(item, told, large) {
    this.shown = item;
    this.large = large;
    const held = this.element.getRootNode().activeElement?.matches?.(".facts input");
    const parts = [make("h3", "name", item.name)];
    if (large) parts.unshift(this.picture(item));
    if (told?.error) parts.push(make("p", "wrong", told.error));
    if (told && !told.error) parts.push(this.stars(told), this.tags(told), this.suggested(told), this.list(item, told), this.exif(told));
    this.element.replaceChildren(...parts.filter(Boolean));
    if (held) this.element.querySelector("input")?.focus();
  }

  picture(item) {
    const image = make("img", "large");
    image.alt = "";
    image.style.aspectRatio = item.size.join(" / ");
    image.src = item.src;
    const sharp = new Image();
    sharp.onload = () => (image.src = sharp.src);
    sharp.src = sized(item, 500);
    return image;
  }

  list(item, told) {
    const list = make("dl", "");
    const place = told.latitude === undefined ? "" : `${told.latitude.toFixed(5)}, ${told.longitude.toFixed(5)}`;
    const rows = [
      ["Label", told.label], ["Text", told.text], ["Date", told.date], ["Camera", told.camera], ["Lens", told.lens],
      ["Size", told.size], ["Place", place], ["Distance", item.distance],
      ["By chance", item.chance], ["Same label", item.alike], ["Folder", told.folder],
      ...Object.entries(told.columns),
    ];
    for (const [term, value] of rows) if (value) list.append(make("dt", "", term), make("dd", "", value));
    list.append(make("dt", "", "Path"), this.path(told.path));
    return list;
  }

  path(path) {
    const entry = make("dd", "path");
    const copy = iconButton("copy", "Copy path", async () => {
      try {
        await navigator.clipboard.writeText(path);
        said.textContent = "Copied";
      } catch {
        said.textContent = "Select the path and copy it";
      }
    });
    const said = make("span", "said");
    said.setAttribute("role", "status");
    entry.append(make("span", "", path), copy, said);
    return entry;
  }

  stars(told) {
    const row = make("div", "stars");
    row.setAttribute("role", "group");
    row.setAttribute("aria-label", "Stars");
    for (let number = 1; number <= 5; number++) {
      const lit = number <= told.stars;
      const star = make("button", "star" + (lit ? " lit" : ""), lit ? "★" : "☆");
      star.type = "button";
      star.setAttribute("aria-label", number === 1 ? "1 star" : number + " stars");
      star.setAttribute("aria-pressed", String(number === told.stars));
      star.onclick = () => this.act("stars", number === told.stars ? 0 : number);
      row.append(star);
    }
    return row;
  }

  tags(told) {
    const row = make("div", "tags");
    for (const tag of told.tags) {
      const chip = make("span", "tag", tag);
      chip.append(iconButton("close", "Remove the tag " + tag, () => this.act("untag", tag)));
      row.append(chip);
    }
    const field = make("input", "");
    field.placeholder = "Add a tag";
    field.setAttribute("aria-label", "Add a tag");
    field.maxLength = 100;
    field.onkeydown = (event) => {
      event.stopPropagation();
      if (event.key !== "Enter" || !field.value.trim()) return;
      this.act("tag", field.value.trim());
      field.value = "";
    };
    row.append(field);
    return row;
  }

  // What an ImageNet network sees; a click gives the picture that label.
  suggested(told) {
    if (!told.suggested.length) return undefined;
    const row = make("div", "tags suggested");
    row.setAttribute("role", "group");
    row.setAttribute("aria-label", "Suggested labels");
    row.append(make("span", "said", "Suggested labels"));
    for (const [label, chance] of told.suggested) {
      const button = make("button", "tag", `${label} `);
      button.type = "button";
      button.title = `Label the picture “${label}”`;
      button.append(make("span", "said", chance));
      button.onclick = () => this.act("suggested", label);
      row.append(button);
    }
    return row;
  }

  exif(told) {
    if (!told.exif.length) return undefined;
    const fold = make("details", "");
    const list = make("dl", "");
    for (const [name, value] of told.exif) list.append(make("dt", "", name), make("dd", "", value));
    fold.append(make("summary", "", `EXIF (${told.exif.length})`), list);
    return fold;
  }
}
