"""What lies where in the installed package, and how the modules of a checkout are renamed for it.

A checkout has three top-level packages, `engine`, `models` and `ui`. Installed, they are sub-packages of `benzer`, as
names like `models` belong to the user's own programs. Only names are changed: every import is absolute, and the tests
find what the rules here overlook.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from pathlib import Path

PACKAGE = "benzer"
PACKAGES = ("engine", "models", "ui")
SHIPPED = ("engine", "models", "ui", "weights/default", ".streamlit", "app.py")
OWN_FILES = "distribution/benzer"  # what only the installed package has
_LEFT_OUT = {"__pycache__"}
_NAMES = "|".join(PACKAGES)
_RULES = (
    (rf"^(\s*(?:from|import) )({_NAMES})(?=[.\s])", rf"\1{PACKAGE}.\2"),
    (rf"(?<=[\"`])({_NAMES})(?=\.\w)", rf"{PACKAGE}.\1"),  # a module named in a text
    (rf"\bpython -m ({_NAMES})(?=\.\w)", rf"python -m {PACKAGE}.\1"),
    (r"\bpython -m engine\b", PACKAGE),  # the command, as sentences name it
    (r'"python", "-m", "engine"', f'"{PACKAGE}"'),
    (r'"-m", "engine"', f'"-m", "{PACKAGE}"'),
)


def renamed(code: str) -> str:
    """The text of a module of a checkout as it is in the installed package.

    >>> renamed("from engine.core import home  # see: python -m engine list")
    'from benzer.engine.core import home  # see: benzer list'
    """
    for pattern, replacement in _RULES:
        code = re.sub(pattern, replacement, code, flags=re.MULTILINE)
    return code


def write_package(root: Path, folder: Path) -> None:
    """Write the package to a new folder, from the checkout or unpacked source distribution at `root`."""
    for source, place in _files(root):
        target = folder / place
        target.parent.mkdir(parents=True, exist_ok=True)
        if source.suffix == ".py":
            target.write_text(renamed(source.read_text(encoding="utf-8")), encoding="utf-8")
        else:
            shutil.copyfile(source, target)


def _files(root: Path) -> Iterator[tuple[Path, Path]]:
    for shipped in (*SHIPPED, OWN_FILES):
        place = root / shipped
        for file in sorted(place.rglob("*")) if place.is_dir() else [place]:
            if file.is_file() and not _LEFT_OUT & set(file.parts):
                yield file, file.relative_to(place if shipped == OWN_FILES else root)
