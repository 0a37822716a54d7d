"""Components that run in the browser, assembled from the scripts and styles in this folder."""

from __future__ import annotations

from pathlib import Path

import streamlit as st
from streamlit.components.v2.types import ComponentRenderer

_HERE = Path(__file__).parent


def component(name: str, *files: str | Path, html: str = '<div class="root"></div>') -> ComponentRenderer:
    """A component made of scripts and styles, each kind joined in order, so that the entry point comes last.

    Args:
        files: in this folder, or whole paths.
    """
    parts = [_HERE / file for file in files]
    css, js = (_joined([part for part in parts if part.suffix == suffix]) for suffix in (".css", ".js"))
    return st.components.v2.component(f"benzer_{name}", html=html, css=css or None, js=js)


def _joined(parts: list[Path]) -> str:
    return "\n".join(part.read_text(encoding="utf-8") for part in parts)
