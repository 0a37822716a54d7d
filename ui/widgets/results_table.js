// Figures that were measured as a real table: a click on a heading sorts, a click on a row opens it. Every text comes in
// by textContent: a title is never read as HTML.
export default function (component) {
  const { parentElement, data, setTriggerValue } = component;
  const root = parentElement.querySelector(".root");
  const drawn = JSON.stringify(data);
  root.pick = (key) => setTriggerValue("pick", key);
  if (root.dataset.drawn === drawn) return;
  root.dataset.drawn = drawn;
  root.order ??= { column: data.sorted, down: true };
  if (root.order.column >= data.columns.length) root.order = { column: data.sorted, down: true };
  draw();

  function draw() {
    const focus = focused();
    const table = make("table", "");
    table.append(make("caption", "", data.title), head(), body());
    const left = root.scrollLeft;
    root.replaceChildren(table);
    root.scrollLeft = left;
    if (focus) root.querySelector(focus)?.focus({ preventScroll: true });
  }

  function focused() {
    const at = (parentElement.activeElement || root.getRootNode().activeElement)?.closest?.("button[data-at]");
    return at && root.contains(at) ? `button[data-at="${CSS.escape(at.dataset.at)}"]` : "";
  }

  function head() {
    const row = make("tr", "");
    data.columns.forEach((column, number) => {
      const cell = make("th", number ? "" : "first");
      cell.scope = "col";
      if (column.help) cell.title = column.help;
      if (root.order.column === number) cell.setAttribute("aria-sort", root.order.down ? "descending" : "ascending");
      const button = make("button", "", column.title);
      button.type = "button";
      button.dataset.at = "column-" + number;
      button.onclick = () => sort(number);
      cell.append(button);
      row.append(cell);
    });
    const part = make("thead", "");
    part.append(row);
    return part;
  }

  function sort(number) {
    const again = root.order.column === number;
    root.order = { column: number, down: again ? !root.order.down : !data.columns[number].small && number > 0 };
    draw();
  }

  function body() {
    const part = make("tbody", "");
    [...data.rows].sort(compare).forEach((item) => part.append(line(item)));
    return part;
  }

  // What has no value always stands below.
  function compare(one, other) {
    const { column, down } = root.order;
    const [a, b] = [one, other].map((item) => (column ? item.cells?.[column - 1]?.value : item.name + " " + item.sub));
    if (a === b || ((a ?? null) === null && (b ?? null) === null)) return one.place - other.place;
    if ((a ?? null) === null) return 1;
    if ((b ?? null) === null) return -1;
    const order = typeof a === "string" ? a.localeCompare(b, undefined, { numeric: true }) : a - b;
    return (down ? -order : order) || one.place - other.place;
  }

  function line(item) {
    const row = make("tr", item.picked ? "picked" : "");
    row.dataset.key = item.key;
    row.title = item.recipe;
    row.onclick = () => root.pick(item.key);
    row.append(named(item));
    if (item.error) {
      const cell = make("td", "failed");
      cell.colSpan = data.columns.length - 1;
      cell.append(make("span", "error", item.error));
      row.append(cell);
    } else item.cells.forEach((value) => row.append(cell(value)));
    return row;
  }

  function named(item) {
    const cell = make("th", "first");
    cell.scope = "row";
    const button = make("button", "");
    button.type = "button";
    button.dataset.at = "row-" + item.key;
    button.setAttribute("aria-pressed", String(Boolean(item.picked)));
    button.append(make("span", "name", item.name));
    if (item.sub) button.append(make("span", "sub", item.sub));
    cell.append(button);
    if (item.note) cell.append(make("span", "note", item.note));
    return cell;
  }

  function cell(value) {
    const cell = make("td", value.best ? "best" : "");
    const mark = make("span", "mark", value.best ? "★" : "");
    if (value.best) {
      mark.setAttribute("role", "img");
      mark.setAttribute("aria-label", "best");
    }
    const figure = make("span", "figure");
    figure.append(mark, value.text);
    if (value.sub) figure.append(make("span", "below", value.sub));
    if (value.low === undefined) cell.append(figure);
    else {
      const spread = make("span", "spread");
      figure.append(make("span", "interval", value.low.toFixed(3) + " to " + value.high.toFixed(3)));
      spread.append(track(value), figure);
      spread.title = value.said;
      cell.append(spread);
    }
    return cell;
  }

  // The interval on a line from 0 to 1, with the chance level as a dotted mark.
  function track(value) {
    const line = make("span", "track");
    line.setAttribute("aria-hidden", "true");
    const percent = (share) => 100 * Math.min(1, Math.max(0, share)) + "%";
    const parts = ["line", "chance", "span", "dot"].map((name) => make("i", name));
    parts[1].style.left = percent(value.chance);
    parts[2].style.left = percent(value.low);
    parts[2].style.width = percent(value.high - value.low);
    parts[3].style.left = percent(value.value);
    line.append(...parts);
    return line;
  }
}

function make(tag, names, text) {
  const element = document.createElement(tag);
  if (names) element.className = names.trim();
  if (text !== undefined) element.textContent = text;
  return element;
}
