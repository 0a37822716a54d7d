// A row of filters. Every text comes in by textContent: a label or a folder is never read as HTML.
export default function (component) {
  const { parentElement, data, setTriggerValue } = component;
  const root = parentElement.querySelector(".root");
  root.bar ??= new FilterBar(root);
  root.bar.tell = (act) => setTriggerValue("act", act);
  root.bar.update(data);
}

const MOST_SHOWN = 300; // values of a choice

class FilterBar {
  constructor(root) {
    this.row = make("div", "row");
    this.row.setAttribute("role", "group");
    this.row.setAttribute("aria-label", "Filters");
    root.append(this.row);
    this.open = false;
    this.narrow = matchMedia("(max-width: 640px)"); // as on a telephone: filters wait behind one button
    this.narrow.onchange = () => this.data && this.draw();
  }

  update(data) {
    const news = JSON.stringify(data);
    if (news === this.news) return;
    this.news = news;
    this.data = data;
    this.draw();
  }

  draw() {
    const held = this.row.getRootNode().activeElement?.dataset?.field;
    const narrow = this.narrow.matches, few = narrow && !this.open;
    const shown = this.data.filters.filter((one) => this.open || one.chosen.length || (!one.rare && !few));
    const parts = shown.map((one) => this.filter(one));
    if (narrow) parts.unshift(this.more());
    else if (this.data.filters.some((one) => one.rare)) parts.push(this.more());
    if (this.data.offer && !few) parts.push(this.offer());
    if (this.data.include !== null && (!few || this.data.include)) parts.push(this.include());
    if (this.data.filters.some((one) => one.chosen.length)) parts.push(this.clear());
    this.row.classList.toggle("scrolls", narrow && this.open);
    this.row.replaceChildren(...parts);
    if (held) this.row.querySelector(`[data-field="${CSS.escape(held)}"]`)?.focus();
  }

  filter(one) {
    const draw = { choice: this.choice, least: this.choice, dates: this.dates, contains: this.contains };
    const element = draw[one.kind].call(this, one);
    element.classList.toggle("set", one.chosen.length > 0);
    return element;
  }

  say(one, conditions) {
    this.tell({ what: "filter", field: one.field, conditions });
  }

  choice(one) {
    const [sign, all] = one.kind === "least" ? [">=", `${one.title}: any`] : ["=", `${one.title}: all`];
    const select = make("select", "pill");
    select.dataset.field = one.field;
    select.setAttribute("aria-label", one.title);
    const chosen = one.chosen.length === 1 && one.chosen[0][0] === sign ? one.chosen[0][1] : undefined;
    const option = (value, text, picked) => {
      const entry = make("option", "", text);
      entry.value = value;
      entry.selected = picked;
      select.append(entry);
    };
    option("", all, !one.chosen.length);
    for (const [value, text] of one.values.slice(0, MOST_SHOWN)) option(JSON.stringify([[sign, value]]), text, value === chosen);
    if (one.chosen.length && !select.selectedOptions[0]?.value)
      option(JSON.stringify(one.chosen), one.chosen.map(([sign, value]) => (sign === "=" ? value || "none" : `${sign} ${value}`)).join(", "), true);
    select.onchange = () => this.say(one, select.value ? JSON.parse(select.value) : []);
    return select;
  }

  dates(one) {
    const fold = make("details", "pill fold");
    const asked = (sign) => one.chosen.find(([known]) => known === sign)?.[1] || "";
    const [from, to] = [asked(">="), asked("<=")];
    const other = one.chosen.map(([sign, value]) => `${sign} ${value}`).join(", ");
    const title = make("summary", "", from && to ? `${from} – ${to}` : from ? `since ${from}` : to ? `until ${to}` : other || `${one.title}: any`);
    title.dataset.field = one.field;
    const box = make("div", "box");
    const fields = [["From", from], ["To", to]].map(([text, value]) => {
      const label = make("label", "", text);
      const field = make("input", "");
      Object.assign(field, { type: "date", value: value.length === 10 ? value : "" });
      label.append(field);
      box.append(label);
      return field;
    });
    const years = make("select", "");
    years.setAttribute("aria-label", "Year");
    for (const [value, text] of [["", "Year"], ...one.values]) {
      const option = make("option", "", text);
      option.value = value;
      years.append(option);
    }
    years.onchange = () => years.value && this.say(one, [[">=", years.value + "-01-01"], ["<=", years.value + "-12-31"]]);
    const apply = make("button", "", "Apply");
    apply.type = "button";
    apply.onclick = () => this.say(one, [[">=", fields[0].value], ["<=", fields[1].value]].filter(([, value]) => value));
    box.append(years, apply);
    fold.append(title, box);
    fold.onkeydown = (event) => event.key === "Escape" && fold.open && ((fold.open = false), title.focus());
    fold.addEventListener("focusout", (event) => event.relatedTarget && !fold.contains(event.relatedTarget) && (fold.open = false));
    return fold;
  }

  contains(one) {
    const field = make("input", "pill");
    field.dataset.field = one.field;
    field.placeholder = one.title;
    field.setAttribute("aria-label", one.title);
    field.value = one.chosen.map(([, value]) => value).join(" ");
    const send = () => {
      const text = field.value.trim();
      if (text !== one.chosen.map(([, value]) => value).join(" ")) this.say(one, text ? [["~", text]] : []);
    };
    field.onchange = send;
    return field;
  }

  more() {
    const button = make("button", "quiet", this.open ? "Fewer filters" : this.narrow.matches ? "Filters" : "More filters");
    button.type = "button";
    button.setAttribute("aria-expanded", String(this.open));
    button.dataset.field = " more";
    button.onclick = () => {
      this.open = !this.open;
      this.draw();
    };
    return button;
  }

  include() {
    const label = make("label", "check");
    const box = make("input", "");
    Object.assign(box, { type: "checkbox", checked: this.data.include });
    box.dataset.field = " include";
    box.onchange = () => this.tell({ what: "include", value: box.checked });
    label.append(box, make("span", "", "Include the query picture"));
    return label;
  }

  offer() {
    const button = make("button", "quiet", this.data.offer);
    button.type = "button";
    button.onclick = () => {
      button.disabled = true;
      this.tell({ what: "offer" });
    };
    return button;
  }

  clear() {
    const button = make("button", "quiet", "Clear filters");
    button.type = "button";
    button.onclick = () => this.tell({ what: "clear" });
    return button;
  }
}
