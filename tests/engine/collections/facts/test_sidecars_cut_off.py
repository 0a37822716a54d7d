"""Writing sidecar files that is cut off, several times in a row, or meets another program."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from engine.collections.collection import Collection
from engine.collections.facts import sidecars
from engine.collections.facts.marks import mark_pictures, marks
from engine.collections.facts.sidecars import write_sidecars
from engine.collections.facts.xmp import Sidecar, read_sidecar
from engine.collections.sources.importing import import_folder, rescan
from engine.core.errors import Stopped
from engine.core.home import Home
from engine.core.progress import Reporter
from engine.core.storage import write_bytes
from tests.engine.collections.facts.conftest import DARKTABLE


def killed_at(number: int, function: Callable[..., Any]) -> Callable[..., Any]:
    """The function, which fails from its call of that number on."""
    calls = count(1)

    def called(*arguments: Any) -> Any:
        if next(calls) >= number:
            raise SystemError
        return function(*arguments)

    return called


def test_several_writings_in_a_row_may_be_cut_off(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    Image.new("RGB", (8, 8)).save(tmp_path / "0.png")
    import_folder(Home(tmp_path / ".home"), "Row", tmp_path, Reporter())
    collection, how = Collection.open(Home(tmp_path / ".home"), "row"), {"home": str(tmp_path / ".home")}
    id, beside = collection.rows("image")[0].id, tmp_path / "0.png.xmp"

    for tag, point, at in [("a", "change_marks", 2), ("b", "write_bytes", 1), ("c", "change_marks", 2)]:
        mark_pictures(collection, [id], add=[tag], remove={"a", "b", "c"} - {tag})
        with monkeypatch.context() as cutting, suppress(SystemError):
            cutting.setattr(sidecars, point, killed_at(at, getattr(sidecars, point)))
            write_sidecars({**how, "collection": "row"}, Reporter())
    assert read_sidecar(beside.read_bytes()).tags == ("c",)
    mark_pictures(collection, [id], add=["d"], remove=["c"])
    rescan(collection, Reporter())
    assert marks(collection)[id].tags == ("d",)


@pytest.mark.parametrize("how", [Stopped, KeyboardInterrupt, SystemError])
@pytest.mark.parametrize("noted", [True, False])
def test_what_was_written_when_the_work_was_cut_off_does_not_come_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, how: type[BaseException], noted: bool
) -> None:
    for number in range(3):
        Image.new("RGB", (8, 8), (number * 40, 0, 0)).save(tmp_path / f"{number}.png")
    import_folder(Home(tmp_path / ".home"), "Cut", tmp_path, Reporter())
    collection = Collection.open(Home(tmp_path / ".home"), "cut")
    ids = [row.id for row in collection.rows("image")]
    mark_pictures(collection, ids, add=["lake"], stars=2)

    def cut(path: Path, data: bytes) -> None:
        if path.name.startswith("1"):
            if not noted:  # as a kill: nothing is settled
                monkeypatch.setattr(sidecars, "_settled", lambda mark, *_: mark)
            raise how("cut off")
        write_bytes(path, data)

    with monkeypatch.context() as cutting:
        cutting.setattr(sidecars, "write_bytes", cut)
        settled = sidecars._settled
        with pytest.raises(how):
            write_sidecars({"home": str(tmp_path / ".home"), "collection": "cut"}, Reporter())
        monkeypatch.setattr(sidecars, "_settled", settled)
    assert (tmp_path / "0.png.xmp").is_file()
    assert not (tmp_path / "1.png.xmp").exists()
    mark_pictures(collection, ids, add=["boat"], remove=["lake"], stars=4)
    rescan(collection, Reporter())
    assert {(mark.tags, mark.stars) for mark in marks(collection).values()} == {(("boat",), 4)}
    write_sidecars({"home": str(tmp_path / ".home"), "collection": "cut"}, Reporter())
    assert read_sidecar((tmp_path / "0.png.xmp").read_bytes()) == Sidecar(("boat",), 4)
    assert {mark.writing for mark in marks(collection).values()} == {None}


def test_what_another_program_has_just_written_is_not_overwritten(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(2):
        Image.new("RGB", (8, 8), (number * 40, 0, 0)).save(tmp_path / f"{number}.png")
    import_folder(Home(tmp_path / ".home"), "Both", tmp_path, Reporter())
    collection = Collection.open(Home(tmp_path / ".home"), "both")
    mark_pictures(collection, [row.id for row in collection.rows("image")], add=["lake"])

    def meanwhile(path: Path, data: bytes) -> None:
        write_bytes(path, data)
        (tmp_path / "1.png.xmp").write_text(DARKTABLE)

    monkeypatch.setattr(sidecars, "write_bytes", meanwhile)
    done = write_sidecars({"home": str(tmp_path / ".home"), "collection": "both"}, Reporter())
    assert (done["written"], [name for name, _ in done["left"]]) == (1, ["1.png"])
    assert (tmp_path / "1.png.xmp").read_text() == DARKTABLE
    rescan(collection, Reporter())
    assert {mark.tags for mark in marks(collection).values()} == {("lake",), ("Ferien & Meer", "lake")}
