"""The frame of every page: navigation, the recipe in the sidebar, the running job, and errors as sentences."""

from __future__ import annotations

import logging
import sys
from pathlib import Path

import streamlit as st

from engine.core.errors import BenzerError
from ui.pages.classify import page as classify
from ui.pages.collections import page as collections
from ui.pages.compare import page as compare
from ui.pages.groups import page as groups
from ui.pages.hashing import page as hashing
from ui.pages.search import page as search
from ui.pages.train import page as train
from ui.session.address import read_address
from ui.session.opened import collection_cards, recent_jobs
from ui.shared.browser import readable_menu
from ui.shared.job_progress import job_chip
from ui.shared.messages import errors_shown, show_error
from ui.sidebar.recipe_picker import recipe_picker

ASSETS = Path(__file__).parent / "assets"

_log = logging.getLogger("benzer")


def main() -> None:
    """Draw the page that the address names."""
    st.set_page_config(page_title="Benzer", page_icon=str(ASSETS / "icon.png"), layout="wide", menu_items=_MENU)
    st.logo(str(ASSETS / "logo.png"), size="large", icon_image=str(ASSETS / "icon.png"))
    pages = {
        "search": st.Page(search.page, title="Search", icon=":material/image_search:", default=True),
        "collections": st.Page(
            collections.page, title="Collections", icon=":material/photo_library:", url_path="collections"
        ),
        "train": st.Page(train.page, title="Train", icon=":material/model_training:", url_path="train"),
        "groups": st.Page(groups.page, title="Groups", icon=":material/workspaces:", url_path="groups"),
        "compare": st.Page(compare.page, title="Compare", icon=":material/leaderboard:", url_path="compare"),
        "classify": st.Page(classify.page, title="Classify", icon=":material/category:", url_path="classify"),
        "hashing": st.Page(hashing.page, title="Search benchmarks", icon=":material/speed:", url_path="hashing"),
    }
    lab = [pages.pop(name) for name in _LAB]
    page = st.navigation({"": list(pages.values()), "Lab": lab})
    pages |= dict(zip(_LAB, lab, strict=True))
    wanted = st.session_state.pop("go_to", None)
    if wanted in pages:
        st.switch_page(pages[wanted])
    st.html(f"<style>{_STYLE}</style>")
    with errors_shown():
        _sidebar()
    with errors_shown():
        _import_torch_whole()
        page.run()


_LAB = ("train", "compare", "classify", "hashing")
_STYLE = """
.stMainBlockContainer { padding-inline: clamp(1rem, 3.5vw, 3.5rem); max-width: 1500px; }
.stApp [data-testid="stCaptionContainer"], .stApp [data-testid="stCaptionContainer"] * {
  opacity: 1; color: light-dark(#5a6168, #adb1b4);
}
.stSidebar hr { margin-block: 0.5rem; }
.stApp .stButtonGroup [role="toolbar"] { flex-wrap: wrap; overflow: visible; mask-image: none; }
@media (max-width: 1100px) {
  .st-key-study-fields > div > .stHorizontalBlock { flex-wrap: wrap; }
  .st-key-study-fields > div > .stHorizontalBlock > .stColumn { min-width: 100%; }
}
.stApp [data-testid^="stBaseButton-primary"]:not(:disabled) { color: light-dark(#ffffff, #0d1f1c); }
"""

_MENU = {"About": "**Benzer** finds similar pictures. Everything stays on this computer."}


def _sidebar() -> None:
    st.session_state.recipe = None
    read_address()
    with st.sidebar:
        cards = collection_cards()
        if cards:
            st.session_state.recipe = recipe_picker(cards)
        job_chip(recent_jobs())
        readable_menu()


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
