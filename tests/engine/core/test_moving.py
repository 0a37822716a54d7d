"""A file gets a new name only where nothing has it yet, with hard links and without."""

from __future__ import annotations

import errno
import os
from pathlib import Path
from typing import Any

import pytest

from engine.core.moving import move_without_replacing


def no_links(*_: Any, **__: Any) -> None:
    raise OSError(errno.EPERM, os.strerror(errno.EPERM))


@pytest.mark.parametrize("links", [True, False])
def test_a_name_that_is_taken_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, links: bool) -> None:
    source, target = tmp_path / "source", tmp_path / "target"
    source.write_text("new")
    target.symlink_to("nowhere")
    if not links:
        monkeypatch.setattr(os, "link", no_links)
    with pytest.raises(FileExistsError):
        move_without_replacing(source, target)
    assert target.is_symlink()
    target.unlink()
    move_without_replacing(source, target)
    assert target.read_text() == "new"
    assert not source.exists()
