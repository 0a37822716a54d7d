// Encoders on shelves. Every text comes in by textContent: a run's name is never read as HTML.
export default function (component) {
  const { parentElement, data, setTriggerValue } = component;
  const root = parentElement.querySelector(".root");
  const drawn = JSON.stringify(data);
  root.choose = (key) => setTriggerValue("choose", key);
  if (root.dataset.drawn === drawn) return;
  const focused = (parentElement.activeElement || parentElement.getRootNode().activeElement)?.dataset?.key;
  root.dataset.drawn = drawn;
  root.replaceChildren(...data.shelves.map(shelf));
  const buttons = [...root.querySelectorAll("button")];
  const current = buttons.find((button) => button.dataset.key === data.chosen) || buttons[0];
  if (current) current.tabIndex = 0;
  if (focused) buttons.find((button) => button.dataset.key === focused)?.focus({ preventScroll: true });
  else current?.scrollIntoView({ block: "nearest" });
  root.onkeydown = (event) => walk(event, buttons);

  function shelf(found, number) {
    const section = make("section", "shelf");
    const title = make("p", "title", found.title);
    title.id = `shelf-${number}`;
    const list = make("ul", "lines");
    list.setAttribute("role", "list");
    list.setAttribute("aria-labelledby", title.id);
    list.append(...found.lines.map(line));
    section.append(title, list);
    return section;
  }

  function line(encoder) {
    const entry = make("li", "");
    const button = make("button", "line");
    button.type = "button";
    button.tabIndex = -1;
    button.dataset.key = encoder.key;
    button.setAttribute("aria-pressed", String(encoder.key === data.chosen));
    button.onclick = () => root.choose(encoder.key);
    const head = make("span", "head");
    head.append(make("span", "name", encoder.title));
    if (encoder.state) head.append(make("span", "state", encoder.state));
    if (encoder.figure) head.append(make("span", "figure", encoder.figure));
    button.append(head, make("span", "sentence", encoder.sentence));
    if (encoder.facts) button.append(make("span", "facts", encoder.facts));
    entry.append(button);
    return entry;
  }
}

// Arrow keys walk over the lines, so that Tab passes the list in one step.
function walk(event, buttons) {
  const at = buttons.indexOf(event.target.closest("button"));
  const to = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: buttons.length - 1 }[event.key];
  if (at < 0 || to === undefined || !buttons[to]) return;
  event.preventDefault();
  buttons[at].tabIndex = -1;
  buttons[to].tabIndex = 0;
  buttons[to].focus();
}

function make(tag, names, text) {
  const element = document.createElement(tag);
  if (names) element.className = names;
  if (text !== undefined) element.textContent = text;
  return element;
}
