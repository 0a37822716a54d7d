"""Where Benzer stores its data: collections, runs and jobs below one folder that the user may choose."""

from __future__ import annotations

import hashlib
import os
import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import Any

from platformdirs import user_data_path

from engine.core.errors import BadParameter

PROJECT = Path(__file__).resolve().parents[2]  # the checkout, or the installed package with all that it carries
IMPORTED_FROM = Path(__file__).resolve().parents[__name__.count(".")]  # the folder in which Python finds these modules


@dataclass(frozen=True)
class Home:
    """The folders of one installation, below `$BENZER_HOME`; by default beside the code of a checkout, and where the
    system keeps a user's data if the package is installed."""

    root: Path

    def __post_init__(self) -> None:
        if not isinstance(self.root, str | PathLike) or "\0" in str(self.root):
            raise BadParameter("folder", "a home", "a path", self.root)
        object.__setattr__(self, "root", Path(self.root).expanduser())  # a text in a notebook

    @classmethod
    def default(cls) -> Home:
        """The home in `$BENZER_HOME`, else the usual one."""
        usual = PROJECT if _is_checkout(PROJECT) else user_data_path("benzer", appauthor=False)
        return cls(Path(os.environ.get("BENZER_HOME") or usual).expanduser().resolve())

    @property
    def datasets(self) -> Path:
        """One folder per collection."""
        return self.root / "datasets"

    @property
    def weights(self) -> Path:
        """One folder per trained run; weights that ship with the code are in `shipped_weights`."""
        return self.root / "weights"

    @property
    def shipped_weights(self) -> Path:
        """The weights that ship with the code."""
        return PROJECT / "weights"

    @property
    def runs(self) -> tuple[Path, ...]:
        """The folders searched for the weights that a recipe names."""
        return self.weights, self.shipped_weights, self.classifiers

    @property
    def pretrained(self) -> Path:
        """The weights of ready-made networks; no run can have this name, as run names contain no underscore."""
        return self.root / "weights" / "pretrained_networks"

    @property
    def jobs(self) -> Path:
        """One folder per job, with its complete state."""
        return self.root / "jobs"

    @property
    def experiments(self) -> Path:
        """One folder per experiment: its plan and its measurements."""
        return self.root / "experiments"

    @property
    def invariances(self) -> Path:
        """One folder per table of invariances: its plan and its measurements."""
        return self.root / "invariances"

    @property
    def classifications(self) -> Path:
        """One folder per classification: its plan and its measurements."""
        return self.root / "classifications"

    @property
    def classifiers(self) -> Path:
        """One folder per trained classifier, laid out like other runs."""
        return self.root / "classifiers"

    @property
    def searches(self) -> Path:
        """Saved searches, the history, and uploaded query pictures."""
        return self.root / "searches"

    @property
    def studies(self) -> Path:
        """One folder per hashing study: its plan and its measurements."""
        return self.root / "studies"


def _is_checkout(project: Path) -> bool:
    return (project / "pyproject.toml").is_file()


def slug(title: str) -> str:
    """A folder name for a title: lower-case ASCII letters, digits and dashes, at most 60.

    A title in a script without an ASCII form, like Chinese, gets a name from its digest.

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
