"""Folders and files on this computer that a page may read."""

from __future__ import annotations

import os
import shlex
from collections.abc import Callable
from pathlib import Path
from urllib.parse import unquote

from engine.core.errors import BadParameter, NotFound

PICTURES = "folder or file"


def roots() -> list[Path]:
    """The folders from which imports are allowed: the home directory and those of $BENZER_ROOTS."""
    named = [Path(part) for part in os.environ.get("BENZER_ROOTS", "").split(os.pathsep) if part]
    return [root.expanduser().resolve() for root in [Path.home(), *named] if root.expanduser().is_dir()]


def offered_folder() -> str:
    """Where files are written if nothing else is said: the folder of pictures, or the first root."""
    pictures = roots()[0] / "Pictures"
    return str(pictures if pictures.is_dir() else roots()[0])


def folder_under_roots(text: str) -> Path:
    """The folder typed by the user, absolute or below one of the roots.

    Raises:
        BadParameter: not a valid path. NotFound: there is no such folder, or it is outside the roots.
    """
    return _under_roots(text, "folder", "the import", Path.is_dir)


def pictures_under_roots(text: str) -> Path:
    """The folder, table or archive of pictures typed by the user; NotFound if there is none below the roots."""
    return _under_roots(text, PICTURES, "the import", Path.exists)


def file_under_roots(text: str, thing: str) -> Path:
    """The file typed by the user, absolute or below one of the roots; NotFound if there is no such file."""
    return _under_roots(text, "file", thing, Path.is_file)


def _under_roots(text: str, kind: str, thing: str, fits: Callable[[Path], bool]) -> Path:
    typed = unquoted(text)
    if not typed or "\0" in typed:
        raise BadParameter(kind, thing, f"the path of a {kind} on this computer", text)
    inside = False
    for root in roots():
        try:
            path = (root / Path(typed).expanduser()).resolve()
            inside = inside or path.is_relative_to(root)
            if path.is_relative_to(root) and path.exists() and fits(path):
                return _readable(path, kind, thing)
        except (OSError, RuntimeError):  # a folder above it that may not be entered; a link that leads in a circle
            continue
    if not inside:  # do not reveal whether it exists
        raise NotFound(f"{typed!r} is outside the folders that Benzer may read.", way_out=_allowing(typed, kind))
    raise NotFound(f"There is no {kind} {typed!r} in the folders that Benzer may read.")


def _allowing(typed: str, kind: str) -> str:
    """How a folder outside, such as another disk, is read all the same."""
    allow = "Start Benzer with the environment variable BENZER_ROOTS naming its folder."
    return (
        f"Import it in a terminal: benzer import {shlex.quote(typed)}. Or s{allow[1:]}" if kind == PICTURES else allow
    )


def unquoted(text: str) -> str:
    """A path as it was meant: file managers and terminals copy it in quotation marks or as an address.

    >>> unquoted(' "/home/ada/My pictures" '), unquoted("file:///home/ada/My%20pictures")
    ('/home/ada/My pictures', '/home/ada/My pictures')
    """
    typed = text.strip()
    if len(typed) > 1 and typed[0] == typed[-1] and typed[0] in "\"'":
        typed = typed[1:-1].strip()
    if typed.startswith("file:///"):
        return unquote(typed.removeprefix("file://"), errors="surrogateescape")
    return typed


def as_typed(path: Path) -> str:
    """What to type for a path: an address where its bytes are no UTF-8, which no field can hold.

    >>> as_typed(Path("/home/ada")), as_typed(Path("/home/\\udce9"))
    ('/home/ada', 'file:///home/%E9')
    """
    try:
        return path.as_posix().encode().decode()
    except UnicodeEncodeError:
        return path.as_uri()


def _readable(path: Path, kind: str, thing: str) -> Path:
    if not os.access(path, os.R_OK | (os.X_OK if path.is_dir() else 0)):
        raise BadParameter(kind, thing, f"a {kind} that can be read", str(path))
    return path
