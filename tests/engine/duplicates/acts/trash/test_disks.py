"""The trash on a read-only, a full and another disk, and stopped in the middle."""

from __future__ import annotations

import errno
import os
from pathlib import Path
from typing import Any

import pytest

from engine.core.errors import BenzerError, Stopped
from engine.core.progress import Reporter
from engine.duplicates.acts import trash
from engine.duplicates.acts.journal import FOLDER
from engine.workbench.workbench import Workbench
from tests.engine.duplicates.acts.trash.conftest import COPIES, contents, drops, failing, rows


@pytest.mark.parametrize("code", [errno.EACCES, errno.EROFS, errno.ENOSPC])
def test_a_read_only_folder_and_a_full_disk_are_refused(
    bench: Workbench, pictures: Path, monkeypatch: pytest.MonkeyPatch, code: int
) -> None:
    before, known = contents(pictures), rows(bench)
    chosen = drops(bench)
    with monkeypatch.context() as broken:
        make, refuse = Path.mkdir, failing(code)
        broken.setattr(Path, "mkdir", lambda path, **how: refuse() if FOLDER in path.parts else make(path, **how))
        with pytest.raises(BenzerError, match=r"cannot be written to .*so nothing was changed"):
            bench.drop_duplicates("scenes", chosen)
    with monkeypatch.context() as broken:
        broken.setattr("engine.core.storage.os.fsync", failing(code))
        with pytest.raises(BenzerError, match=r"cannot be written to .*so nothing was changed"):
            bench.drop_duplicates("scenes", chosen)
    assert (contents(pictures), rows(bench)) == (before, known)


def test_a_disk_that_refuses_in_the_middle_leaves_the_rest_in_place(
    bench: Workbench, pictures: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before, rename, moves = contents(pictures), os.rename, []

    def twice(source: Any, target: Any) -> None:
        if "copy-" in str(source):
            moves.append(source)
            if len(moves) > 2:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        rename(source, target)

    monkeypatch.setattr(trash.os, "rename", twice)
    outcome = bench.drop_duplicates("scenes", drops(bench))
    monkeypatch.undo()
    assert (outcome.files, len(outcome.refused)) == (2, 2)
    assert outcome.refused[0].sentence == "The disk refused: no space left on device."
    bench.restore_dropped("scenes", outcome.batch)
    assert contents(pictures) == before


def test_a_stop_in_the_middle_leaves_the_catalogue_true(bench: Workbench, pictures: Path) -> None:
    before, known = contents(pictures), rows(bench)

    class Stopping(Reporter):
        def update(self, stage: str, done: int, total: int, unit: str = "", note: str = "") -> None:
            if done == 2:
                raise Stopped

    with pytest.raises(Stopped):
        trash.move_to_trash(bench.collection("scenes"), drops(bench), reporter=Stopping())
    assert len(rows(bench)) == len(known) - 2 == len(contents(pictures))
    [batch] = bench.dropped("scenes")
    assert (batch.state, len(batch.waiting)) == ("done", 2)
    bench.drop_duplicates("scenes", drops(bench))
    with pytest.raises(Stopped):
        trash.restore(bench.collection("scenes"), batch.name, reporter=Stopping())
    for left in bench.dropped("scenes"):
        bench.restore_dropped("scenes", left.name)
    assert (contents(pictures), rows(bench)) == (before, known)


def test_a_disk_without_hard_links_restores_all_the_same(
    bench: Workbench, pictures: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = contents(pictures)
    outcome = bench.drop_duplicates("scenes", drops(bench))
    (pictures / "sub").mkdir(exist_ok=True)
    (pictures / "sub" / "copy-1.png").write_bytes(b"another file")
    monkeypatch.setattr(trash.os, "link", failing(errno.EPERM))
    assert bench.restore_dropped("scenes", outcome.batch).files == COPIES - 1
    (pictures / "sub" / "copy-1.png").unlink()
    assert bench.restore_dropped("scenes", outcome.batch).files == 1
    assert contents(pictures) == before


def test_another_disk_is_named(bench: Workbench, monkeypatch: pytest.MonkeyPatch) -> None:
    rename = os.rename
    across = failing(errno.EXDEV)
    monkeypatch.setattr(trash.os, "rename", lambda a, b: across() if "copy-" in str(a) else rename(a, b))
    outcome = bench.drop_duplicates("scenes", drops(bench))
    assert outcome.refused[0].sentence == "It is not on the same disk as the trash folder."
