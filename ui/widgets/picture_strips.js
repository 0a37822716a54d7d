// Strips of pictures. Every text comes in by textContent: a name is never read as HTML.
export default function (component) {
  const { parentElement, data } = component;
  const root = parentElement.querySelector(".root");
  const news = JSON.stringify(data);
  if (news === root.news) return;
  root.news = news;
  root.replaceChildren(...data.strips.map(strip));
}

function strip(one) {
  const section = make("section", "");
  const head = make("h4", "", one.title);
  if (one.note) head.append(make("span", "note", one.note));
  const row = make("ul", "");
  row.tabIndex = 0; // so that it can be scrolled by keys
  row.setAttribute("aria-label", one.title);
  row.append(...one.pictures.map(picture));
  section.append(head, row);
  return section;
}

function picture(one) {
  const item = make("li", "");
  const image = make("img", "");
  Object.assign(image, { src: one.src, alt: one.name, title: one.name, draggable: false });
  image.onerror = () => image.replaceWith(make("span", "gone", "picture not there"));
  item.append(image);
  if (one.caption) item.append(make("div", "caption", one.caption));
  return item;
}

function make(tag, names, text) {
  const element = document.createElement(tag);
  if (names) element.className = names;
  if (text !== undefined) element.textContent = text;
  return element;
}
