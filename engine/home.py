"""Where Benzer keeps things: collections, runs and jobs below one folder that the user may choose."""

from __future__ import annotations

import os
import re
import unicodedata
from dataclasses import dataclass
from pathlib import Path

from engine.errors import BadParameter

PROJECT = Path(__file__).resolve().parent.parent


@dataclass(frozen=True)
class Home:
    """The folders of one installation. `$BENZER_HOME` moves them; without it they stand beside the code."""

    root: Path

    @classmethod
    def default(cls) -> Home:
        return cls(Path(os.environ.get("BENZER_HOME") or PROJECT).expanduser().resolve())

    @property
    def datasets(self) -> Path:
        """One folder per collection."""
        return self.root / "datasets"

    @property
    def weights(self) -> Path:
        """One folder per trained run; the weights that ship stand in `shipped_weights`."""
        return self.root / "weights"

    @property
    def shipped_weights(self) -> Path:
        return PROJECT / "weights"

    @property
    def pretrained(self) -> Path:
        """The weights of ready-made networks; no run can be called so, for a run's name has no underscore."""
        return self.root / "weights" / "pretrained_networks"

    @property
    def jobs(self) -> Path:
        """One folder per job, with all that is known of it."""
        return self.root / "jobs"

    @property
    def experiments(self) -> Path:
        """One folder per experiment: its plan and what was measured."""
        return self.root / "experiments"


def slug(title: str) -> str:
    """A folder name for a title: lower-case ASCII letters, digits and dashes, at most 60.

    Raises:
        BadParameter: nothing of the title is left.

    >>> slug("Café  photos, 2024!")
    'cafe-photos-2024'
    """
    plain = unicodedata.normalize("NFKD", title).encode("ascii", "ignore").decode().lower()
    name = re.sub(r"[^a-z0-9]+", "-", plain).strip("-")[:60].strip("-")
    if not name:
        raise BadParameter("name", "a collection", "a text with at least one letter or digit", title)
    return name
