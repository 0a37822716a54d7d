"""Hard links: equal files become one, in one step, and get a file of their own back."""

from __future__ import annotations

import errno
import os
import shutil
from pathlib import Path
from typing import Any

import pytest

from engine.duplicates.acts import links, trash
from engine.duplicates.acts.catalogue_rows import settle_all
from engine.duplicates.acts.checking import Drop
from engine.duplicates.acts.journal import batches
from engine.workbench.workbench import Workbench
from tests.engine.duplicates.scenes import imported, scene


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    folder = tmp_path / "pictures"
    (folder / "sub").mkdir(parents=True)
    scene(0).save(folder / "keep.png")
    shutil.copy(folder / "keep.png", folder / "sub" / "copy.png")
    os.utime(folder / "keep.png", (5e8, 5e8))  # of equal files the older one is kept
    os.utime(folder / "sub" / "copy.png", (1e9, 1e9))
    scene(0).resize((160, 120)).save(folder / "small.png")
    return folder


@pytest.fixture
def bench(pictures: Path, tmp_path: Path) -> Workbench:
    bench = imported(tmp_path / "home", pictures)
    bench.run("perceptual", collection="scenes")
    return bench


def drops(bench: Workbench) -> list[Drop]:
    found = bench.duplicate_groups("scenes")
    return [Drop(row.id, row.hash, group.keeper.id) for group in found.groups for row in group.dropped]


def test_equal_files_share_one_and_are_two_again(bench: Workbench, pictures: Path) -> None:
    keep, copy = pictures / "keep.png", pictures / "sub" / "copy.png"
    before = keep.read_bytes()
    outcome = bench.drop_duplicates("scenes", drops(bench), link=True)
    assert outcome.files == 1
    assert [refused.sentence for refused in outcome.refused] == ["Only files of equal content can share one file."]
    assert os.path.samefile(keep, copy)
    assert copy.read_bytes() == before
    again = bench.drop_duplicates("scenes", drops(bench), link=True)
    assert again.refused[0].sentence == "It shares its file with the kept one already."
    report = bench.run("rescan", collection="scenes")
    assert (report["added"], report["changed"], report["removed"], report["rejects"]) == (0, 0, 0, [])
    assert bench.restore_dropped("scenes", outcome.batch).files == 1
    assert not os.path.samefile(keep, copy)
    assert copy.read_bytes() == keep.read_bytes() == before
    assert copy.stat().st_mtime == 1e9
    assert bench.dropped("scenes") == []


def test_a_restore_that_the_disk_refused_can_be_tried_again(
    bench: Workbench, pictures: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: Any) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    outcome = bench.drop_duplicates("scenes", drops(bench), link=True)
    with monkeypatch.context() as broken:
        broken.setattr(links.shutil, "copyfileobj", full)
        assert bench.restore_dropped("scenes", outcome.batch).files == 0
    assert bench.restore_dropped("scenes", outcome.batch).files == 1
    assert not os.path.samefile(pictures / "keep.png", pictures / "sub" / "copy.png")


@pytest.mark.parametrize(
    ("code", "sentence"),
    [
        (errno.EPERM, "This disk has no hard links."),
        (errno.EXDEV, "It is not on the same disk as the kept one."),
        (errno.ENOSPC, "The disk refused: no space left on device."),
    ],
)
def test_a_disk_without_links_is_named(
    bench: Workbench, pictures: Path, monkeypatch: pytest.MonkeyPatch, code: int, sentence: str
) -> None:
    def fail(*_: Any, **__: Any) -> None:
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(links.os, "link", fail)
    outcome = bench.drop_duplicates("scenes", drops(bench), link=True)
    assert outcome.refused[-1].sentence == sentence
    assert not os.path.samefile(pictures / "keep.png", pictures / "sub" / "copy.png")


class Killed(BaseException):
    pass


def without_the_last_step(source: Any, target: Any, replace: Any = os.replace) -> None:
    if "benzer-link" in str(source):
        raise Killed
    replace(source, target)


def test_what_was_interrupted_between_two_steps_clears_up_after_itself(
    bench: Workbench, pictures: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as broken:
        broken.setattr(links.os, "replace", without_the_last_step)
        with pytest.raises(Killed):
            bench.drop_duplicates("scenes", drops(bench), link=True)
    assert [path.name for path in (pictures / "sub").iterdir()] == ["copy.png"]
    [batch] = batches(bench.collection("scenes"))
    assert not batch.cut_off


def test_what_was_cut_off_between_two_steps_is_cleared_away(
    bench: Workbench, pictures: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Killed after the second name was made: it goes, and the file is as it was."""

    def killed(*_: Any) -> None:
        raise Killed

    with monkeypatch.context() as broken:
        broken.setattr(links.os, "replace", without_the_last_step)
        broken.setattr(trash, "settle", killed)  # who is killed settles nothing
        with pytest.raises(Killed):
            bench.drop_duplicates("scenes", drops(bench), link=True)
    assert len(list((pictures / "sub").iterdir())) == 2
    collection = bench.collection("scenes")
    with collection.alone():
        settle_all(collection)
    assert [path.name for path in (pictures / "sub").iterdir()] == ["copy.png"]
    [batch] = batches(collection)
    assert not batch.cut_off
