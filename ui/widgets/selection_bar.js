// What can be done with the selected pictures, at the foot of the window. Every text comes in by textContent.
export default function (component) {
  const { parentElement, data, setTriggerValue } = component;
  const root = parentElement.querySelector(".root");
  root.bar ??= new SelectionBar(root);
  root.bar.tell = (what, value = null) => setTriggerValue("act", { what, ids: root.bar.ids(), value });
  root.bar.listen();
  root.bar.update(data);
  return () => root.bar.rest();
}

const QUESTIONS = {
  trash: (names) => [`Move ${named(names)} to the trash folder? Everything in it can be restored.`, `Move ${files(names.length)} to trash`],
  sidecars: (names) => [
    `Write tags and stars of ${named(names)} to XMP files beside the pictures, for other programs? What else stands in these files stays.`,
    "Write XMP files",
  ],
};

function files(count) {
  return count === 1 ? "1 file" : `${count.toLocaleString("en")} files`;
}

function named(names) {
  const first = names.slice(0, 3).join(", ");
  return names.length > 3 ? `${first} and ${(names.length - 3).toLocaleString("en")} more` : first;
}

class SelectionBar {
  constructor(root) {
    this.root = root;
    this.passed = null; // the number of the last message that went by itself; the bar's own have none
    this.bar = make("div", "bar");
    this.bar.setAttribute("role", "toolbar");
    this.bar.setAttribute("aria-label", "Selected pictures");
    this.news = make("div", "news");
    this.news.setAttribute("role", "status");
    root.append(this.news, this.bar);
    this.heard = () => this.draw();
    this.placed = () => this.place();
    this.pressed = (event) => this.keyed(event);
  }

  listen() {
    addEventListener("keydown", this.pressed);
    SELECTED.addEventListener("change", this.heard);
    addEventListener("resize", this.placed);
  }

  rest() {
    SELECTED.removeEventListener("change", this.heard);
    removeEventListener("resize", this.placed);
    removeEventListener("keydown", this.pressed);
  }

  // Stars by keys from the bar as well, and where nothing has the focus; the pictures have the same keys.
  keyed(event) {
    const at = event.composedPath()[0];
    if (!this.count || event.ctrlKey || event.metaKey || event.altKey || !/^[0-5]$/.test(event.key)) return;
    if (at.matches("input, select, textarea") || !(at === document.body || this.root.contains(at))) return;
    event.preventDefault();
    this.tell("stars", Number(event.key));
  }

  ids() {
    return [...selectionOf(this.data.collection).keys()];
  }

  update(data) {
    const told = JSON.stringify(data);
    if (told === this.told) return;
    if (data.notice?.number !== this.data?.notice?.number) {
      this.asked = undefined;
      if (data.notice?.gone.length) select(data.collection, (selection) => data.notice.gone.forEach((id) => selection.delete(id)));
    }
    this.told = told;
    this.data = data;
    this.drawNews();
    this.draw(true);
  }

  drawNews(notice = this.data.notice) {
    clearTimeout(this.fading);
    this.news.replaceChildren();
    this.place();
    if (!notice || notice.number === this.passed) return;
    this.news.append(make("span", notice.wrong ? "wrong" : "", notice.text));
    if (notice.undo) this.news.append(this.button("Undo", () => this.tell("undo")));
    const own = notice !== this.data.notice; // the page knows nothing of it
    if (!notice.undo && !notice.wrong && !own) this.fading = setTimeout(() => this.pass(notice), 8000);
    this.news.append(iconButton("close", "Dismiss", () => (own ? this.drawNews() : this.tell("dismiss"))));
  }

  // What cannot be taken back any more has been read after a while, and hides pictures.
  pass(notice) {
    if (this.news.matches(":hover, :focus-within")) {
      this.fading = setTimeout(() => this.pass(notice), 2000);
      return;
    }
    this.passed = notice.number;
    this.drawNews();
  }

  draw(anyway) {
    const count = selectionOf(this.data.collection).size;
    if (count === this.count && !anyway) return;
    this.count = count;
    const acts = make("div", "acts"), held = this.bar.querySelector(".acts")?.scrollLeft || 0;
    acts.append(
      make("strong", "", `${count.toLocaleString("en")} selected`),
      this.button("Search with these", () => this.tell("examples")),
      this.button("Tag", () => this.ask("tag", "Tag", "Add", "Remove")),
      this.stars(),
      this.button("Label", () => this.ask("label", "Label", "Give")),
      this.button("Copy files to …", () => this.ask("files", "Folder", "Copy")),
      this.link("ZIP", "zip"),
      this.button("Copy paths", (event) => this.copyPaths(event.currentTarget)),
      this.link("CSV", "csv"),
      this.link("Report", "html"),
      this.button("Write XMP", () => this.ask("sidecars")),
      this.button("Move to trash", () => this.ask("trash")),
      this.button("Clear", () => select(this.data.collection, (selection) => selection.clear())),
    );
    this.bar.replaceChildren(acts);
    acts.scrollLeft = held;
    if (this.asked && count) this.bar.append(this.asked[0] in QUESTIONS ? this.question(this.asked[0]) : this.form(...this.asked));
    this.bar.hidden = !count;
    this.place();
  }

