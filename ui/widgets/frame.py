"""The part of every page's frame that runs in the browser: see `frame.js`."""

from __future__ import annotations

from ui.widgets.component import component

_frame = component("frame", "frame.js", html="<span></span>")


def frame(last: str) -> None:
    """Adapt Streamlit's menu, texts and sidebar, remember the last address.

    Draw it within the sidebar. `last` is the query string for a new tab, "" to keep what is remembered.
    """
    _frame(data={"last": last}, key="frame")
