"""A rescan of a folder with a trash neither finds what is in it nor misses it."""

from __future__ import annotations

import errno
from pathlib import Path

import pytest

from engine.duplicates.acts import trash
from engine.duplicates.acts.journal import Batch
from engine.workbench.workbench import Workbench
from tests.engine.duplicates.acts.trash.conftest import COPIES, drops, failing, rows


def test_a_rescan_neither_finds_the_trash_nor_misses_what_is_in_it(bench: Workbench) -> None:
    bench.drop_duplicates("scenes", drops(bench))
    report = bench.run("rescan", collection="scenes")
    assert (report["added"], report["removed"], report["rejects"]) == (0, 0, [])


@pytest.mark.parametrize("moved", [1, COPIES])
def test_a_rescan_after_a_restore_that_was_cut_off_costs_no_id(
    bench: Workbench, monkeypatch: pytest.MonkeyPatch, moved: int
) -> None:
    """Files that are back before the catalogue knows are the former pictures, no new ones."""
    known = rows(bench)
    outcome = bench.drop_duplicates("scenes", drops(bench))
    move, back = trash.move_without_replacing, iter(range(moved))

    def moving(source: Path, target: Path) -> None:
        if next(back, None) is None:
            raise KeyboardInterrupt
        move(source, target)

    def cut_off(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(trash, "move_without_replacing", moving)
        patched.setattr(trash, "settle", cut_off)
        with pytest.raises(KeyboardInterrupt):
            bench.restore_dropped("scenes", outcome.batch)
    report = bench.run("rescan", collection="scenes")
    assert (report["added"], report["moved"]) == (0, 0)
    assert set(rows(bench)) <= set(known)
    assert len(rows(bench)) == 2 + moved
    if moved < COPIES:
        bench.restore_dropped("scenes", outcome.batch)
    assert rows(bench) == known
    assert bench.dropped("scenes") == []


def test_a_rescan_of_a_read_only_folder_settles_what_was_cut_off(
    bench: Workbench, monkeypatch: pytest.MonkeyPatch
) -> None:
    outcome = bench.drop_duplicates("scenes", drops(bench))
    [batch] = bench.dropped("scenes")
    batch.note("restoring")  # as if it had been killed
    monkeypatch.setattr(Batch, "note", failing(errno.EROFS))
    bench.run("rescan", collection="scenes")
    assert [row[1] for row in rows(bench)] == ["keep.png", "other.png"]
    monkeypatch.undo()
    bench.restore_dropped("scenes", outcome.batch)
