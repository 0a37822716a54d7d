"""The distances between pictures as a heat map, in the order of a tree; hovering over a cell shows both pictures."""

from __future__ import annotations

import base64
from collections.abc import Sequence

import numpy as np

from engine.core.errors import BadParameter
from engine.grouping.stored.palette import COLOURS, NOISE, colour_of
from ui.widgets.component import component

_MOST = 500  # rows: more would be less than two pixels each

_matrix = component("distance_matrix", "distance_matrix.css", "distance_matrix.js")


def distance_matrix(
    *,
    key: str,
    matrix: np.ndarray,
    names: Sequence[str],
    groups: Sequence[int],
    title: str = "Distances",
    colours: Sequence[int] | None = None,
    palette: Sequence[tuple[str, str]] = COLOURS,
    sources: Sequence[str] | None = None,
    measure: str = "distance",
    height: int = 620,
) -> None:
    """Draw the matrix (k, k), whose rows are in the order of the tree.

    `names` (k,), `groups` (k,) numbers: lines are drawn where they change; `colours` (k,) index into `palette`
    (light, dark), −1 for grey, by group number if not given; `sources` (k,) picture URLs. `height` in pixels. Raises
    BadParameter if the lengths differ or the matrix is larger than 500.
    """
    matrix, k = np.asarray(matrix), len(names)
    if matrix.shape != (k, k) or k > _MOST:
        raise BadParameter("matrix", "a heat map", f"square, one row a name, {_MOST} at most", str(matrix.shape))
    colours = [colour_of(int(group)) for group in groups] if colours is None else colours
    if any(len(found) != k for found in (groups, colours, sources or names)):
        raise BadParameter("groups, colours and sources", "a heat map", f"{k}, one for each row", "other lengths")
    data = {
        "title": title,
        "count": k,
        "values": base64.b64encode(matrix.astype("<f4").tobytes()).decode(),
        "names": list(names),
        "groups": [int(group) for group in groups],
        "colours": [int(colour) for colour in colours],
        "palette": [list(pair) for pair in palette],
        "noise": NOISE,
        "sources": None if sources is None else list(sources),
        "measure": measure,
        "height": height,
    }
    _matrix(data=data, key=key)
