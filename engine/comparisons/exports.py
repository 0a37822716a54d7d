"""The formats in which the results of a comparison are saved, by the page and the command line alike."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from engine.comparisons.comparison import Comparison
from engine.core.storage import json_text


@dataclass(frozen=True)
class Export:
    """A format of files with results; each kind of comparison lists its own as EXPORTS.

    Attributes:
        ending: of the files, "csv"; also the flag of the command line. mime: the media type.
        title: on the button. summary: a sentence on what is in it.
        text: makes the contents from a comparison, bytes for a format that is no text. offered: whether its rows have
            what is exported.
    """

    ending: str
    title: str
    mime: str
    summary: str
    text: Callable[[Any], str] | Callable[[Any], bytes]
    offered: Callable[[Sequence[Any]], bool] = bool

    def data(self, comparison: Any) -> bytes:
        """The contents of a file; spreadsheets recognise UTF-8 in CSV by a mark at the beginning."""
        made = self.text(comparison)
        if isinstance(made, bytes):
            return made
        return made.encode("utf-8-sig" if self.ending.endswith("csv") else "utf-8")

    def printed(self, comparison: Any) -> str:
        """The contents as text, of a format that is text."""
        made = self.text(comparison)
        if isinstance(made, bytes):
            raise TypeError(f"{self.title} is no text.")
        return made


def csv_export(to_csv: Callable[[Any], str], unit: str) -> Export:
    """The export as CSV, with a row for each `unit`."""
    return Export("csv", "CSV", "text/csv", f"One row per {unit}.", to_csv)


def html_export(to_html: Callable[[Any], str]) -> Export:
    """The export as an HTML page."""
    summary = "One page with all tables and charts; needs no network."
    return Export("html", "HTML report", "text/html", summary, to_html)


def facts_of(comparison: Comparison[Any, Any, Any]) -> dict[str, Any]:
    """The plan and all measurements as plain values for JSON."""
    rows = [row.as_dict() for row in comparison.rows()]
    return {"name": comparison.name, "made": comparison.made, "plan": comparison.plan.as_dict(), "rows": rows}


def _to_json(comparison: Comparison[Any, Any, Any]) -> str:
    return json_text(facts_of(comparison), indent=1)


JSON = Export("json", "JSON", "application/json", "The plan and all measurements.", _to_json)
