"""What may be put in the place of a file between the moment it is chosen and that at which it is read."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path


def removed(path: Path) -> Path:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    elif os.path.lexists(path):
        path.unlink()
    return path


SWAPS: dict[str, Callable[[Path, Path], object]] = {
    "a link": lambda path, other: removed(path).symlink_to(other),
    "a pipe": lambda path, other: os.mkfifo(removed(path)),
    "a folder": lambda path, other: removed(path).mkdir(),
    "nothing": lambda path, other: removed(path),
    "a link above": lambda path, other: removed(path.parent).symlink_to(other.parent),
    "renamed above": lambda path, other: path.parent.rename(path.parent.with_name("renamed")),
}
