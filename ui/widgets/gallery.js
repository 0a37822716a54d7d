// A grid of thumbnails. Every text comes in by textContent: a file name is never read as HTML.
export default function (component) {
  const { parentElement, data, setTriggerValue } = component;
  const root = parentElement.querySelector(".root");
  const drawn = JSON.stringify(data);
  root.pick = (id) => setTriggerValue("pick", id);
  root.range = (ids) => setTriggerValue("range", ids);
  if (root.dataset.drawn === drawn) return;
  const hadFocus = root.contains(parentElement.activeElement || document.activeElement);
  root.dataset.drawn = drawn;

  const grid = make("ul", "grid " + (data.kind || ""));
  grid.setAttribute("role", "list");
  grid.setAttribute("aria-label", data.title || "Pictures");
  grid.style.setProperty("--columns", data.columns);
  data.items.forEach((item, index) => grid.append(tile(item, index)));
  root.replaceChildren(grid);
  const tiles = [...grid.querySelectorAll("button.tile")];
  if (hadFocus && tiles.length) tiles[0].focus({ preventScroll: true });
  grid.addEventListener("keydown", (event) => walk(event, tiles, grid));

  function tile(item, index) {
    const entry = make("li", "");
    const button = make(data.still ? "div" : "button", "tile" + (item.missed ? " missed" : "") + (item.selected ? " selected" : "") + (data.still ? " still" : ""));
    if (!data.still) {
      button.type = "button";
      button.tabIndex = index === 0 ? 0 : -1;
      button.onclick = (event) => (event.shiftKey && data.ranges ? ranged(item.id) : picked(item.id));
    }
    button.title = item.name;
    button.dataset.id = item.id;
    const frame = make("div", "frame");
    frame.append(picture(item, frame));
    if (item.rank) frame.append(make("span", "rank", String(item.rank)));
    button.append(frame);
    if (item.label !== undefined || item.distance !== undefined) button.append(words(item));
    entry.append(button);
    return entry;
  }

  function picture(item, frame) {
    const image = make("img", "");
    image.alt = item.name;
    image.loading = index_is_early(item) ? "eager" : "lazy";
    image.decoding = "async";
    image.draggable = false;
    image.onload = () => {
      const shape = image.naturalWidth / image.naturalHeight;
      image.classList.toggle("fill", shape > 0.66 && shape < 1.52);
    };
    image.onerror = () => frame.replaceChildren(make("span", "gone", "picture not there"));
    image.src = item.src;
    return image;
  }

  function index_is_early(item) {
    return Boolean(item.rank) && item.rank <= 8;
  }

  function words(item) {
    const line = make("div", "words");
    const kind = item.same === true ? " same" : item.same === false ? " other" : "";
    if (item.label !== undefined) line.append(make("span", "label" + kind, item.label || item.name));
    if (item.distance !== undefined) line.append(make("span", "distance", item.distance));
    return line;
  }

  // Shift takes everything from the tile that was clicked last to this one.
  function ranged(id) {
    const ids = data.items.map((one) => one.id);
    const [from, to] = [ids.indexOf(root.anchor ?? ids[0]), ids.indexOf(id)].sort((a, b) => a - b);
    root.range(ids.slice(Math.max(0, from), to + 1));
  }

  function picked(id) {
    root.anchor = id;
    root.pick(id);
    const page = document.querySelector('[data-testid="stMain"]');
    if (page && data.scroll !== false) page.scrollTo({ top: 0, behavior: "smooth" });
  }
}

// Arrow keys walk over the tiles, so that Tab passes the gallery in one step.
function walk(event, tiles, grid) {
  const at = tiles.indexOf(event.target.closest("button.tile"));
  const columns = getComputedStyle(grid).gridTemplateColumns.split(" ").length;
  const step = { ArrowRight: 1, ArrowLeft: -1, ArrowDown: columns, ArrowUp: -columns, Home: -at, End: tiles.length - 1 - at }[event.key];
  const next = at < 0 || step === undefined ? undefined : tiles[at + step];
  if (!next) return;
  event.preventDefault();
  tiles[at].tabIndex = -1;
  next.tabIndex = 0;
  next.focus();
}

function make(tag, names, text) {
  const element = document.createElement(tag);
  if (names) element.className = names.trim();
  if (text !== undefined) element.textContent = text;
  return element;
}
