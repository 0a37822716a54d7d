// Items with their picture, their words and what was predicted of them; `prediction` and `make` stand in predictions.js.
export default function (component) {
  const { parentElement, data, setTriggerValue } = component;
  const root = parentElement.querySelector(".root");
  const drawn = JSON.stringify(data);
  root.pick = (id) => setTriggerValue("pick", id);
  root.label = (id, label) => setTriggerValue("label", { id, label });
  if (root.dataset.drawn === drawn) return;
  root.dataset.drawn = drawn;

  const list = make("ul", "cards");
  list.setAttribute("role", "list");
  list.setAttribute("aria-label", data.title);
  data.items.forEach((item) => list.append(card(item)));
  const focused = root.getRootNode().activeElement, held = focused?.closest(".card")?.dataset.id;
  root.replaceChildren(list);
  if (held) list.querySelector(`.card[data-id="${held}"] ${focused.matches(".picture") ? ".picture" : ".relabel button"}`)?.focus();

  function card(item) {
    const entry = make("li", "card");
    entry.dataset.id = item.id;
    const head = make("div", "head");
    const button = make("button", "picture");
    button.type = "button";
    button.title = "Find similar ones";
    button.dataset.id = item.id;
    button.setAttribute("aria-label", "Find items similar to " + item.name);
    button.onclick = () => root.pick(item.id);
    button.append(picture(item));
    head.append(button, words(item));
    entry.append(head, ...item.sides.map(prediction));
    if (item.now !== undefined) entry.append(relabelling(item));
    return entry;
  }

  function picture(item) {
    const image = make("img", "");
    image.alt = item.name;
    image.loading = "lazy";
    image.decoding = "async";
    image.onerror = () => image.replaceWith(make("span", "gone", "picture not there"));
    image.src = item.src;
    return image;
  }

  function words(item) {
    const part = make("div", "words");
    const text = make("p", "text" + (item.text ? "" : " none"), item.text || "no text");
    if (item.text) text.title = item.whole;
    part.append(text, pair("true", item.label, "own"));
    part.append(pair("predicted", item.predicted, item.predicted === item.label ? "own" : "wrong"));
    return part;
  }

  // An error may be a wrong label: it is changed here, and back.
  function relabelling(item) {
    const line = make("p", "relabel");
    const changed = item.now !== item.label;
    if (changed) line.append(make("span", "now", item.now ? `✓ now labelled “${item.now}”` : "✓ now without a label"));
    const label = changed ? item.label : item.predicted;
    const button = make("button", "", changed ? `Back to “${label}”` : `Label as “${label}”`);
    button.type = "button";
    button.setAttribute("aria-label", `${button.textContent}: ${item.name}`);
    button.onclick = () => root.label(item.id, label);
    line.append(button);
    return line;
  }

  function pair(name, label, kind) {
    const line = make("p", "pair");
    line.append(make("span", "name", name), make("span", "class " + kind, label));
    return line;
  }
}
