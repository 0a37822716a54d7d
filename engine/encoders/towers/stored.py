"""Text-image encoders on disk: the files as they were given, under checksums.

weights/pretrained_networks/text_image/<name>/000001/
    text-image.json and the files that it names
"""

from __future__ import annotations

import re
import shutil
from dataclasses import dataclass
from pathlib import Path

from engine.core.errors import BadParameter, Corrupt, NotFound
from engine.core.home import Home
from engine.core.storage import file_digest
from engine.core.store import Snapshot, Store
from engine.encoders.towers.card import FILE, TowersCard, read_card

PREFIX = "clip-"
NAME = re.compile(re.escape(PREFIX) + r"[a-z0-9]+(-[a-z0-9]+)*")


@dataclass(frozen=True)
class StoredTowers:
    """A stored text-image encoder: its folder, its description, and the sha256 of its files, joined by " + "."""

    folder: Path
    card: TowersCard
    sha256: str
    digest: str


def names(home: Home) -> list[str]:
    """The text-image encoders on this computer, damaged or not."""
    return sorted(path.parent.name for path in _folder(home).glob(f"{PREFIX}*/current.json"))


def pointer(home: Home, name: str) -> Path:
    """The file that changes when the encoder is replaced."""
    return _store(home, name).pointer


def card(home: Home, name: str) -> TowersCard:
    """Its description, without the large files being verified; raises as `opened`."""
    return read_card(_snapshot(home, name, (FILE,)).folder)


def opened(home: Home, name: str) -> StoredTowers:
    """The encoder of that name, every file verified.

    Raises:
        NotFound: there is none. Corrupt: a file differs from the one that was added.
    """
    snapshot = _snapshot(home, name, None)
    return StoredTowers(snapshot.folder, read_card(snapshot.folder), snapshot.facts["sha256"], snapshot.digest)


def publish(home: Home, name: str, folder: Path, described: TowersCard) -> None:
    """Copy the files of a description that was read from a folder, and make them the encoder of that name.

    Raises:
        BadParameter: not such a name. StorageFull: what was there before is kept.
    """
    if not NAME.fullmatch(name):
        raise BadParameter("name", "a text-image encoder", f"{PREFIX} and then lower-case letters and digits", name)
    _folder(home).parent.mkdir(parents=True, exist_ok=True)

    def fill(there: Path) -> None:
        for file in [FILE, *described.files]:
            shutil.copyfile(folder / file, there / file)

    sha256 = " + ".join(file_digest(folder / file) for file in described.files)
    _store(home, name).publish(fill, {"sha256": sha256})


def remove(home: Home, name: str) -> bool:
    """Delete the encoder, and return whether it was there."""
    there = name in names(home)
    if there:
        shutil.rmtree(_store(home, name).folder, ignore_errors=True)
    return there


def _snapshot(home: Home, name: str, only: tuple[str, ...] | None) -> Snapshot:
    try:
        found = _store(home, name).open(only) if NAME.fullmatch(name) else None
    except Corrupt as error:
        way_out = f"Add its files again: python -m engine weights add {name} FOLDER"
        raise Corrupt(error.message, way_out=way_out) from error
    if found is None:
        raise NotFound(f"There is no text-image encoder {name!r}.")
    return found


def _folder(home: Home) -> Path:
    return home.pretrained / "text_image"


def _store(home: Home, name: str) -> Store:
    return Store(_folder(home) / name, format="text-image encoder", version=1)
