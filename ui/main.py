"""The frame of every page: navigation, the recipe in the sidebar, the running job, and errors as sentences."""

from __future__ import annotations

import logging
import sys
from pathlib import Path

import streamlit as st
from streamlit.navigation.page import StreamlitPage

from engine.core.errors import BenzerError
from engine.core.recipe import Recipe
from ui.pages.classify import page as classify
from ui.pages.collections import page as collections
from ui.pages.compare import page as compare
from ui.pages.duplicates import page as duplicates
from ui.pages.groups import page as groups
from ui.pages.hashing import page as hashing
from ui.pages.search import page as search
from ui.pages.train import page as train
from ui.session.address import last_used, read_address
from ui.session.opened import collection_cards, recent_jobs
from ui.shared.charts import CHART_STYLE
from ui.shared.job_progress import job_chip
from ui.shared.messages import errors_shown, forget_complaint, show_error
from ui.shared.titles import collection_title
from ui.sidebar.recipe_picker import recipe_picker
from ui.widgets.frame import frame

ASSETS = Path(__file__).parent / "assets"

_log = logging.getLogger("benzer")


def main() -> None:
    """Draw the page that the address names."""
    st.set_page_config(
        page_title="Benzer", page_icon=str(ASSETS / "icon.png"), layout="wide", menu_items={"About": _ABOUT}
    )
    st.logo(str(ASSETS / "logo.png"), size="large", icon_image=str(ASSETS / "icon.png"))
    pages = {name: _page(name) for name in (*_PICTURES, *_LAB)}
    page = st.navigation({"": [pages[name] for name in _PICTURES], "Lab": [pages[name] for name in _LAB]})
    wanted = st.session_state.pop("go_to", None)
    if wanted in pages:
        st.switch_page(pages[wanted])
    st.html(f"<style>{_STYLE}{CHART_STYLE}</style>")
    with errors_shown():
        _sidebar(seeing=page.title in _SEEING, drawn=_DRAWN.get(page.title, ""))
    recipe: Recipe | None = st.session_state.recipe
    parts = [page.title, collection_title(recipe.collection) if recipe else "", "Benzer"]
    st.set_page_config(page_title=" · ".join(filter(None, parts)))
    with errors_shown():
        _import_torch_whole()
        page.run()
        forget_complaint()


