"""The part of every page's frame that runs in the browser: see `frame.js`."""

from __future__ import annotations

from pathlib import Path

import streamlit as st

_frame = st.components.v2.component(
    "benzer_frame", html="<span></span>", js=(Path(__file__).parent / "frame.js").read_text(encoding="utf-8")
)


def frame(last: str) -> None:
    """Mend the menu, the framework's own words and the sidebar, and remember the address of what was used last.

    Draw it within the sidebar. `last` is the query string for a new tab, "" to keep what is remembered.
    """
    _frame(data={"last": last}, key="frame")
