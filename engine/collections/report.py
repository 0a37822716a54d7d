"""The report of an import: counts, and each file that could not be used with its reason."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from pathlib import PurePosixPath
from typing import Any

from engine.core.humanize import count_of
from engine.core.tables import csv_text

_LOST = {"truncated", "malformed", "no-pixels", "crashed", "failed", "empty", "time-out", "no-content"}
_TOO_LARGE = {"too-large", "too-many-pixels", "out-of-memory"}
_OUT_OF_REACH = {"link", "link-outside", "missing", "no-permission", "input-output", "vanished", "outside"}
_OUT_OF_REACH |= {"not-fetched"}
_CAMERA_RAW = {".3fr", ".arw", ".cr2", ".cr3", ".crw", ".dng", ".erf", ".iiq", ".kdc", ".mrw", ".nef", ".nrw", ".orf"}
_CAMERA_RAW |= {".pef", ".raf", ".raw", ".rw2", ".rwl", ".sr2", ".srf", ".srw", ".x3f"}
_VIDEO = {".3gp", ".avi", ".flv", ".m4v", ".mkv", ".mov", ".mp4", ".mpeg", ".mpg", ".mts", ".webm", ".wmv"}
_DRAWINGS = {".ai", ".cdr", ".eps", ".exr", ".hdr", ".jp2", ".jxl", ".pdf", ".psb", ".psd", ".svg", ".xcf"}
_PICTURES = {".avif", ".bmp", ".gif", ".heic", ".heif", ".jpe", ".jpeg", ".jpg", ".png", ".tif", ".tiff", ".webp"}
# What is lost comes before what was never a picture. Each with its plural and what else is said of it.
KINDS = {
    "damaged": ("damaged picture", "damaged pictures", ""),
    "too large": ("picture too large", "pictures too large", ""),
    "out of reach": ("file out of reach", "files out of reach", ""),
    "line": ("line of the table without a picture", "lines of the table without a picture", ""),
    "raw": ("camera RAW", "camera RAWs", " (not supported yet)"),
    "format": ("picture of an unsupported format", "pictures of unsupported formats", ""),
    "video": ("video", "videos", ""),
    "other": ("other file", "other files", ""),
}


@dataclass(frozen=True)
class Reject:
    """A file that could not be used: its path in the source, the stage it failed in, a short code and a sentence."""

    path: str
    stage: str
    code: str
    message: str

    @property
    def kind(self) -> str:
        """One of KINDS: whether a picture was lost, is of a kind that is not read, or the file was never one."""
        suffix = PurePosixPath(self.path.lower()).suffix
        if suffix in _CAMERA_RAW:
            return "raw"
        if suffix in _VIDEO:
            return "video"
        by_code = next((kind for kind, codes in _BY_CODE.items() if self.code in codes), "")
        if by_code and (by_code != "damaged" or suffix in _PICTURES):
            return by_code
        if suffix in _DRAWINGS or self.code == "not-read":
            return "format"
        if suffix in _PICTURES and self.code == "not-a-picture":
            return "damaged"
        return "line" if self.stage == "table" and self.code not in ("table", "not-listed") else "other"


_BY_CODE = {"damaged": _LOST, "too large": _TOO_LARGE, "out of reach": _OUT_OF_REACH}


def kinds_of(rejects: Iterable[Reject]) -> list[str]:
    """The counts by kind, lost pictures first: ["1 damaged picture", "4 other files"]."""
    counts = Counter(reject.kind for reject in rejects)
    found = [(counts[kind], *words) for kind, words in KINDS.items() if counts[kind]]
    return [f"{count:,} {one if count == 1 else many}{remark}" for count, one, many, remark in found]


@dataclass
class ImportReport:
    """The outcome of an import or a rescan. Every file of the source is counted in exactly one of the numbers.

    Attributes:
        collection: the name of the collection.
        added: new usable images. changed: files with new content, label or text. unchanged: files known already.
        copies: files with the same content as a known image. rejects: files that could not be used.
        removed: files that no longer exist (not part of `inputs`).
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
        """The number of files in the source."""
        return self.added + self.copies + self.changed + self.moved + self.unchanged + len(self.rejects)

    @property
    def sentence(self) -> str:
        """The counts in one line: 982 added · 11 exact duplicates skipped · 1 damaged picture · 4 other files."""
        parts = [f"{self.added:,} added"]
        parts += [f"{self.changed:,} changed"] if self.changed else []
        parts += [f"{self.moved:,} moved"] if self.moved else []
        parts += [f"{self.removed:,} removed"] if self.removed else []
        parts += [f"{self.unchanged:,} unchanged"] if self.unchanged else []
        parts += [f"{count_of(self.copies, 'exact duplicate')} skipped"] if self.copies else []
        parts += kinds_of(self.rejects)
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
