// Groups of duplicates to go through by keyboard: arrows, K keep, D drop, Z undo, Enter next, Space compare, N no duplicates.
// Every text comes in by textContent: a file name is never read as HTML.
export default function (component) {
  const { parentElement, data, setStateValue, setTriggerValue } = component;
  const root = parentElement.querySelector(".root");
  if (!root.culling) root.culling = new Culling(root);
  root.culling.tell = setStateValue;
  root.culling.act = setTriggerValue;
  root.culling.update(data);
}

const QUIET = 700; // milliseconds without a key before the marks are told
const HELP = "Arrows move · K keep · D drop · Z undo · Enter next group · Space compare · N not duplicates";

class Culling {
  constructor(root) {
    this.root = root;
    this.undoable = [];
    this.compare = new Compare(root, (key) => this.pressed(key));
    this.list = make("div", "list");
    this.said = make("span", "said");
    this.said.setAttribute("role", "status");
    this.reviewed = actButton("secondary", () => this.move("reviewed"));
    this.every = actButton("primary", () => this.ask("all", this.every));
    this.links = actButton("secondary", () => this.ask("link", this.links));
    this.bar = make("div", "bar");
    this.bar.append(this.said, this.links, this.reviewed, this.every);
    this.question = make("div", "bar question");
    this.question.setAttribute("role", "alertdialog");
    this.question.addEventListener("keydown", (event) => event.key === "Escape" && this.answer(""));
    this.question.hidden = true;
    root.append(make("p", "help", HELP), this.list, this.bar, this.question, this.compare.dialog);
    this.list.addEventListener("keydown", (event) => this.keyed(event));
    this.list.addEventListener("focusin", (event) => this.focused(event));
  }

  update(data) {
    const { marks, done, ...rest } = data; // the marks here are newer than those that come back
    const drawn = JSON.stringify(rest);
    if (drawn === this.drawn) return;
    const had = this.list.contains(this.root.getRootNode().activeElement);
    if (!this.data || this.data.version !== data.version) {
      this.marks = new Map(Object.entries(marks).map(([id, keep]) => [Number(id), keep]));
      this.done = new Set(done);
      this.undoable = [];
    }
    [this.data, this.drawn] = [data, drawn];
    this.cards = new Map();
    this.list.replaceChildren(...data.groups.map((group) => this.group(group)));
    const groups = data.groups;
    const at = groups.find((group) => group.name === this.at?.group) || groups[Math.min(this.place || 0, groups.length - 1)];
    if (at) this.select(at, at.items.find((item) => item.id === this.at?.id) || at.items[0], had);
    this.count();
  }

  group(group) {
    const section = make("section", "group");
    section.setAttribute("aria-label", group.title);
    const head = make("div", "head");
    const compare = make("button", "small", "Compare");
    const apart = make("button", "small", "Not duplicates");
    for (const button of [compare, apart]) button.type = "button";
    compare.setAttribute("aria-label", "Compare " + group.title);
    apart.setAttribute("aria-label", "Not duplicates: " + group.title);
    compare.onclick = () => this.open(group);
    apart.onclick = () => this.act("apart", group.name);
    head.append(make("h3", "title", group.title), make("span", "tick", ""), compare, apart);
    const row = make("ul", "row");
    row.append(...group.items.map((item) => this.item(group, item)));
    if (group.more) row.append(make("li", "more", group.more));
    section.append(head, row);
    group.section = section;
    return section;
  }

  item(group, item) {
    const entry = make("li", "item");
    const button = make("button", "picture");
    button.type = "button";
    button.tabIndex = -1;
    button.title = item.path;
    button.onclick = () => {
      this.select(group, item, true);
      this.mark(group, item, !this.kept(item));
    };
    const image = make("img", "");
    image.alt = "";
    image.loading = "lazy";
    image.decoding = "async";
    image.draggable = false;
    image.onerror = () => button.replaceChildren(make("span", "gone", "picture not there"));
    image.src = item.src;
    button.append(image);
    const state = make("div", "state");
    const facts = item.facts.split(" · "); // size, then dates, which are never broken
    const words = [make("div", "name", item.name), line(facts.slice(0, 2)), line(facts.slice(2))];
    if (item.folder) words.push(make("div", "facts folder", item.folder));
    if (item.difference) words.push(make("div", "facts difference", item.difference));
    entry.append(button, state, ...words);
    this.cards.set(item.id, { group, item, entry, button, state });
    this.renew(item);
    return entry;
  }

