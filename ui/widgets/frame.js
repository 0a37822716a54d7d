// What every page needs besides its content: a menu that screen readers can count, own words where the framework
// speaks for itself, a sidebar that makes room on narrow screens, and a memory of what was used last.
const NARROW = 1100; // pixels below which the sidebar starts folded
const WORDS = new Map([
  ["Connection error", "Benzer has stopped"],
  [
    "Streamlit server is not responding. Are you connected to the internet?",
    "The program behind this page is not running. Start it again; the page then reconnects by itself. Nothing is lost: work in the background goes on.",
  ],
  ["Connecting", "Reconnecting …"],
]);

export default function ({ data }) {
  remember(data.last);
  foldOnce();
  const mend = () => {
    mendMenu();
    ownWords();
    reachTables();
  };
  mend();
  const watch = new MutationObserver(mend);
  watch.observe(document.body, { childList: true, subtree: true });
  const scheme = followScheme();
  addEventListener("resize", reachTables);
  return () => {
    [watch, scheme].forEach((observer) => observer.disconnect());
    removeEventListener("resize", reachTables);
  };
}

// Dialogs and open lists stand beside the app in the page: light-dark() there asks the page, which knows no theme.
function followScheme() {
  const app = document.querySelector(".stApp");
  const follow = () => (document.documentElement.style.colorScheme = getComputedStyle(app).colorScheme);
  follow();
  const watch = new MutationObserver(follow);
  watch.observe(app, { attributes: true, attributeFilter: ["class"] });
  return watch;
}

// A cookie, as the server must know it before it draws the first page of a new tab.
function remember(last) {
  if (last) document.cookie = `benzer_last=${encodeURIComponent(last)}; path=/; max-age=31536000; SameSite=Strict`;
}

function foldOnce() {
  if (window.innerWidth >= NARROW || document.body.dataset.folded) return;
  document.body.dataset.folded = "1";
  const sidebar = document.querySelector('[data-testid="stSidebar"]');
  if (sidebar?.getAttribute("aria-expanded") !== "false")
    document.querySelector('[data-testid="stSidebarCollapseButton"] button')?.click();
}

// Streamlit wraps each section of the menu in a <div> within the list, so that a screen reader loses its items.
function mendMenu() {
  const list = document.querySelector('[data-testid="stSidebarNavItems"]');
  list?.setAttribute("role", "list");
  list?.querySelectorAll(":scope > div").forEach((section) => section.setAttribute("role", "none"));
}

// A table that is wider than its place scrolls: by keys only if it can have the focus.
function reachTables() {
  document.querySelectorAll('[data-testid="stTable"] :has(> table), [data-testid="stTable"]:has(> table)').forEach((place) => {
    if (place.scrollWidth > place.clientWidth) place.tabIndex = 0;
    else place.removeAttribute("tabindex");
  });
}

function ownWords() {
  const places = '[data-testid="stDialog"] h2, [data-testid="stDialog"] div, [data-testid="stConnectionStatus"] label';
  document.querySelectorAll(places).forEach((element) => {
    const text = element.childNodes.length === 1 ? element.firstChild.nodeValue : null;
    if (WORDS.has(text)) element.firstChild.nodeValue = WORDS.get(text);
  });
  document.querySelectorAll('[data-testid="stFileUploaderDropzoneInstructions"] span').forEach((element) => {
    const found = /^(\d+)MB per file(?: • (.*))?$/.exec(element.textContent);
    if (!found) return;
    const types = (found[2] || "").split(", ").filter(Boolean);
    const what = types.includes("JPEG") || types.includes("JPG") ? "any picture format" : types.join(", ");
    [...element.childNodes].forEach((node) => (node.nodeValue = ""));
    element.firstChild.nodeValue = `Up to ${found[1]} MB${what ? " · " + what : ""}`;
  });
}
