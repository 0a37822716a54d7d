"""Redraws a fragment only when its content has changed: see `pulse.js`."""

from __future__ import annotations

from functools import partial

import streamlit as st

from ui.widgets.component import component

_pulse = component("pulse", "pulse.js", html="<span></span>")


def pulse(*, behind: str, fragment: str, key: str) -> None:
    """Redraw the fragment of that key once for each new value of `behind`; "" while it is up to date.

    For a fragment that asks often and draws little, beside one that draws much: only a callback can have another
    fragment drawn, so the browser is told that it is behind, and calls back.
    """
    _pulse(data={"behind": behind}, key=key, on_behind_change=partial(st.rerun, fragment))
