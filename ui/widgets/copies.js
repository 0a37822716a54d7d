// Groups of copies, a row of pictures each. Every text comes in by textContent: a file name is never read as HTML.
export default function (component) {
  const { parentElement, data, setTriggerValue } = component;
  const root = parentElement.querySelector(".root");
  const drawn = JSON.stringify(data);
  root.send = setTriggerValue;
  if (root.dataset.drawn === drawn) return;
  root.dataset.drawn = drawn;
  root.replaceChildren(...data.groups.map(group));

  function group(found) {
    const section = make("section", "group");
    section.setAttribute("aria-label", found.title);
    section.append(make("div", "head", found.title));
    const row = make("ul", "row");
    row.append(...found.items.map(picture));
    if (found.more) row.append(make("li", "more", found.more));
    section.append(row);
    return section;
  }

  function picture(item) {
    const entry = make("li", "item" + (item.keep ? " keep" : ""));
    entry.dataset.id = item.id;
    const button = make("button", "picture");
    button.type = "button";
    button.title = item.name;
    button.setAttribute("aria-label", "Search for " + item.name);
    button.onclick = () => root.send("pick", item.id);
    button.append(image(item, button));
    entry.append(button, make("div", "name", item.name), make("div", "facts", item.facts));
    if (item.away) entry.append(make("div", "facts", item.away));
    entry.append(item.keep ? make("div", "kept", "✓ Keep") : chooser(item));
    return entry;
  }

  function image(item, frame) {
    const shown = make("img", "");
    shown.alt = item.name;
    shown.loading = "lazy";
    shown.decoding = "async";
    shown.draggable = false;
    shown.onerror = () => frame.replaceChildren(make("span", "gone", "picture not there"));
    shown.src = item.src;
    return shown;
  }

  function chooser(item) {
    const button = make("button", "choose", "Keep this one");
    button.type = "button";
    button.setAttribute("aria-label", "Keep " + item.name + " instead");
    button.onclick = () => root.send("keep", item.id);
    return button;
  }
}

function make(tag, names, text) {
  const element = document.createElement(tag);
  if (names) element.className = names;
  if (text !== undefined) element.textContent = text;
  return element;
}
