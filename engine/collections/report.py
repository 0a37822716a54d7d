"""What an import did, for people: counts, and each file that could not be used with its reason."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any

from engine.core.humanize import count_of
from engine.core.tables import csv_text


@dataclass(frozen=True)
class Reject:
    """A file that could not be used: its path in the source, the stage it failed in, a short code and a sentence."""

    path: str
    stage: str
    code: str
    message: str


@dataclass
class ImportReport:
    """What one import or rescan did. Every file that was offered is counted in exactly one of the numbers.

    Attributes:
        collection: the name of the collection.
        added: new usable images. changed: files with new content, label or text. unchanged: files known already.
        copies: files with the same content as an image that is there. rejects: files that could not be used.
        removed: files that are no longer there (not part of `inputs`).
        moved: known content under another name, which keeps id, label and vectors.
        notes: sentences on how the source was read.
        duplicates: the name of each exact copy, and of the image that it is a copy of.
    """

    collection: str
    added: int = 0
    copies: int = 0
    changed: int = 0
    unchanged: int = 0
    removed: int = 0
    moved: int = 0
    rejects: list[Reject] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    duplicates: list[list[str]] = field(default_factory=list)

    @property
    def inputs(self) -> int:
        """How many files were offered."""
        return self.added + self.copies + self.changed + self.moved + self.unchanged + len(self.rejects)

    @property
    def sentence(self) -> str:
        """The counts in one line: 982 added · 11 exact duplicates skipped · 7 could not be read."""
        parts = [f"{self.added:,} added"]
        parts += [f"{self.changed:,} changed"] if self.changed else []
        parts += [f"{self.moved:,} moved"] if self.moved else []
        parts += [f"{self.removed:,} removed"] if self.removed else []
        parts += [f"{self.unchanged:,} unchanged"] if self.unchanged else []
        parts += [f"{count_of(self.copies, 'exact duplicate')} skipped"] if self.copies else []
        parts += [f"{len(self.rejects):,} could not be read"] if self.rejects else []
        return " · ".join(parts)

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return asdict(self) | {"inputs": self.inputs, "sentence": self.sentence}

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> ImportReport:
        """The report of `to_dict`."""
        known = {name: values[name] for name in cls.__dataclass_fields__ if name in values}
        return cls(**{**known, "rejects": [Reject(**reject) for reject in known.get("rejects", [])]})

    def to_csv(self) -> str:
        """The rejects as a table (path, stage, code, message) in which no cell is a formula to a spreadsheet."""
        return rejects_csv(self.rejects)


def rejects_csv(rejects: list[Reject]) -> str:
    """Rejects as CSV with a header line; no cell is a formula to a spreadsheet."""
    return csv_text(
        ["path", "stage", "code", "message"],
        [[reject.path, reject.stage, reject.code, reject.message] for reject in rejects],
    )
