"""Folders and files on this computer that a page may read."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

from engine.core.errors import BadParameter, NotFound


def roots() -> list[Path]:
    """The folders from which imports are allowed: the home directory and those of $BENZER_ROOTS."""
    named = [Path(part) for part in os.environ.get("BENZER_ROOTS", "").split(os.pathsep) if part]
    return [root.expanduser().resolve() for root in [Path.home(), *named] if root.expanduser().is_dir()]


def folder_under_roots(text: str) -> Path:
    """The folder typed by the user, absolute or below one of the roots.

    Raises:
        BadParameter: not a valid path. NotFound: there is no such folder, or it is outside the roots.
    """
    return _under_roots(text, "folder", "the import", Path.is_dir)


def pictures_under_roots(text: str) -> Path:
    """The folder, table or archive of pictures typed by the user; NotFound if there is none below the roots."""
    return _under_roots(text, "folder or file", "the import", Path.exists)


def file_under_roots(text: str, thing: str) -> Path:
    """The file typed by the user, absolute or below one of the roots; NotFound if there is no such file."""
    return _under_roots(text, "file", thing, Path.is_file)


def _under_roots(text: str, kind: str, thing: str, fits: Callable[[Path], bool]) -> Path:
    if not text.strip() or "\0" in text:
        raise BadParameter(kind, thing, f"the path of a {kind} on this computer", text)
    inside = False
    for root in roots():
        try:
            path = (root / Path(text.strip()).expanduser()).resolve()
        except (OSError, RuntimeError):
            continue
        inside = inside or path.is_relative_to(root)
        if path.is_relative_to(root) and path.exists() and fits(path):
            return path
    if not inside:  # do not reveal whether it exists
        allow = "Allow its folder with the environment variable BENZER_ROOTS."
        raise NotFound(f"{text.strip()!r} is outside the folders that Benzer may read.", way_out=allow)
    raise NotFound(f"There is no {kind} {text.strip()!r} in the folders that Benzer may read.")
