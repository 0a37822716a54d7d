"""Folders of collections appear whole, disappear in one step, and leave other folders alone."""

import os
import time

import pytest

from engine.collections.collection import Collection
from engine.collections.sources.importing import import_folder
from engine.core.errors import NameTaken, NotFound


def test_left_overs_of_others_are_swept_away(home, pile, reporter):
    home.datasets.mkdir(parents=True)
    for name, age in [(".creating-old", 9000), (".removed-old", 9000), (".creating-new", 0)]:
        (home.datasets / name).mkdir()
        os.utime(home.datasets / name, (time.time() - age,) * 2)
    import_folder(home, "Pile", pile, reporter)
    assert {path.name for path in home.datasets.iterdir()} == {".creating-new", "pile"}


def test_a_folder_that_vanishes_while_others_are_swept_away_is_no_fault(home, pile, reporter):
    home.datasets.mkdir(parents=True)
    (home.datasets / ".creating-gone").symlink_to(home.datasets / "nowhere")
    assert import_folder(home, "Pile", pile, reporter).added


def test_a_folder_that_is_no_collection_is_not_touched(home, pile, reporter):
    (home.datasets / "pile").mkdir(parents=True)
    (home.datasets / "pile" / "mine.txt").touch()
    with pytest.raises(NameTaken):
        import_folder(home, "Pile", pile, reporter)
    assert (home.datasets / "pile" / "mine.txt").exists()


def test_a_removed_collection_is_gone_at_once(home, kept):
    kept.remove()
    with pytest.raises(NotFound):
        Collection.open(home, "kept")
    assert [path for path in home.datasets.iterdir() if path.is_dir()] == []
