// What a classifier says of one thing: by its picture, by its text, by both; and which words it looked at.
export default function (component) {
  const { parentElement, data } = component;
  const root = parentElement.querySelector(".root");
  const drawn = JSON.stringify(data);
  if (root.dataset.drawn === drawn) return;
  root.dataset.drawn = drawn;
  const sides = make("div", "sides");
  sides.append(...data.sides.map(prediction));
  root.replaceChildren(sides);
  if (data.words) root.append(words(data.words));

  function words(told) {
    const part = make("section", "side words");
    part.append(make("h4", "", told.title), make("p", "note", told.note));
    const line = make("ul", "line");
    line.setAttribute("role", "list");
    told.items.forEach((one) => line.append(word(one)));
    part.append(line);
    return part;
  }

  function word(one) {
    const entry = make("li", "word");
    entry.style.setProperty("--weight", Math.round(100 * one.shade) + "%");
    entry.title = one.text + ": " + one.percent;
    entry.append(make("span", "", one.text), make("span", "weight", one.percent));
    return entry;
  }
}