  place() {
    const room = this.root.getBoundingClientRect();
    Object.assign(this.root.style, { "--left": "" });
    for (const part of [this.bar, this.news]) Object.assign(part.style, { left: room.left + "px", width: room.width + "px" });
    this.news.style.bottom = this.bar.hidden ? "0.8rem" : this.bar.offsetHeight + 20 + "px";
  }

  button(text, act) {
    const button = make("button", "", text);
    button.type = "button";
    button.onclick = act;
    return button;
  }

  stars() {
    const group = make("span", "stars");
    group.setAttribute("role", "group");
    group.setAttribute("aria-label", "Stars");
    for (let number = 1; number <= 5; number++) {
      const star = this.button("☆", () => this.tell("stars", number));
      star.setAttribute("aria-label", number === 1 ? "1 star" : `${number} stars`);
      group.append(star);
    }
    return group;
  }

  link(text, kind) {
    const link = make("a", "", text);
    link.href = this.address(kind, []);
    link.onclick = (event) => {
      event.preventDefault();
      if (link.textContent === text) this.take(kind, link);
    };
    return link;
  }

  // Fetched, so that it is seen to be made, and a refusal is read instead of a download that fails in silence.
  async take(kind, link) {
    const text = link.textContent;
    link.textContent = "Preparing …";
    try {
      const answer = await fetch(this.address(kind, this.ids()));
      if (!answer.ok) throw new Error(await answer.text());
      const address = URL.createObjectURL(await answer.blob());
      Object.assign(make("a", ""), { href: address, download: `benzer-${this.data.collection}.${kind}` }).click();
      setTimeout(() => URL.revokeObjectURL(address), 60_000);
    } catch (error) {
      this.drawNews({ text: error.message, wrong: true });
    }
    link.textContent = text;
  }

  address(kind, ids) {
    return `${this.data.selected}.${kind}?ids=${ids.join(",")}`;
  }

  ask(what, label, does, undoes) {
    this.asked = this.asked?.[0] === what ? undefined : [what, label, does, undoes];
    this.draw(true);
    const field = this.bar.querySelector(".form :is(input, .go, button)");
    field?.focus();
    field?.select?.(); // another folder is typed over the one that is proposed
  }

  form(what, label, does, undoes) {
    const form = make("div", "form");
    const field = make("input", "");
    field.setAttribute("aria-label", label);
    field.placeholder = { tag: "Tag, e.g. lake", label: "Label; empty for none", files: "Folder, e.g. " + this.data.folder }[what];
    if (what === "files") field.value = this.data.folder;
    const values = this.data.known[what] || [];
    const known = make("datalist", "");
    known.id = "known-" + what;
    known.append(...values.map((value) => Object.assign(make("option", ""), { value })));
    if (values.length) field.setAttribute("list", known.id);
    const send = () => (what === "label" || field.value.trim()) && this.tell(what, field.value.trim());
    const act = this.button(does, send);
    act.classList.add("go");
    form.append(field, known, act);
    if (undoes) form.append(this.button(undoes, () => field.value.trim() && this.tell("un" + what, field.value.trim())));
    field.addEventListener("keydown", (event) => {
      if (event.key === "Enter") send();
      if (event.key === "Escape") this.ask(what);
    });
    return form;
  }

  // What changes files is asked about first.
  question(what) {
    const names = [...selectionOf(this.data.collection).values()];
    const [asks, does] = QUESTIONS[what](names);
    const refused = what === "trash" ? this.data.trashRefused : "";
    const form = make("div", "form");
    form.setAttribute("role", "group");
    form.setAttribute("aria-label", does);
    form.append(make("span", "asks", refused || asks));
    if (!refused) {
      const act = this.button(does, () => this.tell(what));
      act.classList.add("go");
      form.append(act);
    }
    form.append(this.button(refused ? "Close" : "Cancel", () => this.ask(what)));
    form.addEventListener("keydown", (event) => event.key === "Escape" && this.ask(what));
    return form;
  }

  async copyPaths(button) {
    try {
      const answer = await fetch(this.address("txt", this.ids()));
      if (!answer.ok) throw new Error(await answer.text());
      await navigator.clipboard.writeText(await answer.text());
      button.textContent = "Paths copied";
    } catch {
      button.textContent = "Could not copy";
    }
    setTimeout(() => (button.textContent = "Copy paths"), 2500);
  }
}
