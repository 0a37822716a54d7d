"""Where Benzer keeps things: collections, runs and jobs below one folder that the user may choose."""

from __future__ import annotations

import hashlib
import os
import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from engine.core.errors import BadParameter

PROJECT = Path(__file__).resolve().parents[2]


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
    def runs(self) -> tuple[Path, ...]:
        """The folders in which the weights that a recipe names are looked for."""
        return self.weights, self.shipped_weights, self.classifiers

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

    @property
    def classifications(self) -> Path:
        """One folder per classification: its plan and what was measured."""
        return self.root / "classifications"

    @property
    def classifiers(self) -> Path:
        """One folder per trained classifier, as those of other runs."""
        return self.root / "classifiers"

    @property
    def studies(self) -> Path:
        """One folder per study: its plan and what was measured."""
        return self.root / "studies"


def slug(title: str) -> str:
    """A folder name for a title: lower-case ASCII letters, digits and dashes, at most 60.

    A title in letters that have no ASCII form, such as Chinese ones, gets a name from its digest.

    Raises:
        BadParameter: the title has no letter and no digit.

    >>> slug("Café  photos, 2024!")
    'cafe-photos-2024'
    """
    plain = unicodedata.normalize("NFKD", title).encode("ascii", "ignore").decode().lower()
    name = re.sub(r"[^a-z0-9]+", "-", plain).strip("-")[:60].strip("-")
    if name:
        return name
    if not any(map(str.isalnum, title)):
        raise BadParameter("name", "a collection", "a text with at least one letter or digit", title)
    digest = hashlib.sha256(unicodedata.normalize("NFKC", title).encode("utf-8", "replace")).hexdigest()
    return f"x{digest[:10]}"


def home_of(arguments: Mapping[str, Any]) -> Home:
    """The home that a job's arguments name."""
    return Home(Path(arguments["home"]))
