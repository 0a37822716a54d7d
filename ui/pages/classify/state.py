"""Page state of classifications: their names, the best model, and the open one."""

from __future__ import annotations

from contextlib import suppress

import streamlit as st

from engine.classification import report
from engine.classification.best import Best, accuracy_interval, best
from engine.classification.corruptions import Corruption
from engine.classification.plan import FUSIONS, ClassificationPlan
from engine.classification.results import Classification, FoldRow
from engine.classification.task import items_digest, labels_of
from engine.core.cache import Cache, catalogue_stamp, file_stamp
from engine.core.errors import BenzerError
from engine.core.humanize import percent
from ui.comparisons.state import Kind, Seen
from ui.session.opened import collection_cards, open_collection, workbench
from ui.session.query import set_query_image
from ui.shared.titles import collection_title, encoder_titles

FUSION_HELP = {
    "picture": "Uses only the picture.",
    "text": "Uses only the text.",
    "early": "Concatenates both vectors and trains one network on them.",
    "intermediate": "Cross-attention: the picture decides which words count.",
    "late": "Trains two models, one per side, and takes a weighted mean of their predictions.",
}
_digests: Cache[str] = Cache(16)


def _parts_of(view: Seen) -> tuple[list[str], list[str]]:
    plan = view.plan
    sides = [encoder_titles().get(plan.picture, plan.picture)] if plan.fusions != ("text",) else []
    sides += [text_title(plan.text)] if plan.needs_text else []
    return [collection_title(plan.collection), " and ".join(sides)], [f"{plan.folds} folds"]


def outdated(view: Seen) -> str:
    """Why the figures are outdated (other pictures, texts or labels), else ""."""
    plan = view.plan
    if not view.measured or not any(card.name == plan.collection for card in collection_cards()):
        return ""
    now = ""
    with suppress(BenzerError):  # its labels cannot even be read any more: measuring again will say why
        now = _digest(plan)
    others = any("-" in row.made_of and not row.made_of.startswith(f"{now}-") for row in view.measured)
    return "The pictures, texts or labels have changed since this was measured." if others else ""


def _digest(plan: ClassificationPlan) -> str:
    collection = open_collection(plan.collection)
    table = collection.source.get("table")
    stamps = [file_stamp(table)] if plan.column and table else []
    key = (collection.folder, catalogue_stamp(collection.folder), plan.column, plan.labels, *stamps)
    return _digests.get(key, lambda: items_digest(collection, labels_of(collection, plan)))


CLASSIFICATIONS = Kind(
    key="classification",
    noun="classification",
    nouns="classifications",
    cell="training",
    root=lambda: workbench().home.classifications,
    about=lambda plan: plan.collection,
    every=lambda: workbench().classifications(),
    one=lambda name: workbench().classification(name),
    parts=_parts_of,
    kept="Classifiers made from it are kept.",
    outdated=outdated,
    exports=report.EXPORTS,
)


# ── what was found ───────────────────────────────────────────────────────────────────────────────────────────────────


def findings(view: Seen) -> Classification:
    """The classification as read for the page, so that summaries need no disk access."""
    plan, found = view.plan, view.rows

    class Read(Classification):
        @property
        def plan(self) -> ClassificationPlan:
            return read_plan

        def rows(self) -> list[FoldRow]:
            return found

    read_plan = plan
    return Read(view.comparison.folder)


def best_of(view: Seen) -> Best | None:
    """The most accurate model, None if nothing was measured."""
    return best(findings(view).table(), view.measured)


def best_sentence(view: Seen) -> str:
    """The most accurate model so far, as Markdown, "best" if that is decided; "" if nothing was measured."""
    found = best_of(view)
    if found is None:
        return ""
    interval = accuracy_interval(found.right, found.asked)
    tie = ", no lead decided" if found.other is not None and not found.clear else ""
    word = "best" if found.clear else "highest"
    return f"{word}: {found.line.title}, **{percent(found.line.accuracy, 1)}** accuracy ({interval}{tie})"


def measured_fusions(view: Seen) -> list[str]:
    """The models with at least one measured fold, in the plan's order."""
    return [fusion for fusion in FUSIONS if any(row.fusion == fusion for row in view.measured)]


def picked_fusion(view: Seen) -> str:
    """The model whose details are shown: the one the user opened, else the best."""
    wanted, there = st.session_state.get("classification_row"), measured_fusions(view)
    if wanted in there:
        return str(wanted)
    found = best_of(view)
    return found.line.fusion if found else ""


# ── titles ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def text_title(name: str) -> str:
    """The title of a text encoder, or its name if it has none."""
    return next((choice.title for choice in workbench().text_choices() if choice.name == name), name)


def condition_title(name: str) -> str:
    """The title of a condition."""
    return Corruption.parse(name).title


def shortened(text: str, most: int) -> str:
    """The text on one line, cut with an ellipsis if it is longer."""
    line = " ".join(text.split())
    return line if len(line) <= most else line[: most - 1].rstrip() + "…"


# ── what the user does with an item ──────────────────────────────────────────────────────────────────────────────────


def search_similar(collection: str, id: int) -> None:
    """Open the search page and search with an item of that collection and the encoder chosen there."""
    state = st.session_state
    set_query_image(id)
    state.linked = True  # the query belongs to the collection that is chosen now
    state.collection, state.label = collection, ""
    state.go_to = "search"
