"""Pictures with four equal copies, to be moved to the trash."""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from engine.duplicates.acts.checking import Drop
from engine.duplicates.acts.journal import FOLDER
from engine.workbench.workbench import Workbench
from tests.engine.duplicates.scenes import imported, scene

COPIES = 4


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    """keep.png and equal files copy-0.png … in a sub-folder; other.png is another picture."""
    folder = tmp_path / "pictures"
    (folder / "sub").mkdir(parents=True)
    scene(0).save(folder / "keep.png")
    scene(1).save(folder / "other.png")
    for number in range(COPIES):
        shutil.copy(folder / "keep.png", folder / "sub" / f"copy-{number}.png")
    return folder


@pytest.fixture
def bench(pictures: Path, tmp_path: Path) -> Workbench:
    return imported(tmp_path / "home", pictures)


def contents(folder: Path) -> dict[str, str]:
    """Every file below a folder, outside the trash, with the sha256 of its bytes."""
    files = (path for path in folder.rglob("*") if path.is_file() and FOLDER not in path.parts)
    return {path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def drops(bench: Workbench, *names: str) -> list[Drop]:
    """The suggested drops, those of these names where any are given."""
    found = bench.duplicate_groups("scenes")
    chosen = [(group.keeper, row) for group in found.groups for row in group.dropped]
    return [Drop(row.id, row.hash, kept.id) for kept, row in chosen if not names or row.name in names]


def rows(bench: Workbench) -> list[tuple[int, str, str]]:
    return [(row.id, row.name, row.status) for row in bench.collection("scenes").rows()]


def refusal(bench: Workbench, *given: Drop) -> str:
    outcome = bench.drop_duplicates("scenes", list(given))
    assert outcome.files == 0
    return outcome.refused[0].sentence


def failing(code: int) -> Callable[..., Any]:
    def fail(*_: Any, **__: Any) -> Any:
        raise OSError(code, os.strerror(code))

    return fail