  kept(item) {
    return item.protected || (this.marks.has(item.id) ? this.marks.get(item.id) : item.keep);
  }

  renew(item) {
    const { group, entry, button, state } = this.cards.get(item.id);
    const keep = this.kept(item);
    entry.classList.toggle("keep", keep);
    entry.classList.toggle("drop", !keep);
    state.textContent = item.protected ? "Protected" : keep ? "✓ Keep" : "✕ Drop";
    const said = [item.name, item.facts, item.difference, item.protected ? "protected" : keep ? "keep" : "drop"];
    button.setAttribute("aria-label", said.filter(Boolean).join(", "));
    const done = this.done.has(group.name);
    group.section?.classList.toggle("done", done);
    if (group.section) group.section.querySelector(".tick").textContent = done ? "✓ reviewed" : "";
  }

  mark(group, item, keep) {
    if (item.protected || (!keep && group.items.every((other) => other === item || !this.kept(other)))) {
      this.say(item.protected ? "This picture is in a protected folder." : "One picture of each group stays.");
      return;
    }
    this.undoable.push({ group, item, before: this.marks.get(item.id), done: this.done.has(group.name) });
    this.marks.set(item.id, keep);
    this.review(group);
    this.changed(group);
  }

  review(group) {
    this.done.add(group.name);
  }

  undo() {
    const last = this.undoable.pop();
    if (!last) return;
    if (last.before === undefined) this.marks.delete(last.item.id);
    else this.marks.set(last.item.id, last.before);
    if (!last.done) this.done.delete(last.group.name);
    const now = this.data.groups.find((group) => group.name === last.group.name);
    if (!now) return;
    this.changed(now);
    this.select(now, now.items.find((item) => item.id === last.item.id) || now.items[0], !this.compare.dialog.open);
  }

  changed(group) {
    group.items.forEach((item) => this.renew(item));
    this.count();
    clearTimeout(this.waiting);
    delete this.root.dataset.told;
    this.waiting = setTimeout(() => this.told(), QUIET);
  }

  told() {
    clearTimeout(this.waiting);
    this.tell("marks", this.chosen());
    this.root.dataset.told = "yes";
  }

  chosen() {
    return { version: this.data.version, keep: Object.fromEntries(this.marks), done: [...this.done] };
  }

  move(what) {
    clearTimeout(this.waiting);
    this.place = this.data.groups.findIndex((group) => group.name === this.at?.group);
    this.act("act", { what, ...this.chosen() });
  }

  // What touches files that nobody has looked at is asked for, in place of the bar.
  ask(what, button) {
    const all = this.all();
    const open = this.data.groups.filter((group) => !this.done.has(group.name)).length + this.data.elsewhere.open;
    const unseen = open ? ` ${open.toLocaleString("en")} ${open === 1 ? "group has" : "groups have"} not been reviewed.` : "";
    const words = {
      all: [`Move ${pictures(all.files)} to the trash?${unseen} They can be restored.`, "Move to trash"],
      link: ["Let identical files share one file on the disk? Each keeps its name and folder, and a program that changes one of them in place changes all. It can be undone.", "Replace"],
    }[what];
    const said = make("span", "said", words[0]);
    const yes = actButton("primary", () => this.answer(what));
    const no = actButton("secondary", () => this.answer(""));
    label(yes, words[1], false);
    label(no, "Cancel", false);
    this.question.setAttribute("aria-label", words[0]);
    this.question.replaceChildren(said, no, yes);
    [this.bar.hidden, this.question.hidden, this.asked] = [true, false, button];
    yes.focus();
  }

  answer(what) {
    if (this.question.hidden) return;
    const here = this.question.contains(this.root.getRootNode().activeElement);
    [this.bar.hidden, this.question.hidden] = [false, true];
    if (here) this.asked.focus();
    if (what) this.move(what);
  }

  totals(groups) {
    const dropped = groups.flatMap((group) => group.items.filter((item) => !this.kept(item)));
    return { files: dropped.length, bytes: dropped.reduce((sum, item) => sum + item.bytes, 0) };
  }

  all() {
    const { groups, elsewhere } = this.data;
    const here = this.totals(groups);
    return { files: here.files + elsewhere.files, bytes: here.bytes + elsewhere.bytes };
  }

