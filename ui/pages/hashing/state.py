"""Page state of studies: names of rows, and turning a row into a search."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from engine.comparisons.hashing import report
from engine.comparisons.hashing.measuring import StudyRow
from engine.comparisons.hashing.plan import StudyCell, StudyPlan, title_of
from engine.comparisons.hashing.study import HashingStudy
from engine.core.recipe import Recipe
from ui.comparisons.state import Kind, Seen
from ui.session.opened import workbench
from ui.session.recipe import use_recipe
from ui.shared.titles import collection_title, embedding_title, encoder_titles, metric_title
from ui.widgets.results_table import Named


def _parts_of(view: Seen) -> tuple[list[str], list[str]]:
    plan = view.plan
    asked = max((row.queries for row in view.measured), default=plan.queries)
    judged = f"{plan.neighbours:,} nearest of {asked:,} {'query' if asked == 1 else 'queries'}"
    return [source_title(plan.source), metric_title(plan.metric)], [judged]


STUDIES = Kind(
    key="study",
    noun="benchmark",
    nouns="benchmarks",
    cell="configuration",
    root=lambda: workbench().home.studies,
    about=lambda plan: plan.source.split("/")[0] if plan.file is None else "",
    every=lambda: workbench().studies(),
    one=lambda name: workbench().study(name),
    parts=_parts_of,
    kept="The vectors are kept.",
    outdated=lambda view: "",
    exports=report.EXPORTS,
)


def findings(view: Seen) -> HashingStudy:
    """The study as read for the page, so that summaries of its rows need no disk access."""
    cells = {cell.key: cell for cell in view.plan.cells()}
    pairs = [(cells[row.key], row) for row in view.measured]

    class Read(HashingStudy):
        def measured(self) -> list[tuple[StudyCell, StudyRow]]:
            return pairs

    return Read(view.comparison.folder)


def source_title(text: str) -> str:
    """The display name of a plan's vectors."""
    if text.startswith("file:"):
        return Path(text.removeprefix("file:")).name
    collection, encoder, embedding = text.split("/")
    return f"{collection_title(collection)}, {encoder_titles().get(encoder, encoder)}, {embedding_title(embedding)}"


def recipe_of(plan: StudyPlan, row: StudyRow) -> Recipe | None:
    """The recipe of a measured row; None if its vectors come from a file."""
    if plan.file is not None:
        return None
    return Recipe.parse("/".join([plan.source, plan.metric, row.method, "8"]))


def search_with(plan: StudyPlan, row: StudyRow) -> None:
    """Put a row's method, with its vectors, into the sidebar and open the search page."""
    recipe = recipe_of(plan, row)
    if recipe is not None:
        use_recipe(str(recipe))


# ── names of rows ────────────────────────────────────────────────────────────────────────────────────────────────────


def names_of(rows: Sequence[StudyRow]) -> list[Named]:
    """The name of each row: its method and settings, and its size if sizes differ."""
    sizes, folds = {row.size for row in rows if not row.error}, {row.fold for row in rows}
    found = []
    for row in rows:
        name, *settings = row.title.split(" · ")
        more = [f"{row.size:,} vectors"] if len(sizes) > 1 and row.size else []
        more += [f"fold {row.fold + 1}"] if len(folds) > 1 else []
        found.append(Named(name, " · ".join([*(settings or _automatic(row)), *more])))
    return found


def shortened_titles(titles: Sequence[str]) -> tuple[dict[str, str], str]:
    """Titles without the settings that all share, by full title, and these shared settings."""
    parts = [title.split(" · ") for title in titles]
    shared = [part for part in parts[0][1:] if all(part in other for other in parts)] if parts else []
    named = len({part[0] for part in parts}) > 1
    short: dict[str, str] = {}
    for title, part in zip(titles, parts, strict=True):
        own = [one for one in part[1:] if one not in shared]
        short[title] = " · ".join([*(part[:1] if named or not own else []), *own])
    return short, " · ".join(shared)


def _automatic(row: StudyRow) -> list[str]:
    """The automatically chosen settings, for a row whose method names none."""
    wanted = ("parts", "bits", "tables", "probes", "rerank", "clusters", "links", "effort", "lookup")
    if "(" in row.method or not row.chosen:
        return []
    lookup = row.chosen.get("lookup")
    useless = {"buckets": "rerank", "hamming": "probes"}.get(str(lookup))
    options = ",".join(f"{name}={row.chosen[name]}" for name in wanted if name in row.chosen and name != useless)
    return ["automatic", *title_of(f"{row.method}({options})").split(" · ")[1:]] if options else []
