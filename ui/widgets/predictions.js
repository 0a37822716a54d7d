// What a model says of a thing, as bars, for the components that show predictions. Every text comes in by textContent.
function prediction(said) {
  const part = make("section", "side");
  part.append(make("h4", "", said.title));
  if (said.note) part.append(make("p", "note", said.note));
  const bars = make("ul", "bars");
  bars.setAttribute("role", "list");
  (said.bars || []).forEach((one, place) => bars.append(bar(one, place)));
  if (bars.children.length) part.append(bars);
  return part;
}

function bar(one, place) {
  const line = make("li", "bar" + (place ? "" : " top") + (one.own ? " own" : ""));
  const label = make("span", "label", (one.own ? "✓ " : "") + one.label);
  label.title = one.label;
  const track = make("span", "track");
  track.setAttribute("aria-hidden", "true");
  const fill = make("span", "fill");
  fill.style.width = Math.max(100 * one.share, 0.8) + "%";
  track.append(fill);
  line.append(label, make("span", "share", one.percent), track);
  return line;
}

function make(tag, names, text) {
  const element = document.createElement(tag);
  if (names) element.className = names.trim();
  if (text !== undefined) element.textContent = text;
  return element;
}
