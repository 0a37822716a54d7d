// Predictions, each with its picture, its words and three bar charts, to accept, correct or skip. A decision shows at
// once and is sent with all others that the server has not confirmed yet, so that quick clicks lose none.
export default function (component) {
  const { parentElement, data, setTriggerValue } = component;
  const root = parentElement.querySelector(".root");
  root.unsure ??= new Map(); // decisions on their way: id to label, "" (passed over) or null (taken back)
  root.drawn ??= new Map(); // id to what its card was drawn from
  root.send = () => setTriggerValue("decide", Object.fromEntries(root.unsure));
  for (const item of data.items) if (root.unsure.get(item.id) === item.decided) root.unsure.delete(item.id);
  const ids = new Set(data.items.map((item) => item.id));
  for (const id of root.unsure.keys()) if (!ids.has(id)) root.unsure.delete(id);
  const items = new Map(data.items.map((item) => [item.id, item]));

  const sequence = data.items.map((item) => item.id).join() + JSON.stringify(data.labels);
  if (root.dataset.sequence === sequence) data.items.forEach((item) => redraw(item.id));
  else all();

  function all() {
    root.dataset.sequence = sequence;
    root.drawn.clear();
    const known = make("datalist", "");
    known.id = "known-labels";
    known.append(...data.labels.map((label) => Object.assign(make("option", ""), { value: label })));
    const list = make("ul", "predictions");
    list.setAttribute("role", "list");
    list.setAttribute("aria-label", data.title);
    data.items.forEach((item) => list.append(card(item)));
    root.replaceChildren(known, list);
  }

  function redraw(id) {
    const item = items.get(id), before = root.querySelector(`li[data-id="${id}"]`);
    if (!item || !before || root.drawn.get(id) === state(item)) return;
    const typed = before.querySelector("input"), active = root.getRootNode().activeElement;
    const at = before.contains(active) ? active.dataset.at : "";
    const after = card(item);
    const field = after.querySelector("input");
    if (typed && field && active === typed) field.value = typed.value;
    before.replaceWith(after);
    if (at) (after.querySelector(`[data-at="${at}"]`) || after.querySelector("button"))?.focus({ preventScroll: true });
  }

  function state(item) {
    return JSON.stringify([item, root.unsure.has(item.id) ? root.unsure.get(item.id) : "?"]);
  }

  function decided(item) {
    return root.unsure.has(item.id) ? root.unsure.get(item.id) : item.decided;
  }

  function card(item) {
    root.drawn.set(item.id, state(item));
    const label = decided(item), open = label === null || label === undefined;
    const entry = make("li", "prediction" + (open ? "" : " decided"));
    entry.dataset.id = item.id;
    const sides = make("div", "sides");
    sides.append(...item.sides.map(prediction));
    entry.append(picture(item), words(item), sides, open ? choices(item) : decision(item, label));
    entry.addEventListener("keydown", (event) => pressed(event, item, open));
    return entry;
  }

  function picture(item) {
    const frame = make("div", "picture");
    const image = make("img", "");
    image.alt = item.name;
    image.loading = "lazy";
    image.decoding = "async";
    image.onerror = () => frame.replaceChildren(make("span", "gone", "picture not there"));
    image.src = item.src;
    frame.append(image);
    return frame;
  }

  function words(item) {
    const part = make("div", "words");
    const text = make("p", "text" + (item.text ? "" : " none"), item.text || "no text");
    if (item.text) text.title = item.text;
    part.append(text, make("p", "name", item.name));
    if (item.now && decided(item) !== item.now) part.append(make("p", "now", "labelled " + item.now + " now"));
    return part;
  }

  function choices(item) {
    const part = make("div", "choices");
    const accept = button("accept", "Accept " + item.predicted, () => choose(item, item.predicted));
    accept.title = item.confidence + " confidence";
    accept.setAttribute("aria-label", `Accept ${item.predicted}, ${item.confidence} confidence, for ${item.name}`);
    const form = make("form", "correct");
    const field = make("input", "");
    field.type = "text";
    field.maxLength = data.longest;
    field.placeholder = "Another label";
    field.dataset.at = "field";
    field.setAttribute("list", "known-labels");
    field.setAttribute("aria-label", "Another label for " + item.name);
    field.autocomplete = "off";
    const correct = make("button", "", "Correct");
    correct.type = "submit";
    correct.dataset.at = "correct";
    correct.setAttribute("aria-label", "Correct the label of " + item.name);
    form.append(field, correct);
    form.onsubmit = (event) => {
      event.preventDefault();
      const label = field.value.trim();
      if (label) choose(item, label);
      else field.focus();
    };
    const skip = button("skip", "Skip", () => choose(item, ""));
    skip.setAttribute("aria-label", "Skip " + item.name);
    const first = make("div", "first");
    first.append(accept, skip);
    part.append(first);
    if (item.others.length) part.append(others(item));
    part.append(form);
    return part;
  }

  // Its other likely labels, one click each.
  function others(item) {
    const part = make("div", "others");
    item.others.forEach((label, place) => {
      const made = button("other-" + place, label, () => choose(item, label));
      made.title = label;
      made.setAttribute("aria-label", `Call ${item.name} ${label} instead`);
      part.append(made);
    });
    return part;
  }

  function decision(item, label) {
    const part = make("div", "choices");
    const text = label === "" ? "Skipped" : label;
    const line = make("p", "chosen" + (label === "" ? " skipped" : ""), text);
    const how = label === "" ? "" : item.written ? "in the collection" : label === item.predicted ? "accepted" : "corrected";
    if (how) line.append(make("span", "how", how));
    const back = button("back", "Take back", () => choose(item, null));
    back.setAttribute("aria-label", "Take back the decision about " + item.name);
    part.append(line, back);
    return part;
  }

  function button(at, text, act) {
    const made = make("button", at, text);
    made.type = "button";
    made.dataset.at = at;
    made.onclick = act;
    return made;
  }

  function choose(item, label) {
    root.unsure.set(item.id, label);
    redraw(item.id);
    if (label !== null) onwards(item.id);
    else root.querySelector(`li[data-id="${item.id}"] button`)?.focus({ preventScroll: true });
    root.send();
  }

  // After a decision the next thing that is open gets the focus; none is left: it stays.
  function onwards(id) {
    const cards = [...root.querySelectorAll("li.prediction")];
    const at = cards.findIndex((card) => card.dataset.id === String(id));
    const next = cards.slice(at + 1).find((card) => !card.classList.contains("decided"));
    (next || cards[at]).querySelector("button")?.focus({ preventScroll: true });
    next?.scrollIntoView({ block: "center" });
  }

  function pressed(event, item, open) {
    if (event.target.tagName === "INPUT" || event.ctrlKey || event.metaKey || event.altKey) return;
    const acts = {
      a: () => open && choose(item, item.predicted),
      s: () => open && choose(item, ""),
      z: () => !open && choose(item, null),
      c: () => open && event.currentTarget.querySelector("input").focus(),
      ArrowDown: () => move(item.id, 1),
      ArrowUp: () => move(item.id, -1),
    };
    const act = acts[event.key.length === 1 ? event.key.toLowerCase() : event.key];
    if (!act) return;
    event.preventDefault();
    act();
  }

  function move(id, step) {
    const cards = [...root.querySelectorAll("li.prediction")];
    const at = cards.findIndex((card) => card.dataset.id === String(id));
    cards[at + step]?.querySelector("button")?.focus();
  }
}
