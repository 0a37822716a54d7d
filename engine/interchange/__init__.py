"""Interchange: collections as data sets of other programs, out and in. One file per format, offered everywhere."""

from __future__ import annotations

import sys
from collections.abc import Mapping

from engine.core.discovery import implementations
from engine.core.errors import BadParameter
from engine.interchange.dataset import Dataset, Sample
from engine.interchange.format import Format

__all__ = ["Dataset", "Format", "Sample", "formats", "make_format"]


def formats() -> dict[str, type[Format]]:
    """Every format by name."""
    found = implementations(sys.modules[__name__], Format)
    return dict(sorted(found.items(), key=lambda item: (item[1].rank, item[0])))


def make_format(name: str, columns: Mapping[str, str] | None = None) -> Format:
    """The format of that name; BadParameter for an unknown one, or for columns where their names are fixed."""
    if name not in list(formats()):
        raise BadParameter("format", "a data set", "one of " + ", ".join(formats()), name)
    if not isinstance(columns or {}, Mapping) or not all(isinstance(one, str) for one in (columns or {}).values()):
        raise BadParameter(
            "columns", "a data set", "our field by the program's column, as in {'label': 'class'}", columns
        )
    return formats()[name](columns)
