"""Tables 4 and 5 of the original study, reproduced: its figures next to ours, and which findings hold here."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import streamlit as st

from engine.comparisons.recipes import findings as report
from engine.comparisons.recipes.experiment import ExperimentRow
from engine.comparisons.recipes.plan import REPORT_COLUMNS
from engine.comparisons.recipes.report import correlations, losses_of
from engine.comparisons.recipes.seeds import means_over_seeds, over_seeds
from ui.comparisons.state import Seen
from ui.shared.plain_text import plain_text

_NOTHING = "–"
_ICONS: dict[report.Verdict, str] = {
    "Agrees here": ":material/check_circle:",
    "Not reproduced here": ":material/cancel:",
    "Not decided": ":material/help:",
}


def report_tables_view(view: Seen) -> None:
    """Draw the nine rows in the report's order and the findings."""
    found = report.table(view.rows)
    st.markdown("**Table 4 · lowest validation losses**")
    st.caption("In brackets the figures of the original study, for its own 4,738 animal faces.")
    st.table(losses_table(found), border="horizontal", hide_index=True)
    st.markdown("**Table 5 · retrieval**")
    st.caption(_explained(view))
    st.table(hits_table(found), border="horizontal", hide_index=True)
    _findings(view)
    for note, titles in _notes(means_over_seeds(view.rows)).items():
        st.caption(plain_text(f"{', '.join(titles)}: {note}"))


def _explained(view: Seen) -> str:
    k = view.plan.k
    return (
        f"First precision@{k} over all pictures, the highest of each column in bold; then the correct results out of "
        f"{k} for one picture, with those of the original study in brackets.{_seeds(view)}"
    )


def _seeds(view: Seen) -> str:
    """A clause on the seeds, "" for one seed of each training."""
    most = max((one.seeds for one in over_seeds(view.plan, view.rows)), default=1)
    return f" All are means over up to {most} seeds, whose deviations are under *Over seeds*." if most > 1 else ""


def _notes(rows: Sequence[ExperimentRow]) -> dict[str, list[str]]:
    """The notes of trainings, with their titles."""
    found: dict[str, list[str]] = {}
    for title, note in dict.fromkeys((row.title, row.note) for row in rows if row.note):
        found.setdefault(note, []).append(title)
    return found


def losses_table(rows: Mapping[tuple[str, str, str], ExperimentRow]) -> dict[str, list[str]]:
    """The lowest losses of each training, ours and the report's, column by column."""
    losses = [losses_of(rows, title) for title in report.TITLES]
    mse = [
        f"{_figure(own.get('mse'), 5)} ({theirs:g})" for own, theirs in zip(losses, report.REPORT_LOSSES, strict=True)
    ]
    ssim = [_figure(own.get("ssim"), 4) for own in losses]
    return {"training": [plain_text(title) for title in report.TITLES], "MSE": mse, "1 − SSIM": ssim}


def hits_table(by_cell: Mapping[tuple[str, str, str], ExperimentRow]) -> dict[str, list[str]]:
    """Precision over all pictures and hits for one, ours and the report's, column by column."""
    columns = {"training": [plain_text(title) for title in report.TITLES]}
    for place, column in enumerate(REPORT_COLUMNS):
        rows = [by_cell.get((title, *column)) for title in report.TITLES]
        best = max((row.precision for row in rows if row), default=None)
        cells = [_cell(row, theirs[place], best) for row, theirs in zip(rows, report.REPORT_HITS, strict=True)]
        columns[report.COLUMN_TITLES[column]] = cells
    return columns


def _cell(row: ExperimentRow | None, theirs: int, best: float | None) -> str:
    if row is None:
        return f"{_NOTHING} ({theirs})"
    precision = f"**{row.precision:.3f}**" if row.precision == best else f"{row.precision:.3f}"
    hits = f"{row.single['hits']:.3g}" if row.single else _NOTHING
    return f"{precision} · {hits} ({theirs})"


def _figure(value: float | None, digits: int) -> str:
    return _NOTHING if value is None else f"{value:.{digits}f}"


def _findings(view: Seen) -> None:
    st.markdown("**Findings of the original study**")
    found = report.findings(view.rows, view.plan)
    if not found:
        st.caption("Not decided: at least four of the nine trainings must be measured in all four columns.")
    for finding in found:
        claim, measured = plain_text(finding.claim), plain_text(finding.measured)
        st.markdown(f"{_ICONS[finding.verdict]} {claim} **{finding.verdict}**: {measured}")
    for sentence in correlations(view.rows):
        st.caption(plain_text(sentence))
