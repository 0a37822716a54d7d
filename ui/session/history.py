"""Which addresses a session has had, so that one the browser sends late is not taken for a link.

With every click the browser sends the address that it shows, and that is the former one until it has drawn what the
session wrote since: moments on a quick computer, many seconds on a busy one. Only Back and Forward lead to a former
address on purpose, and of those the browser says so.
"""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import urlencode

import streamlit as st
from streamlit.runtime.scriptrunner import get_script_run_ctx

_KEPT = 200  # addresses of each kind; the browser is never so far behind


def note_address(kind: str, address: Mapping[str, str]) -> None:
    """Keep that this session has written or followed an address.

    Args:
        kind: separates addresses that are read independently of each other.
    """
    had: dict[str, None] = st.session_state.setdefault("addresses_had", {}).setdefault(kind, {})
    had.pop(_text(address), None)
    had[_text(address)] = None
    if len(had) > _KEPT:
        del had[next(iter(had))]


def has_had(kind: str, address: Mapping[str, str]) -> bool:
    """Whether this session has written or followed the address before."""
    return _text(address) in st.session_state.get("addresses_had", {}).get(kind, {})


def is_followed(kind: str, address: Mapping[str, str]) -> bool:
    """Whether a person has just opened this address: by a link, or with Back or Forward."""
    return went_through_history() or not has_had(kind, address)


def went_through_history() -> bool:
    """Whether Back or Forward of the browser made the script run."""
    context = get_script_run_ctx()
    return context is not None and context.is_history_navigation


def _text(address: Mapping[str, str]) -> str:
    return urlencode(sorted(address.items()))
