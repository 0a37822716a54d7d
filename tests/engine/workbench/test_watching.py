"""A watched folder: files that come, change and go are imported automatically."""

from __future__ import annotations

import time
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from threading import Event, Thread

import pytest

from engine.core.errors import BadParameter
from engine.core.home import Home
from engine.workbench import watching
from engine.workbench.watching import watch_folders, watched
from engine.workbench.workbench import Workbench
from tests.browser.helpers import drawn_picture

PATIENCE = 120  # seconds


@pytest.fixture
def bench(tmp_path: Path) -> Workbench:
    folder = tmp_path / "pictures"
    folder.mkdir()
    for number in range(3):
        (folder / f"{number}.png").write_bytes(drawn_picture(number, "navy"))
    bench = Workbench(Home(tmp_path / "home"))
    bench.run("import", source="folder", title="Camera", path=str(folder))
    return bench


@pytest.fixture
def at_work(bench: Workbench, monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """The watching thread; rescans run here and not in a process, and are noted. No encoder is run."""
    noted: list[str] = []

    def rescan_and_prepare(bench: Workbench, name: str, stop: Event) -> None:
        bench.run("rescan", collection=name)
        noted.append(name)

    monkeypatch.setattr(watching, "rescan_and_prepare", rescan_and_prepare)
    stop = Event()
    thread = Thread(target=watch_folders, args=(bench, stop, 50, 0.2))
    thread.start()
    yield noted
    stop.set()
    thread.join(30)
    assert not thread.is_alive()


def until(true: object, noted: list[str]) -> None:
    end = time.monotonic() + PATIENCE
    while not true():  # type: ignore[operator]
        assert time.monotonic() < end, noted
        time.sleep(0.05)


def names(bench: Workbench) -> list[str]:
    return bench.collection("camera").images().names


def test_added_and_deleted_files_are_imported(bench: Workbench, tmp_path: Path, at_work: list[str]) -> None:
    bench.watch("camera")
    until(lambda: at_work, at_work)  # once at first
    (tmp_path / "pictures" / "new.png").write_bytes(drawn_picture(9, "gold"))
    until(lambda: "new.png" in names(bench), at_work)
    (tmp_path / "pictures" / "0.png").unlink()
    until(lambda: "0.png" not in names(bench), at_work)
    bench.watch("camera", False)
    until(lambda: not watched(bench), at_work)


def test_every_collection_of_one_folder_is_watched(bench: Workbench, tmp_path: Path) -> None:
    bench.run("import", source="folder", title="Second", path=str(tmp_path / "pictures"))
    for name in ("camera", "second"):
        bench.watch(name)
    folders = watched(bench)
    assert sorted(watching._touched([tmp_path / "pictures" / "0.png"], folders)) == ["camera", "second"]
    assert watching._touched([tmp_path / "0.png"], folders) == []


def test_a_collection_deleted_while_they_are_listed_ends_no_watching(
    bench: Workbench, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench.watch("camera")
    bench.run("import", source="folder", title="Second", path=bench.collection("camera").source["folder"])
    cards = bench.collections()
    bench.collection("second").remove()
    monkeypatch.setattr(bench, "collections", lambda: cards)
    assert list(watched(bench)) == ["camera"]


def test_a_folder_that_goes_before_it_is_watched_ends_no_watching(
    bench: Workbench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench.watch("camera")
    folders = [tmp_path / "gone", tmp_path / "pictures"]
    stop = Event()
    monkeypatch.setattr(watching, "watched", lambda _: {"camera": folders.pop(0)})
    monkeypatch.setattr(watching, "rescan_and_prepare", lambda *_: (stop.set(), folders.append(tmp_path / "pictures")))
    watch_folders(bench, stop, 50, 0.1)
    assert stop.is_set()


def test_what_comes_while_a_collection_is_first_rescanned_is_not_missed(
    bench: Workbench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench.watch("camera")
    rescans: list[str] = []
    stop = Event()

    def copied_meanwhile(bench: Workbench, name: str, _: Event) -> None:
        rescans.append(name)
        if len(rescans) == 1:
            (tmp_path / "pictures" / "late.png").write_bytes(drawn_picture(9, "gold"))
        else:
            stop.set()

    monkeypatch.setattr(watching, "rescan_and_prepare", copied_meanwhile)
    thread = Thread(target=watch_folders, args=(bench, stop, 50, 0.2), daemon=True)
    thread.start()
    thread.join(30)
    stop.set()
    assert rescans == ["camera", "camera"]


def test_hidden_files_are_no_change() -> None:
    assert not watching._matters(None, "/pictures/.DS_Store")
    assert watching._matters(None, "/pictures/cat.jpg")


@dataclass
class Slow:
    """A job that has ended after so many looks at it."""

    looks: int

    @property
    def alive(self) -> bool:
        self.looks -= 1
        return self.looks >= 0

    @property
    def state(self) -> str:
        return "running" if self.looks >= 0 else "done"


def test_the_rescan_is_followed_by_the_preparation(bench: Workbench, monkeypatch: pytest.MonkeyPatch) -> None:
    started: list[str] = []
    monkeypatch.setattr(Workbench, "start", lambda self, kind, **_: started.append(kind) or Slow(looks=3))
    monkeypatch.setattr(watching, "_POLL", 0.0)
    watching.rescan_and_prepare(bench, "camera", Event())
    assert started == ["rescan", "embed"]


def test_a_stop_does_not_wait_for_a_job(bench: Workbench, monkeypatch: pytest.MonkeyPatch) -> None:
    started: list[str] = []
    monkeypatch.setattr(Workbench, "start", lambda self, kind, **_: started.append(kind) or Slow(looks=10**9))
    stop = Event()
    stop.set()
    watching.rescan_and_prepare(bench, "camera", stop)
    assert started == ["rescan"]


def test_only_a_collection_with_a_folder_can_be_watched(bench: Workbench, tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "packed.zip", "w") as packed:
        packed.writestr("a.png", drawn_picture(1, "gold"))
    bench.run("import", source="archive", title="Packed", path=str(tmp_path / "packed.zip"))
    with pytest.raises(BadParameter, match="read in place"):
        bench.watch("packed")
    assert watched(bench) == {}
