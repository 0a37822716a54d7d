// Groups as cards. Every text comes in by textContent: a group's name is never read as HTML.
export default function (component) {
  const { parentElement, data, setTriggerValue } = component;
  const root = parentElement.querySelector(".root");
  const drawn = JSON.stringify(data);
  root.open = (number) => setTriggerValue("open", number);
  if (root.dataset.drawn === drawn) return;
  root.dataset.drawn = drawn;

  const list = make("ul", "cards");
  list.setAttribute("role", "list");
  list.setAttribute("aria-label", data.title);
  list.append(...data.cards.map(card));
  root.replaceChildren(list);

  function card(group) {
    const entry = make("li", "");
    const button = make("button", "card");
    button.type = "button";
    button.dataset.number = group.number;
    button.style.setProperty("--light", group.colour[0]);
    button.style.setProperty("--dark", group.colour[1]);
    button.onclick = () => root.open(group.number);
    const pictures = make("span", "pictures");
    pictures.setAttribute("aria-hidden", "true");
    group.thumbs.forEach((src) => pictures.append(picture(src)));
    const head = make("span", "head");
    head.append(make("span", "dot"), make("span", "title", group.title), make("span", "count", group.count.toLocaleString("en")));
    button.append(head, pictures);
    if (group.note) button.append(make("span", "note", group.note));
    entry.append(button);
    return entry;
  }

  function picture(src) {
    const image = make("img", "");
    image.alt = "";
    image.loading = "lazy";
    image.decoding = "async";
    image.draggable = false;
    image.onerror = () => image.classList.add("gone");
    image.src = src;
    return image;
  }
}

function make(tag, names, text) {
  const element = document.createElement(tag);
  if (names) element.className = names;
  if (text !== undefined) element.textContent = text;
  return element;
}
