"""The spool, where uploaded files wait for the import job: numbered files beside the sealed list of their names."""

from __future__ import annotations

import shutil
import time
import uuid
from collections.abc import Iterable
from pathlib import Path

from engine.core.errors import NotFound
from engine.core.humanize import is_shown
from engine.core.storage import read_json, write_bytes, write_json

KEPT_SECONDS = 7 * 24 * 3600  # an upload whose job was killed, or stopped and not taken up again


def spooled(folder: Path, files: Iterable[tuple[str, bytes]]) -> Path:
    """Put (name, bytes) into a new folder inside `folder`; abandoned ones are deleted.

    Raises:
        StorageFull: nothing of the files is left behind.
    """
    _sweep(folder)
    spool = folder / uuid.uuid4().hex
    names = []
    try:
        for number, (name, data) in enumerate(files):
            write_bytes(spool / f"{number:06d}", data)
            names.append(name)
        write_json(spool / "names.json", names)
    except BaseException:
        shutil.rmtree(spool, ignore_errors=True)
        raise
    return spool


def waiting(spool: Path) -> list[tuple[str, Path]]:
    """The files of a spool: the name each was uploaded with, and where its bytes are, by a path without links.

    Raises:
        NotFound: the spool is gone, or a link stands in its place. Corrupt: the list of names is damaged.
    """
    try:
        names = [] if spool.is_symlink() else read_json(spool / "names.json")
    except FileNotFoundError:
        names = []
    if not names:
        raise NotFound("The uploaded files are no longer there.", way_out="Upload them again.")
    return [(name, spool.resolve() / f"{number:06d}") for number, name in enumerate(names)]


def discard(spool: Path) -> None:
    """Delete a spool, or the link in its place."""
    if spool.is_symlink():
        spool.unlink()
    shutil.rmtree(spool, ignore_errors=True)


def under_its_name(name: str, path: Path) -> Path:
    """The file, under its uploaded name too if possible, so that messages about it show that name."""
    plain = "".join(c for c in name.replace("\\", "/").rsplit("/", 1)[-1] if is_shown(c))
    target = path.with_name(plain or path.name)
    if plain.startswith(".") or len(plain.encode("utf-8", "replace")) > 200:
        return path
    try:
        if not target.exists():
            target.hardlink_to(path)
        return target if target.samefile(path) else path
    except OSError:
        return path


def _sweep(folder: Path) -> None:
    for spool in folder.glob("*"):
        try:
            if time.time() - spool.stat().st_mtime > KEPT_SECONDS:
                shutil.rmtree(spool, ignore_errors=True)
        except FileNotFoundError:
            pass  # another upload swept it
