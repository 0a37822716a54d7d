"""Page state of experiments: names of rows, and the best recipe."""

from __future__ import annotations

from collections.abc import Sequence

from engine.comparisons.recipes import report
from engine.comparisons.recipes.experiment import ExperimentRow, pictures_digest
from engine.comparisons.recipes.leads import Leads, leads
from engine.comparisons.recipes.queries_export import QUERY_EXPORTS
from ui.comparisons.state import Kind, Seen
from ui.session.opened import collection_cards, images_of, workbench
from ui.shared.plain_text import plain_text
from ui.shared.titles import collection_title, embedding_title, encoder_titles, method_title, metric_title
from ui.widgets.results_table import Named


def _parts_of(view: Seen) -> tuple[list[str], list[str]]:
    queries = [f"at most {view.plan.queries:,} queries"] if view.plan.queries else []
    return [collection_title(view.plan.collection)], queries


def outdated(view: Seen) -> str:
    """Why the figures are outdated (other pictures or labels), else ""."""
    if not any(card.name == view.plan.collection for card in collection_cards()):
        return ""
    now = pictures_digest(images_of(view.plan.collection))
    others = any(row.made_of and not row.made_of.startswith(now) for row in view.measured)
    return "The pictures or their labels have changed since this was measured." if others else ""


EXPERIMENTS = Kind(
    key="experiment",
    noun="comparison",
    nouns="comparisons",
    cell="configuration",
    root=lambda: workbench().home.experiments,
    about=lambda plan: plan.collection,
    every=lambda: workbench().experiments(),
    one=lambda name: workbench().experiment(name),
    parts=_parts_of,
    kept="Encoders trained for it are kept.",
    outdated=outdated,
    exports=(*report.EXPORTS, *QUERY_EXPORTS),
)


# ── names of rows ────────────────────────────────────────────────────────────────────────────────────────────────────


def names_of(rows: Sequence[ExperimentRow]) -> list[Named]:
    """The name of each row: its encoder or training, and the choices in which rows differ."""
    titles, parts = encoder_titles(), [_parts(row) for row in rows]
    differ = [len({part[place] for part in parts}) > 1 for place in range(3)]
    subs = [" · ".join(text for text, shown in zip(part, differ, strict=True) if shown) for part in parts]
    return [Named(titles.get(row.title, row.title), sub) for row, sub in zip(rows, subs, strict=True)]


def _parts(row: ExperimentRow) -> tuple[str, str, str]:
    return embedding_title(row.embedding), metric_title(row.metric), method_title(row.method)


def leads_of(view: Seen) -> Leads:
    """How the most precise configuration leads."""
    return leads(view.comparison, view.rows)


def verdict(view: Seen) -> str:
    """Whether there is a best configuration, as Markdown; "" with fewer than two."""
    led, rows = leads_of(view), {row.key: row for row in view.rows}
    if not led.best:
        return ""
    names = dict(zip(rows, names_of(view.rows), strict=True))
    best = rows[led.best]
    figure = f"precision@{best.k} {best.precision:.3f}"
    return plain_text(led.sentence(lambda key: names[key].whole, figure))


def best_sentence(view: Seen) -> str:
    """The most precise recipe so far and whether it is decidedly the best, as Markdown; "" if nothing was measured."""
    if not view.measured:
        return ""
    row = max(view.measured, key=lambda row: row.precision)
    name = dict(zip((row.key for row in view.rows), names_of(view.rows), strict=True))[row.key]
    word = "best" if leads_of(view).marked(row.key) else "highest"
    return f"{word}: {plain_text(name.whole)}, precision@{row.k} **{row.precision:.3f}**"