  count() {
    const { groups, elsewhere, equal, offered } = this.data;
    const all = this.all();
    const done = this.totals(groups.filter((group) => this.done.has(group.name)));
    done.files += elsewhere.reviewed.files;
    done.bytes += elsewhere.reviewed.bytes;
    const number = [...this.done].length;
    this.say(number ? `${number} reviewed · ${pictures(done.files)} · ${size(done.bytes)}` : "Nothing reviewed yet");
    const every = offered === "identical" ? `${all.files.toLocaleString("en")} identical ${all.files === 1 ? "copy" : "copies"}` : all.files === 1 ? "1 picture" : `all ${pictures(all.files)}`;
    label(this.every, `Move ${every} (${size(all.bytes)}) to trash`, !all.files);
    this.every.hidden = !offered || !all.files;
    label(this.reviewed, `Move ${done.files.toLocaleString("en")} reviewed to trash`, !done.files);
    this.reviewed.hidden = !done.files;
    label(this.links, "Replace identical files by hard links", !equal);
    this.links.hidden = !equal;
    this.answer("");
  }

  say(text) {
    this.said.textContent = text;
  }

  select(group, item, focus) {
    const card = this.cards.get(item.id);
    if (!card) return;
    for (const other of this.cards.values()) other.button.tabIndex = -1;
    card.button.tabIndex = 0;
    this.at = { group: group.name, id: item.id };
    if (focus) card.button.focus();
    this.list.querySelectorAll(".group.current").forEach((one) => one.classList.remove("current"));
    group.section.classList.add("current");
  }

  focused(event) {
    const card = [...this.cards.values()].find((one) => one.button === event.target);
    if (card) this.select(card.group, card.item, false);
  }

  keyed(event) {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const onPicture = event.target.classList.contains("picture");
    if (!onPicture && (event.key === "Enter" || event.key === " ")) return;
    if (this.pressed(event.key)) event.preventDefault();
  }

  // Returns whether the key means something.
  pressed(key) {
    const groups = this.data.groups;
    const place = groups.findIndex((group) => group.name === this.at?.group);
    const group = groups[place];
    if (!group) return false;
    const number = group.items.findIndex((item) => item.id === this.at.id);
    const item = group.items[number];
    const open = this.compare.dialog.open;
    const go = (to, at) => {
      if (!to || !to.items[at]) return;
      this.select(to, to.items[at], !open);
      if (open) this.open(to);
      else to.section.scrollIntoView({ block: "nearest" });
    };
    const keys = {
      arrowright: () => go(group, number + 1),
      arrowleft: () => go(group, number - 1),
      arrowdown: () => go(groups[place + 1], 0),
      arrowup: () => go(groups[place - 1], 0),
      k: () => this.mark(group, item, true),
      d: () => this.mark(group, item, false),
      z: () => this.undo(),
      n: () => this.act("apart", group.name),
      enter: () => {
        this.review(group);
        this.changed(group);
        go(groups[place + 1], 0);
      },
      " ": () => this.open(group),
    };
    const act = keys[key.toLowerCase()];
    if (!act) return false;
    act();
    if (open && ["k", "d", "z"].includes(key.toLowerCase())) this.open(group);
    return true;
  }

  // The picture that is selected beside one that is kept.
  open(group) {
    const items = group.items;
    const here = items.find((item) => item.id === this.at?.id) || items[0];
    const kept = items.find((item) => this.kept(item) && item !== here);
    const other = here === items[0] ? items[1] : here;
    const one = here === items[0] ? items[0] : kept || items[0];
    this.select(group, here, false);
    this.compare.show(group.title, [one, other], [one, other].map((item) => this.kept(item)), () => this.list.querySelector('.picture[tabindex="0"]')?.focus());
  }
}

function pictures(count) {
  return count.toLocaleString("en") + (count === 1 ? " picture" : " pictures");
}

function size(bytes) {
  return bytes < 1e6 ? `${Math.round(bytes / 1e3)} KB` : bytes < 1e9 ? `${(bytes / 1e6).toFixed(1)} MB` : `${(bytes / 1e9).toFixed(2)} GB`;
}

function actButton(kind, act) {
  const button = make("button", "act " + kind);
  button.type = "button";
  button.onclick = act;
  return button;
}

function label(button, text, off) {
  button.textContent = text;
  button.disabled = off;
}

function line(facts) {
  const found = make("div", "facts");
  found.append(...facts.map((fact, place) => make("span", "fact", fact + (place < facts.length - 1 ? " · " : ""))));
  return found;
}

function make(tag, names, text) {
  const element = document.createElement(tag);
  if (names) element.className = names;
  if (text !== undefined) element.textContent = text;
  return element;
}
