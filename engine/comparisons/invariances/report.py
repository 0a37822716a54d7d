"""Exports of a table of invariances: CSV and JSON, and the table as text."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from engine.comparisons.exports import JSON, csv_export, facts_of
from engine.comparisons.invariances.invariance import InvarianceRow, Invariances
from engine.comparisons.invariances.leads import InvarianceLead, invariance_leads
from engine.core.tables import csv_text, text_table
from engine.evidence.alterations import ALTERATIONS

_HEAD = ("encoder", "alteration", "strength", "amount", "queries")
_SHARES = ("found first", "first from", "first to", "found in the 8", "in the 8 from", "in the 8 to", "error")


def to_csv(table: Invariances) -> str:
    """One row per encoder, alteration and strength, with exact intervals; spreadsheet formulas are neutralised."""
    return csv_text([*_HEAD, *_SHARES], (line for row in table.rows() for line in _csv_lines(row)))


def _csv_lines(row: InvarianceRow) -> Iterator[list[object]]:
    way = ALTERATIONS[row.alteration]
    if row.error:
        yield [row.encoder, row.alteration, *[""] * (len(_HEAD) + len(_SHARES) - 3), row.error]
        return
    for first, shown in zip(row.shares(1), row.shares(8), strict=True):
        amount = [first.strength, way.in_words(first.strength), row.queries]
        yield [row.encoder, row.alteration, *amount, first.share, *first.interval, shown.share, *shown.interval, ""]


def as_facts(table: Invariances) -> dict[str, Any]:
    """The plan, all measurements, and the table with its intervals and leads."""
    rows = [row for row in table.rows() if not row.error]
    leads = invariance_leads(rows)
    return facts_of(table) | {"table": [_facts(row, leads[row.alteration]) for row in rows]}


def _facts(row: InvarianceRow, lead: InvarianceLead) -> dict[str, Any]:
    """The figures of a cell, and how it stands against the highest under the same alteration."""
    first, shown = row.invariance(1), row.invariance(8)
    against = lead.against[row.key].opposite if row.key in lead.against else None
    return {
        "encoder": row.encoder,
        "alteration": row.alteration,
        "queries": row.queries,
        "found_first": {"mean": first[0], "interval": first[1], "half": row.half(1)},
        "found_in_8": {"mean": shown[0], "interval": shown[1], "half": row.half(8)},
        "against_the_highest": against and {"difference": against.effect, "p": against.p, "verdict": against.outcome},
    }


def to_text(table: Invariances) -> str:
    """The table for a terminal: what is found first over all strengths, then the verdicts, and what failed."""
    rows = table.rows()
    measured = [row for row in rows if not row.error]
    parts = [
        _table(measured),
        verdicts(measured),
        "\n".join(f"{r.encoder} {r.alteration}: {r.error}" for r in rows if r.error),
    ]
    return "\n\n".join(filter(None, [*parts, f"Table: {table.name}"]))


def _table(rows: Sequence[InvarianceRow]) -> str:
    """Encoders by alterations."""
    ways = list(dict.fromkeys(row.alteration for row in rows))
    found = {(row.encoder, row.alteration): cell_text(row) for row in rows}
    encoders = list(dict.fromkeys(row.encoder for row in rows))
    lines = [[encoder, *(found.get((encoder, way), "") for way in ways)] for encoder in encoders]
    return text_table(["encoder", *ways], lines) if rows else ""


def cell_text(row: InvarianceRow) -> str:
    """The share found first over all strengths, with its interval: "0.81 [0.77, 0.84]"."""
    mean, (low, high) = row.invariance()
    return f"{mean:.2f} [{low:.2f}, {high:.2f}]"


def verdicts(rows: Sequence[InvarianceRow]) -> str:
    """Which encoder is the most invariant to each alteration, where that is decided, a line each."""
    names = {row.key: row.encoder for row in rows}
    found = [(ALTERATIONS[way].title, lead.sentence(names)) for way, lead in invariance_leads(rows).items()]
    return "\n".join(f"{title}: {sentence}" for title, sentence in found if sentence)


EXPORTS = (csv_export(to_csv, "encoder, alteration and strength"), JSON)
