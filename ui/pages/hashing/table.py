"""The columns of a study's results."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from engine.comparisons.hashing.measuring import StudyRow
from engine.comparisons.hashing.plan import EXACT
from engine.comparisons.hashing.study import Folded, highest_recall
from engine.core.humanize import percent
from ui.pages.hashing.state import names_of
from ui.widgets.results_table import Column, Line, in_percent

MAP_HELP = (
    "Mean average precision as in the thesis: the precision at each correct result, averaged over the right ones that "
    "were returned. Where candidates are ranked by their true distance, nothing wrong comes before a right one: it is "
    "then the share of queries with any right result, and says nothing of how many were found. The .77 to .84 of the "
    "thesis at every code length cannot come from that procedure: with long codes most queries find nothing."
)
STRICT_HELP = (
    "Mean average precision divided by all R that could be found: what a method misses counts as wrong. Left out where "
    "it equals the recall in every row, as it does if candidates are ranked by their true distance."
)
RECALL_HELP = (
    "The share of the R exact nearest neighbours that were found, with its 95 % interval over the queries; below it "
    "that of the ten nearest. Marked only if the same queries decide that it is the highest (paired permutation test, "
    "corrected for all pairs)."
)
EMPTY_HELP = "The share of queries that get no result at all, since no vector shares their buckets."
CANDIDATES_HELP = (
    "Candidates scanned: vectors compared with a query by their true distance (re-ranked), on average; below it their "
    "share of all. A cost that does not depend on the machine."
)
TIME_HELP = (
    "Milliseconds of a single query: median, and below it the 99th percentile. Each method takes turns with exact "
    "search, and its times are scaled to the minutes in which that was timed alone; those of benchmarks of former "
    "versions are as they were measured."
)


def columns_of(folded: Sequence[Folded]) -> list[Column]:
    """The columns for rows that may be means over folds; columns without figures are left out."""
    rows = [one.row for one in folded]
    spread = {one.row.key: one.deviations for one in folded}
    r = rows[0].neighbours if rows else 100

    def below(name: str, shown: str, other: str = "") -> Any:
        """The deviation over folds below a figure, if there are folds; else the other text."""

        def more(row: StudyRow) -> Mapping[str, Any]:
            deviation = spread.get(row.key, {}).get(name)
            text = f"± {shown.format(deviation)}" if deviation is not None else other and other.format(row=row)
            return {"sub": text} if text else {}

        return more

    below_recall = below("recall", "{:.3f}", "@10 {row.recall_10:.3f}" if r > 10 else "")
    largest = max((row.size for row in rows), default=0)
    most = highest_recall([row for row in rows if row.size == largest])
    found = [
        Column(
            f"recall@{r}", RECALL_HELP, lambda row: row.recall, "{:.3f}",
            marked=lambda row: row.key in most, more=lambda row: _interval(row) | below_recall(row),
        ),
        Column(
            "no result", EMPTY_HELP, lambda row: in_percent(row.empty), "{:.1f} %", judged=False,
        ),
        Column("ms per query", TIME_HELP, lambda row: row.p50, "{:.3g}", True, more=below("p50", "{:.2g}", _P99)),
        Column(f"MAP@{r}", MAP_HELP, lambda row: row.map, "{:.3f}", judged=False, more=below("map", "{:.3f}")),
        Column(
            "strict MAP", STRICT_HELP, lambda row: row.strict_map, "{:.3f}", judged=False,
            more=below("strict_map", "{:.3f}"),
        ),
        Column("candidates scanned", CANDIDATES_HELP, lambda row: row.candidates, "{:,.0f}", True, more=_share),
        Column(
            "ms in batches", "Milliseconds per query in batches of 100.", lambda row: row.batch_ms, "{:.3g}",
            small=True,
        ),
        Column("build s", "Seconds to build the index.", lambda row: row.build_seconds, "{:.2f}", True),
        Column(
            "MB", "Memory of the index without the vectors, which are the same for every method.",
            lambda row: row.megabytes, "{:,.1f}", True,
        ),
    ]  # fmt: skip
    same = all(abs(row.strict_map - row.recall) < _SAME for row in rows)
    left_out = {"strict MAP"} if same else set()
    left_out |= {"no result"} if all(row.empty is None for row in rows) else set()
    return [column for column in found if column.title not in left_out]


def _interval(row: StudyRow) -> dict[str, Any]:
    """The interval of the recall, drawn below it."""
    if row.recall_low is None or row.recall_high is None:
        return {}
    spoken = f"95 % interval {row.recall_low:.3f} to {row.recall_high:.3f}"
    return {"low": row.recall_low, "high": row.recall_high, "said": spoken}


_SAME = 1e-9  # figures that differ by less say the same
_P99 = "p99 {row.p99:.3g}"


def _share(row: StudyRow) -> Mapping[str, Any]:
    return {"sub": percent(row.share, 1)} if row.share is not None else {}


def lines_of(rows: Sequence[StudyRow], said: Mapping[str, str] | None = None) -> list[Line]:
    """The rows as lines of the table, with the method as tooltip; `said` holds remarks that go into a row's note."""
    elsewhere = len({row.workers for row in rows if not row.error}) > 1 or any("Ray" in row.workers for row in rows)

    def note(row: StudyRow) -> str:
        return " ".join(filter(None, [(said or {}).get(row.key), _where(row) if elsewhere else "", row.note]))

    largest = max((row.size for row in rows), default=0)  # fewer vectors alone make a search faster
    return [
        Line(row, name, row.method, note(row), judged=row.size == largest and row.method != EXACT)
        for row, name in zip(rows, names_of(rows), strict=True)
    ]


def _where(row: StudyRow) -> str:
    return "Measured in this process." if row.workers == "this process" else f"Measured on {row.workers}."
