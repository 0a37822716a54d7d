"""The folder in which files wait is replaced by a link at any step of an import: nothing behind the link is read,
written, moved or deleted."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from engine.collections.collection import Collection
from engine.collections.sources.importing import import_archive, import_drawn, import_files
from engine.core.errors import BenzerError
from engine.core.home import Home
from engine.core.progress import Reporter
from engine.interchange.importing import import_dataset
from engine.workbench.workbench import Workbench
from tests.counts import count as trials
from tests.engine.collections.swaps import Moment

Encoded = Callable[[int], bytes]


def zipped(**members: bytes) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as packed:
        for name, content in members.items():
            packed.writestr(name.replace("__", "."), content)
    return out.getvalue()


def an_archive(home: Home, place: Path, encoded: Encoded) -> Any:
    """With a table that lists one of its pictures twice, which makes a second name for its file."""
    table = b"image,label\n1.png,x\n2.png,y\n1.png,x\n"
    (place / "a.zip").write_bytes(zipped(**{"1__png": encoded(1), "2__png": encoded(2), "t__csv": table}))
    return import_archive(home, "New", place / "a.zip", Reporter())


def an_upload(home: Home, place: Path, encoded: Encoded) -> Any:
    files = [("1.png", encoded(1)), ("a.zip", zipped(**{"2__png": encoded(2), "1__png": encoded(1)}))]
    return import_files(home, "New", files, Reporter())


def a_data_set(home: Home, place: Path, encoded: Encoded) -> Any:
    (place / "set").mkdir()
    (place / "set" / "1.png").write_bytes(encoded(1))
    (place / "set" / "metadata.jsonl").write_text('{"file_name": "1.png"}\n')
    given = {"home": str(home.root), "title": "New", "format": "imagefolder", "path": str(place / "set")}
    return import_dataset(given, Reporter())


def drawn(home: Home, place: Path, encoded: Encoded) -> Any:
    pictures = [(f"{seed}.png", "", "", Image.open(io.BytesIO(encoded(seed)))) for seed in (1, 2)]
    return import_drawn(home, "New", {"kind": "drawn"}, pictures, Reporter())


SOURCES = {"archive": an_archive, "upload": an_upload, "data set": a_data_set, "drawn": drawn}


def decoys(place: Path, encoded: Encoded) -> Path:
    """A folder that holds whatever an import could look for, with other contents."""
    for name in ("0", "1", "2"):
        for inner in ("picture", "archive", "0", "1"):
            (place / name).mkdir(parents=True, exist_ok=True)
            (place / name / inner).write_bytes(encoded(8))
    return place


def flat_decoys(place: Path, encoded: Encoded) -> Path:
    place.mkdir()
    for name in ("0", "1", "2", "0-again-2"):
        (place / name).write_bytes(encoded(9))
    return place


def content(place: Path) -> dict[str, bytes]:
    return {str(path.relative_to(place)): path.read_bytes() if path.is_file() else b"" for path in place.rglob("*")}


def swapped(home: Home, other: Path) -> None:
    [waiting] = home.datasets.glob("*/images/.incoming")
    waiting.rename(other.with_name("was"))
    waiting.symlink_to(other)


def attempts(tmp_path: Path) -> Iterator[tuple[int, Path]]:
    for number in count():
        place = tmp_path / f"{number}"
        place.mkdir()
        yield number, place


@pytest.mark.timeout(300)
@pytest.mark.parametrize("made", [decoys, flat_decoys])
@pytest.mark.parametrize("source", SOURCES)
def test_nothing_behind_a_link_in_the_place_of_the_waiting_files_is_touched(tmp_path, encoded, source, made) -> None:
    refused = 0
    for number, place in attempts(tmp_path):
        home, other = Home(place / "home"), made(place / "secret", encoded)
        before = content(other)
        waits = lambda: any(home.datasets.glob("*/images/.incoming"))  # noqa: B023, E731
        with Moment(waits, number * trials(2, 1), lambda: swapped(home, other)) as moment:  # noqa: B023
            try:
                SOURCES[source](home, place, encoded)
            except BenzerError as error:
                assert "\n" not in str(error)
                refused += 1
        assert content(other) == before
        collections = [Collection.open(home, card.name) for card in Workbench(home).collections()]
        known = {one.picture(int(id)) for one in collections for id in one.images().ids}
        assert source == "drawn" or known <= {encoded(1), encoded(2)}
        assert encoded(8) not in known
        assert encoded(9) not in known
        if moment.left >= 0:
            break
    assert number > 3
    assert refused
