// The bits of a code. Every text comes in by textContent: a name is never read as HTML.
export default function (component) {
  const { parentElement, data, setTriggerValue } = component;
  const root = parentElement.querySelector(".root");
  root.view ??= new HashCode(root);
  root.view.send = (place) => setTriggerValue("flip", place);
  root.view.update(data);
}

const WIDE = 480, HIGH = 110; // of the histogram, in its own units
const SVG = "http://www.w3.org/2000/svg";

class HashCode {
  constructor(root) {
    this.line = make("div", "line");
    this.line.setAttribute("role", "group");
    this.plane = make("div", "plane");
    this.told = make("div", "told");
    this.told.setAttribute("role", "status");
    root.replaceChildren(this.line, this.told, this.plane);
    this.line.addEventListener("keydown", (event) => this.walk(event));
  }

  update(data) {
    const news = JSON.stringify(data);
    if (news === this.news) return;
    const same = this.data?.title === data.title && this.data.bits.length === data.bits.length;
    const focused = this.line.contains(this.line.getRootNode().activeElement);
    this.news = news;
    this.data = data;
    if (!same) this.at = data.bits.findIndex((bit) => bit.order === 1);
    this.line.setAttribute("aria-label", data.title);
    this.line.replaceChildren(...data.bits.map((bit, place) => this.button(bit, place)));
    this.show(this.at);
    if (focused) this.line.children[this.at].focus({ preventScroll: true });
  }

  // A digit, and below it how far the picture lies from the boundary: the shorter the bar, the sooner it flips.
  button(bit, place) {
    const button = make("button", "bit" + (bit.flipped ? " flipped" : "") + (bit.value ^ bit.flipped ? " one" : ""));
    button.type = "button";
    button.setAttribute("aria-pressed", String(bit.flipped));
    button.setAttribute("aria-label", `Bit ${place + 1} is ${bit.value ^ bit.flipped}${bit.flipped ? ", flipped" : ""}; Space flips it`);
    const most = Math.max(...this.data.bits.map((one) => Math.abs(one.margin)), 1e-9);
    const bar = make("span", "bar"), inner = make("span", "inner");
    inner.style.height = `${Math.max(4, (100 * Math.abs(bit.margin)) / most)}%`;
    bar.append(inner);
    button.append(make("span", "digit", String(bit.value ^ bit.flipped)), bar, make("span", "place", String(place + 1)));
    button.onclick = () => this.send(place);
    button.onpointerenter = () => this.show(place);
    button.onfocus = () => this.show(place);
    return button;
  }

  walk(event) {
    const last = this.data.bits.length - 1;
    const to = { ArrowLeft: this.at - 1, ArrowRight: this.at + 1, Home: 0, End: last }[event.key];
    if (to === undefined || to < 0 || to > last) return;
    event.preventDefault();
    this.line.children[to].focus();
  }

  show(place) {
    this.at = place;
    [...this.line.children].forEach((button, at) => {
      button.tabIndex = at === place ? 0 : -1;
      button.classList.toggle("shown", at === place);
    });
    const bit = this.data.bits[place];
    const soon = bit.order === 1 ? "the first" : `number ${bit.order}`;
    this.told.textContent = `Bit ${place + 1} is 1 for ${Math.round(100 * bit.share)} % of the pictures. This one lies ${Math.abs(bit.margin).toPrecision(2)} from the boundary, on the side of the ${bit.value}s: ${soon} to be flipped by multi-probe.`;
    this.plane.replaceChildren(this.end(bit.low, "Farthest on the side of 0"), this.histogram(bit), this.end(bit.high, "Farthest on the side of 1"));
  }

  end(pictures, title) {
    const figure = make("figure", "end");
    const row = make("div", "row");
    for (const picture of pictures) {
      const image = make("img", "");
      Object.assign(image, { src: picture.src, alt: picture.name, title: picture.name, draggable: false });
      image.onerror = () => image.remove();
      row.append(image);
    }
    figure.append(row, make("figcaption", "", pictures.length ? title : "No picture on this side"));
    return figure;
  }

  // How many pictures lie at which distance: 0 on the left in outline, 1 on the right filled; the picture is marked.
  histogram(bit) {
    const svg = shape("svg", { viewBox: `0 0 ${WIDE} ${HIGH + 30}`, role: "img", "aria-label": `How the pictures lie on both sides of the boundary of bit ${this.at + 1}` });
    const most = Math.max(...bit.counts, 1), wide = WIDE / bit.counts.length;
    bit.counts.forEach((count, at) => {
      const high = (count / most) * (HIGH - 16);
      const side = at < bit.counts.length / 2 ? "zero" : "one";
      svg.append(shape("rect", { class: side, x: at * wide + 1, y: HIGH - high, width: wide - 2, height: high }));
    });
    svg.append(shape("line", { class: "boundary", x1: WIDE / 2, x2: WIDE / 2, y1: 0, y2: HIGH }));
    const x = (WIDE / 2) * (1 + Math.max(-1, Math.min(1, bit.margin / bit.reach)));
    svg.append(shape("path", { class: "here", d: `M${x} ${HIGH}l-8 13h16z` }));
    svg.append(text(WIDE / 2 - 8, 12, "0", "end"), text(WIDE / 2 + 8, 12, "1", "start"));
    svg.append(text(Math.max(60, Math.min(WIDE - 60, x)), HIGH + 27, "this picture", "middle"));
    const box = make("div", "histogram");
    box.append(svg);
    return box;
  }
}

function text(x, y, words, anchor) {
  const found = shape("text", { x, y, "text-anchor": anchor });
  found.textContent = words;
  return found;
}

function shape(tag, values) {
  const found = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(values)) found.setAttribute(name, value);
  return found;
}

function make(tag, names, words) {
  const element = document.createElement(tag);
  if (names) element.className = names;
  if (words !== undefined) element.textContent = words;
  return element;
}
