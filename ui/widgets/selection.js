// Which pictures are selected, for every part of the page and as long as the tab is open.
const SELECTED = (globalThis[Symbol.for("benzer.selection")] ??= Object.assign(new EventTarget(), { of: new Map() }));

function selectionOf(collection) {
  if (!SELECTED.of.has(collection)) {
    let kept = [];
    try {
      kept = JSON.parse(sessionStorage.getItem("benzer-selection-" + collection) || "[]");
    } catch {} // what cannot be read selects nothing
    SELECTED.of.set(collection, new Map(kept));
  }
  return SELECTED.of.get(collection);
}

function select(collection, change) {
  const selection = selectionOf(collection);
  change(selection);
  try {
    sessionStorage.setItem("benzer-selection-" + collection, JSON.stringify([...selection]));
  } catch {} // too many for the browser to keep: they stay selected until the page is loaded again
  SELECTED.dispatchEvent(new Event("change"));
}
