// Small line drawings, 24 by 24.
const ICONS = {
  similar: "M10.5 4a6.500 6.500 0 1 1 0 13 6.500 6.500 0 0 1 0-13M15.300 15.300 20 20",
  plus: "M12 5v14M5 12h14",
  minus: "M5 12h14",
  look: "M14 4h6v6M20 4l-7 7M10 20H4v-6M4 20l7-7",
  tick: "M5 12.500 10 17 19 7.500",
  info: "M12 11v6M12 7v.6M12 3a9 9 0 1 1 0 18 9 9 0 0 1 0-18",
  why: "M9 9a3 3 0 1 1 4 2.800c-.7.3-1 .9-1 1.700M12 17v.6M12 3a9 9 0 1 1 0 18 9 9 0 0 1 0-18",
  break: "M4 5h16v14H4zM13 5l-3 5 4 4-3 5",
  close: "M6 6l12 12M18 6 6 18",
  before: "M15 5l-7 7 7 7",
  after: "M9 5l7 7-7 7",
  fit: "M4 9V4h5M20 9V4h-5M4 15v5h5M20 15v5h-5",
  crop: "M7 2v15h15M2 7h15v15",
  picture: "M4 5h16v14H4zM4 16l5-5 4 4 3-3 4 4M15.500 9.500h.01",
  copy: "M9 9h11v11H9zM5 15H4V4h11v1",
};

function icon(name) {
  const space = "http://www.w3.org/2000/svg";
  const drawing = document.createElementNS(space, "svg");
  drawing.setAttribute("viewBox", "0 0 24 24");
  drawing.setAttribute("aria-hidden", "true");
  drawing.classList.add("icon");
  const line = document.createElementNS(space, "path");
  line.setAttribute("d", ICONS[name]);
  drawing.append(line);
  return drawing;
}

function make(tag, names, text) {
  const element = document.createElement(tag);
  if (names) element.className = names.trim();
  if (text !== undefined) element.textContent = text;
  return element;
}

// A button with a drawing alone; what it does is its name and its tooltip.
function iconButton(name, says, act, key = "") {
  const button = make("button", "act " + name);
  button.type = "button";
  button.setAttribute("aria-label", says);
  button.title = key ? `${says} (${key})` : says;
  button.append(icon(name));
  button.onclick = (event) => {
    event.stopPropagation();
    act(button);
  };
  return button;
}