# By the address of each page: its title, its icon and what draws it.
_PAGES = {
    "search": ("Search", "image_search", search.page),
    "collections": ("Collections", "photo_library", collections.page),
    "groups": ("Groups", "workspaces", groups.page),
    "duplicates": ("Duplicates", "file_copy", duplicates.page),
    "train": ("Train", "model_training", train.page),
    "compare": ("Compare", "leaderboard", compare.page),
    "classify": ("Classify", "category", classify.page),
    "hashing": ("Search benchmarks", "speed", hashing.page),
}
_PICTURES = ("search", "collections", "groups", "duplicates")
_LAB = ("train", "compare", "classify", "hashing")
_DRAWN = {"Train": "train"}  # pages that draw the jobs of a kind in full
_SEEING = {"Search", "Groups", "Search benchmarks"}  # pages that use the encoder of the sidebar
_STYLE = """
.stMainBlockContainer { padding-inline: clamp(1rem, 3.5vw, 3.5rem); max-width: 1500px; }
/* Dialogs and open lists stand beside .stApp, not in it. */
html [data-testid="stCaptionContainer"], html [data-testid="stCaptionContainer"] * {
  opacity: 1; color: light-dark(#5a6168, #adb1b4);
}
.stSidebar hr { margin-block: 0.5rem; }
.st-key-frame { position: absolute; height: 0; overflow: hidden; }
/* The collection first, then the menu, and work in progress at the foot, where it moves nothing. */
[data-testid="stSidebarContent"] { display: flex; flex-direction: column; position: relative; min-height: 100%; }
[data-testid="stSidebarUserContent"] { order: 1; padding-top: 0; padding-bottom: 0.75rem; }
[data-testid="stSidebarNav"] { order: 2; }
[data-testid="stSidebarNavSeparator"] { display: none; }
[data-testid="stSidebarContent"]:has(.st-key-job-chip) { padding-bottom: 11rem; }
.stLayoutWrapper:has(> .st-key-job-chip), .st-key-job-chip { background: inherit; }
.st-key-job-chip { position: absolute; bottom: 1rem; inset-inline: 1.5rem; width: auto; }
.stSidebar .st-key-seeing button { justify-content: flex-start; text-align: start; }
[data-testid="stPopoverBody"]:has(.st-key-seeing-panel) { width: min(46rem, 94vw); max-width: 94vw; }
/* A moving line along the top in place of Streamlit's running man. */
[data-testid="stStatusWidget"]:has([data-testid="stStatusWidgetRunningIcon"]) {
  position: fixed; inset: 0 0 auto 0; height: 3px; min-width: 0; padding: 0; overflow: hidden; pointer-events: none;
}
[data-testid="stStatusWidget"]:has([data-testid="stStatusWidgetRunningIcon"]) > * { opacity: 0; }
[data-testid="stStatusWidget"]:has([data-testid="stStatusWidgetRunningIcon"])::after {
  content: ""; position: absolute; inset: 0; background: light-dark(#17685f, #69cbbd);
  transform: scaleX(0.3); transform-origin: left; animation: benzer-working 1.1s ease-in-out infinite alternate;
}
@keyframes benzer-working { to { transform: translateX(70%) scaleX(0.3); } }
@media (prefers-reduced-motion: reduce) { [data-testid="stStatusWidget"]::after { animation: none; } }
/* A panel whose button opened a dialog would cover it. */
body:has([data-testid="stDialog"]) [data-testid="stPopoverBody"] { display: none; }
/* The types of files that can be dropped are many. */
[data-testid="stFileUploaderDropzone"] :is(span, small) { white-space: normal; overflow-wrap: anywhere; }
/* Choices beside fields are as high as those. */
.st-key-duplicates-controls [data-variant="segmented_control"] { min-height: 2.5rem; }
/* Columns that stand below each other are no farther apart than what stands in them. */
@media (max-width: 640px) {
  html .stButtonGroup [data-variant="segmented_control"] { padding-inline: 0.6rem; }
  html .stHorizontalBlock { row-gap: 1rem; }
  html .stTable :is(th, td) { padding-inline: 0.3rem; font-size: 0.8rem; }
  .stMainBlockContainer h1 { font-size: 1.5rem; padding: 0 0 0.25rem; }
  .st-key-classification-lead { flex-wrap: wrap; }
  .st-key-classification-lead > :first-child { flex: 1 1 100%; }
}
.stApp .stButtonGroup :is([role="toolbar"], [role="radiogroup"]) {
  flex-wrap: wrap; overflow: visible; mask-image: none;
}
/* On narrow windows fields go below each other before what stands in them is cut. */
@media (max-width: 1100px) {
  .stMain .stMarkdownEllipsis, .stMain .stMarkdownEllipsis p { white-space: normal; }
  .stMain .stHorizontalBlock:has(> .stColumn :is(.stMultiSelect, .stNumberInput)) { flex-wrap: wrap; }
  .stMain .stHorizontalBlock:has(> .stColumn .stMultiSelect) > .stColumn { min-width: min(100%, 22rem); }
  .stMain .stHorizontalBlock > .stColumn:has(> div > div > .stNumberInput) { min-width: 10rem; }
  .stMain [class*="st-key-near-"] > :last-child { min-width: min(100%, 20rem); }
  .st-key-study-fields > div > .stHorizontalBlock { flex-wrap: wrap; }
  .st-key-study-fields > div > .stHorizontalBlock > .stColumn { min-width: 100%; }
}
html [data-testid^="stBaseButton-primary"]:not(:disabled),
html .stMultiSelect [data-tag] :is(span, button) { color: light-dark(#ffffff, #0d1f1c); }
"""

_ABOUT = "**Benzer** finds similar pictures. Everything stays on this computer."


def _page(name: str) -> StreamlitPage:
    title, icon, draw = _PAGES[name]
    first = name == "search"
    return st.Page(draw, title=title, icon=f":material/{icon}:", default=first, url_path=None if first else name)


def _sidebar(*, seeing: bool, drawn: str) -> None:
    """The recipe, and the running job unless it is of the kind that the page draws itself."""
    st.session_state.recipe = None
    read_address()
    with st.sidebar:
        cards = collection_cards()
        if cards:
            st.session_state.recipe = recipe_picker(cards, seeing=seeing)
        elif missing := st.session_state.pop("collection", None):
            st.session_state.complaint = f"The collection “{missing}” is not available: there are no collections yet."
        job_chip([job for job in recent_jobs() if job.kind != drawn])
        recipe = st.session_state.recipe
        frame(last_used(recipe) if recipe is not None else "")


def _import_torch_whole() -> None:
    """Wait while another thread imports PyTorch: SciPy, called meanwhile, stumbles over the half-made module."""
    if "torch" in sys.modules:
        import torch  # noqa: F401


def unforeseen(error: Exception) -> bool:
    """Show an unexpected error as a sentence; the traceback goes to the server's log."""
    if isinstance(error, BenzerError):
        show_error(error)
        return True
    _log.error("A page failed.", exc_info=error)
    st.error("Something unexpected happened. Reload the page; if it happens again, see the server log.")
    return True
