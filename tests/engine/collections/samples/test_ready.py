"""The sample that ships ready to search."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pytest

from engine.collections.samples import ready
from engine.collections.samples.ready import NAME, TITLE, unpack_sample
from engine.core.errors import StorageFull
from engine.core.home import Home
from engine.search.answer import Query
from engine.workbench.workbench import Workbench


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_it_is_ready_without_computing_anything(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, precision: str
) -> None:
    monkeypatch.setenv("BENZER_PRECISION", precision)
    bench = Workbench(Home(tmp_path))
    assert bench.add_sample() == NAME
    [card] = bench.collections()
    assert (card.title, card.rejects) == (TITLE, 0)
    assert card.count >= 200
    recipe = bench.default_recipe(NAME)
    assert bench.readiness(recipe).ready
    images = bench.collection(NAME).images()
    answer = bench.search(recipe, Query.image(int(images.ids[0])))
    assert [hit.label for hit in answer.hits].count(images.labels[0]) >= 6
    for row in (0, len(images.ids) - 1):
        assert bench.collection(NAME).picture(int(images.ids[row]))
        assert bench.collection(NAME).thumbnail(int(images.ids[row]))


def test_what_is_there_stays(tmp_path: Path) -> None:
    home = Home(tmp_path)
    (home.datasets / NAME).mkdir(parents=True)
    assert unpack_sample(home) == NAME
    assert list((home.datasets / NAME).iterdir()) == []


def test_a_full_disk_leaves_nothing_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home = Home(tmp_path)

    def full(self: zipfile.ZipFile, folder: Path) -> None:
        (folder / "half").mkdir(parents=True)
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(ready.zipfile.ZipFile, "extractall", full)
    with pytest.raises(StorageFull):
        unpack_sample(home)
    assert not list(home.datasets.iterdir())
    assert not list(home.jobs.iterdir())
