"""The table of vectors behind a grouping: a preview, and the whole as a download."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from engine.core.errors import BenzerError, NoVectors
from engine.core.humanize import count_of
from engine.core.tables import csv_text
from engine.encoders.vectors.store import stored
from ui.comparisons.live import made_text
from ui.pages.groups.state import Seen, kept, names_of, rows_of, state_key
from ui.session.opened import images_of, open_collection, workbench
from ui.shared.plain_text import plain_text

ROWS = 200
COLUMNS = 20
_MOST_VALUES = 30_000_000  # of a table built in memory for a download
_WHOLE, _SHORT = "Original", "Reduced"

Table = tuple[NDArray[np.int64], NDArray[Any]]


def vectors_tab(view: Seen) -> None:
    """Draw the first rows and columns, and the downloads of the whole table."""
    which = _which(view)
    try:
        with st.spinner("Reading the vectors …"):
            ids, matrix = _table(view, which)
    except BenzerError as error:
        st.info(plain_text(error.message), icon=":material/info:")
        return
    shape = f"{count_of(len(ids), 'picture')} × {count_of(matrix.shape[1], 'value')}"
    shown = [f"first {ROWS} rows"] if len(ids) > ROWS else []
    shown += [f"first {COLUMNS} values"] if matrix.shape[1] > COLUMNS else []
    st.markdown(f"**{shape}**" + (f" · shown: {' and '.join(shown)}" if shown else ""))
    st.dataframe(
        _frame(view, ids[:ROWS], matrix[:ROWS, :COLUMNS]), hide_index=True, key=f"vectors-{view.key}-{which}",
        alt=f"Table of vectors: {shape}", height=420,
    )  # fmt: skip
    _downloads(view, which, ids, matrix)


def _which(view: Seen) -> str:
    if view.grouping.plan.reduction is None:
        return _WHOLE
    st.segmented_control(
        "Vectors", [_WHOLE, _SHORT], default=_WHOLE, key=f"vectors-which-{view.key}", required=True,
        help="The encoder's vectors, or the reduced ones that were clustered.",
    )  # fmt: skip
    return str(st.session_state.get(f"vectors-which-{view.key}") or _WHOLE)


def _table(view: Seen, which: str) -> Table:
    """The ids and the vectors of the grouping's pictures; NoVectors if the encoder's are gone."""
    if which == _SHORT:
        return view.grouping.ids, view.grouping.space
    found: Table = kept(("vectors", state_key(view)), lambda: _embedded(view))
    return found


def _embedded(view: Seen) -> Table:
    recipe = view.grouping.recipe
    vectors = stored(open_collection(view.collection), workbench().encoder(recipe).info, recipe.embedding)
    if vectors is None:
        raise NoVectors("The vectors of this grouping no longer exist.", way_out="Re-cluster to make them.")
    return vectors.ids, vectors.matrix


def _frame(view: Seen, ids: NDArray[np.int64], part: NDArray[Any]) -> dict[str, Any]:
    """Columns: file, label, group, then the values."""
    images, rows = images_of(view.collection), rows_of(view.collection, ids)
    titles = {group.number: group.title for group in view.groups.groups}
    places = np.minimum(np.searchsorted(view.groups.ids, ids), len(view.groups.ids) - 1)
    known = view.groups.ids[places] == ids
    numbers = view.groups.labels[places]
    frame: dict[str, Any] = {"file": names_of(view.collection, ids)}
    frame["label"] = [images.labels[row] if row >= 0 else "" for row in rows.tolist()]
    frame["group"] = [titles[int(n)] if there else "" for n, there in zip(numbers, known, strict=True)]
    return frame | {str(column): np.asarray(part[:, column]) for column in range(part.shape[1])}


# ── downloads ────────────────────────────────────────────────────────────────────────────────────────────────────────


def _downloads(view: Seen, which: str, ids: NDArray[np.int64], matrix: NDArray[Any]) -> None:
    large = matrix.size > _MOST_VALUES
    ways = {
        ".npy": (
            lambda: npy(matrix),
            "application/octet-stream",
            "Numbers only; rows in the same order as in the tables.",
        ),
        "CSV": (lambda: table_csv(_frame(view, ids, matrix)), "text/csv", "With file, label and group."),
        "parquet": (lambda: table_parquet(_frame(view, ids, matrix)), "application/octet-stream", "The same, smaller."),
    }
    with st.container(horizontal=True):
        for name, (make, mime, help) in ways.items():
            off = large and name != ".npy"
            ending = name.lower().lstrip(".")
            st.download_button(
                name, make, f"{view.name}-vectors.{ending}", mime, key=f"vectors-{ending}-{view.key}-{which}",
                icon=":material/download:", on_click="ignore", disabled=off,
                help="Too many values for a table; download the .npy file." if off else help,
            )  # fmt: skip
    st.caption(plain_text(f"Grouped {made_text(view.grouping.made)}."))


def npy(matrix: NDArray[Any]) -> bytes:
    """(n, d) as an .npy file, without objects."""
    out = io.BytesIO()
    np.save(out, np.asarray(matrix, dtype=np.float32), allow_pickle=False)
    return out.getvalue()


def table_csv(frame: dict[str, Any]) -> bytes:
    """Columns as CSV for spreadsheets; formulas are neutralised."""
    columns = [values.tolist() if isinstance(values, np.ndarray) else values for values in frame.values()]
    return csv_text(list(frame), zip(*columns, strict=True)).encode("utf-8-sig")


def table_parquet(frame: dict[str, Any]) -> bytes:
    """Columns as parquet."""
    import pyarrow
    from pyarrow import parquet

    out = io.BytesIO()
    parquet.write_table(pyarrow.table({name: pyarrow.array(values) for name, values in frame.items()}), out)
    return out.getvalue()
