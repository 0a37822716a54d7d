// A picture of which a part can be chosen: drag over it, or move and resize with the arrow keys.
export default function (component) {
  const { parentElement, data, setTriggerValue } = component;
  const root = parentElement.querySelector(".root");
  root.send = (crop) => setTriggerValue("crop", crop);
  const drawn = JSON.stringify(data);
  if (root.dataset.drawn === drawn) return;
  root.dataset.drawn = drawn;

  let crop = data.crop;
  const stage = make("div", "stage");
  const image = make("img", "");
  image.alt = data.alt;
  image.src = data.src;
  image.draggable = false;
  const box = make("div", "box");
  box.tabIndex = 0;
  box.setAttribute("role", "group");
  box.setAttribute("aria-label", "Crop. Arrow keys move it, with Shift they resize it.");
  stage.append(image, box);
  const row = make("div", "row");
  const start = button(crop ? "Use whole picture" : "Crop", toggle);
  start.setAttribute("aria-pressed", String(Boolean(crop)));
  row.append(start);
  const hint = make("span", "hint", "Drag to select an area.");
  row.append(hint);
  root.replaceChildren(stage, row);
  show();

  function toggle() {
    if (crop) {
      crop = null;
      root.send([0, 0, 1, 1]);
    } else {
      crop = [0.2, 0.2, 0.8, 0.8];
      box.focus();
    }
    show();
    if (crop) box.focus();
  }

  function show() {
    stage.classList.toggle("active", Boolean(crop));
    hint.hidden = !crop;
    start.textContent = crop ? "Use whole picture" : "Crop";
    if (!crop) return;
    const [l, t, r, b] = crop.map((v) => 100 * v);
    Object.assign(box.style, { left: l + "%", top: t + "%", width: r - l + "%", height: b - t + "%" });
  }

  function place(event) {
    const area = image.getBoundingClientRect();
    return [clamp((event.clientX - area.left) / area.width), clamp((event.clientY - area.top) / area.height)];
  }

  stage.addEventListener("pointerdown", (event) => {
    if (!crop || event.button) return;
    event.preventDefault();
    stage.setPointerCapture(event.pointerId);
    const from = place(event);
    const inside = from[0] > crop[0] && from[0] < crop[2] && from[1] > crop[1] && from[1] < crop[3];
    const before = crop.slice();
    const drag = (moving) => {
      const to = place(moving);
      crop = inside ? shifted(before, to[0] - from[0], to[1] - from[1]) : between(from, to);
      show();
    };
    const drop = () => {
      stage.removeEventListener("pointermove", drag);
      if (crop[2] - crop[0] < 0.03 || crop[3] - crop[1] < 0.03) crop = before;
      show();
      finish();
    };
    stage.addEventListener("pointermove", drag);
    stage.addEventListener("pointerup", drop, { once: true });
    stage.addEventListener("pointercancel", drop, { once: true });
  });

  box.addEventListener("keydown", (event) => {
    const step = { ArrowLeft: [-0.02, 0], ArrowRight: [0.02, 0], ArrowUp: [0, -0.02], ArrowDown: [0, 0.02] }[event.key];
    if (event.key === "Enter") finish();
    if (!step || !crop) return;
    event.preventDefault();
    if (event.shiftKey) {
      crop = [crop[0], crop[1], Math.max(crop[0] + 0.04, clamp(crop[2] + step[0])), Math.max(crop[1] + 0.04, clamp(crop[3] + step[1]))].map(clamp);
    } else {
      crop = shifted(crop, step[0], step[1]);
    }
    show();
    clearTimeout(root.later);
    root.later = setTimeout(finish, 600);
  });

  function finish() {
    if (crop) root.send(crop.map((v) => Math.round(v * 10000) / 10000));
  }

  function button(text, action) {
    const element = make("button", "", text);
    element.type = "button";
    element.onclick = action;
    return element;
  }
}

const clamp = (v) => Math.min(1, Math.max(0, v));

function between(a, b) {
  return [Math.min(a[0], b[0]), Math.min(a[1], b[1]), Math.max(a[0], b[0]), Math.max(a[1], b[1])];
}

function shifted(crop, x, y) {
  const dx = Math.min(Math.max(x, -crop[0]), 1 - crop[2]);
  const dy = Math.min(Math.max(y, -crop[1]), 1 - crop[3]);
  return [crop[0] + dx, crop[1] + dy, crop[2] + dx, crop[3] + dy];
}

function make(tag, names, text) {
  const element = document.createElement(tag);
  if (names) element.className = names;
  if (text !== undefined) element.textContent = text;
  return element;
}
