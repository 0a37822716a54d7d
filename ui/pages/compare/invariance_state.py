"""Page state of tables of invariances: their kind, their lines, and the names of encoders."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from engine.comparisons.invariances import report
from engine.comparisons.invariances.invariance import InvarianceRow, pictures_digest
from engine.comparisons.invariances.leads import invariance_leads
from engine.evidence.alterations import ALTERATIONS
from ui.comparisons.state import Kind, Seen
from ui.session.opened import collection_cards, images_of, workbench
from ui.shared.plain_text import plain_text
from ui.shared.titles import collection_title, embedding_title, encoder_titles
from ui.widgets.results_table import Named


def _parts_of(view: Seen) -> tuple[list[str], list[str]]:
    asked = max((row.queries for row in view.measured), default=view.plan.queries)
    return [collection_title(view.plan.collection)], [f"{asked:,} pictures altered"]


def _outdated(view: Seen) -> str:
    """Why the figures are outdated, else ""."""
    if not any(card.name == view.plan.collection for card in collection_cards()):
        return ""
    now = pictures_digest(images_of(view.plan.collection))
    others = any(not row.made_of.startswith(now) for row in view.measured)
    return "The pictures have changed since this was measured." if others else ""


INVARIANCES = Kind(
    key="invariance",
    noun="table of invariances",
    nouns="tables of invariances",
    cell="curve",
    root=lambda: workbench().home.invariances,
    about=lambda plan: plan.collection,
    every=lambda: workbench().invariance_tables(),
    one=lambda name: workbench().invariance_table(name),
    parts=_parts_of,
    kept="The vectors are kept.",
    outdated=_outdated,
    exports=report.EXPORTS,
)


@dataclass(frozen=True)
class EncoderLine:
    """A line of the table: the measured rows of one encoder by alteration; `error` if there is none."""

    key: str
    rows: dict[str, InvarianceRow]
    error: str


def lines_of(rows: Sequence[InvarianceRow]) -> list[EncoderLine]:
    """A line for every encoder, in the plan's order."""
    found = []
    for encoder in dict.fromkeys(row.encoder for row in rows):
        own = [row for row in rows if row.encoder == encoder]
        measured = {row.alteration: row for row in own if not row.error}
        error = "" if measured else own[0].error
        found.append(EncoderLine(encoder, measured, error))
    return found


def named(encoder: str) -> Named:
    """An encoder's title and pooling."""
    key, _, pooling = encoder.partition("/")
    return Named(encoder_titles().get(key, key), embedding_title(pooling))


def verdicts(view: Seen, count: int) -> list[str]:
    """Which encoder keeps finding the pictures best, a line of Markdown for each alteration with several encoders."""
    names = {row.key: named(row.encoder).name for row in view.measured}
    leads = invariance_leads(view.measured, count)
    found = [(ALTERATIONS[way].title, lead.sentence(names)) for way, lead in leads.items()]
    return [f"- **{title}**: {plain_text(sentence)}" for title, sentence in found if sentence]


def best_sentence(view: Seen) -> str:
    """How many alterations have a best encoder, as Markdown; "" with one encoder or none."""
    leads = invariance_leads(view.measured)
    compared = [lead for lead in leads.values() if lead.against]
    if not compared:
        return ""
    decided = sum(lead.decided for lead in compared)
    return f"a best encoder is decided for {decided} of {len(compared)} alterations"
