"""Adding the weights of a ready-made network from a file: the file says by its contents which network it is for."""

from __future__ import annotations

import streamlit as st

from ui.session.opened import workbench
from ui.session.recipe import choose_encoder
from ui.shared.messages import errors_shown
from ui.shared.plain_text import plain_text

_MOST = 700  # MB; the largest network has 548


def add_weights() -> None:
    """Draw the uploader; a file that fits a network is stored, and its network chosen."""
    st.caption("A file of torchvision's weights (.pth or .safetensors). It is checked, and code in it is never run.")
    key = f"weights-file-{st.session_state.get('weights_added', 0)}"
    file = st.file_uploader(
        "Weights file", type=["pth", "pt", "safetensors"], key=key, max_upload_size=_MOST, label_visibility="collapsed"
    )
    if file is not None and st.button("Add", key="weights-file-add", icon=":material/add:", type="primary"):
        with errors_shown(), st.spinner("Checking the file …"):
            name = workbench().add_weights(file.name, file.getvalue())
            st.session_state.weights_added = st.session_state.get("weights_added", 0) + 1
            st.session_state.weights_news = name
            st.rerun()
    _news()


def _news() -> None:
    name = st.session_state.pop("weights_news", "")
    if name:
        st.success(f"The weights of {plain_text(name)} were added.", icon=":material/check_circle:")
        st.button("Use them", key="weights-file-use", on_click=choose_encoder, args=(name,))
