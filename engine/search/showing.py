"""Hits as pictures in a notebook or in the browser: one table of HTML with the thumbnails inside."""

from __future__ import annotations

import base64
import sys
import tempfile
import webbrowser
from collections.abc import Callable, Sequence
from contextlib import suppress
from html import escape
from pathlib import Path
from typing import Protocol

from engine.core.errors import BenzerError

_SIDE = 128  # pixels
_STYLE = f"display:inline-block;margin:4px;vertical-align:top;width:{_SIDE}px;font-size:12px;overflow-wrap:anywhere"


class Shown(Protocol):
    """What a hit needs to be shown."""

    @property
    def rank(self) -> int: ...
    @property
    def id(self) -> int: ...
    @property
    def name(self) -> str: ...
    @property
    def label(self) -> str: ...
    @property
    def distance(self) -> float: ...


class Page(Protocol):
    """What shows itself as HTML."""

    def _repr_html_(self) -> str: ...


def html_of(hits: Sequence[Shown], sentence: str, thumbnail: Callable[[int], bytes] | None) -> str:
    """The hits side by side, the nearest first, above a sentence; without thumbnails by their names alone."""
    return "".join(_figure(hit, thumbnail) for hit in hits) + f"<p>{escape(sentence)}</p>"


def show_page(page: Page) -> None:
    """Display a page below the cell of a running notebook, else write it to a temporary file and open that."""
    notebook = sys.modules.get("IPython")
    if notebook is not None and notebook.get_ipython() is not None:
        notebook.display.display(page)
        return
    with tempfile.NamedTemporaryFile("w", suffix=".html", delete=False, encoding="utf-8") as file:
        file.write(f"<!doctype html><meta charset='utf-8'><title>Benzer</title>{page._repr_html_()}")
    webbrowser.open(Path(file.name).as_uri())


def _figure(hit: Shown, thumbnail: Callable[[int], bytes] | None) -> str:
    picture = ""
    if thumbnail is not None:
        with suppress(BenzerError):  # of a picture that has gone meanwhile the lines are left
            webp = base64.b64encode(thumbnail(hit.id)).decode()
            picture = f'<img src="data:image/webp;base64,{webp}" alt="" style="max-width:100%"><br>'
    text = "<br>".join(escape(line) for line in (f"{hit.rank} · {hit.distance:.4f}", hit.name, hit.label) if line)
    return f'<span style="{_STYLE}">{picture}{text}</span>'
