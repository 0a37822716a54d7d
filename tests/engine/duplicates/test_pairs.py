"""Finding pictures that show the same: altered copies are found, others are not, and what was found is kept."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from benchmarks.altered_photographs import draw, kind_of, origin_of
from engine.core.errors import NotReady
from engine.core.progress import Reporter
from engine.duplicates import pairs
from engine.duplicates.pairs import find_same_pictures, same_pictures
from engine.workbench.workbench import Workbench
from tests.engine.duplicates.scenes import ALTERATIONS, imported, page_of_text, scene

DATA = Path(os.environ.get("BENZER_TEST_DATA") or "no such folder") / "animals"


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Workbench:
    """14 scenes, each alteration of one of them, and five pages of text."""
    root = tmp_path_factory.mktemp("pairs")
    (root / "pictures").mkdir()
    for seed in range(14):
        scene(seed).save(root / "pictures" / f"{seed:02d}.png")
    for seed, (name, alter) in enumerate(ALTERATIONS.items()):
        alter(scene(seed)).save(root / "pictures" / f"{seed:02d}--{name}.jpg", quality=88)
    for seed in range(5):
        page_of_text(seed).save(root / "pictures" / f"page-{seed}.png")
    bench = imported(root / "home", root / "pictures")
    bench.run("perceptual", collection="scenes")
    return bench


def found(bench: Workbench, name: str = "scenes", least: float = 0.85) -> dict[str, float]:
    """The likeness of each pair as "name name", the first in order."""
    same, names = same_pictures(bench.collection(name)), {}
    for row in bench.collection(name).rows("image"):
        names[row.hash] = row.name
    pairs = [sorted(names[same.contents[row]] for row in pair) for pair in same.rows.tolist()]
    likeness = zip(pairs, same.likeness.tolist(), strict=True)
    return {" ".join(pair): value for pair, value in likeness if value >= least}


def test_every_alteration_is_found_and_nothing_else(bench: Workbench) -> None:
    wanted = {f"{seed:02d}--{name}.jpg {seed:02d}.png" for seed, name in enumerate(ALTERATIONS)}
    assert set(found(bench)) == wanted


def test_what_differs_is_named(bench: Workbench) -> None:
    said = {}
    for group in bench.duplicate_groups("scenes").groups:
        for member in group.members[1:]:
            said[kind_of(member.row.name) or kind_of(group.keeper.name)] = member.difference.words
    assert "50\xa0% of the size" in said["half"]
    assert said["over"] == "turned 180°"
    assert {said["left"], said["right"]} == {"turned 90°", "turned 270°"}
    assert said["mirrored"] == "mirrored"
    assert said["cropped"].startswith("cropped, ")
    assert said["brighter"] in ("brighter", "darker")
    assert "greyscale" in said["grey"]


def test_the_answer_is_stored_and_used_until_another_picture_comes(bench: Workbench, tmp_path: Path) -> None:
    for seed in range(3):
        scene(seed).save(tmp_path / f"{seed}.png")
    small = imported(bench.home.root, tmp_path, "Few")
    with pytest.raises(NotReady):
        same_pictures(small.collection("few"))
    assert small.same_pictures("few") is None
    find_same_pictures(small.collection("few"), Reporter())
    assert small.same_pictures("few") is not None
    (tmp_path / "2.png").unlink()
    small.run("rescan", collection="few")
    assert small.same_pictures("few") is not None  # nothing is there that was not compared
    scene(0).resize((160, 120)).save(tmp_path / "3.png")
    small.run("rescan", collection="few")
    assert small.same_pictures("few") is None
    small.run("perceptual", collection="few")
    assert set(found(small, "few")) == {"0.png 3.png"}


def test_damaged_pairs_and_prints_are_made_again(bench: Workbench) -> None:
    before = found(bench)
    folder = bench.collection("scenes").folder / "indexes"
    for store in ("prints", "same-pictures"):
        [file] = (folder / store).glob("*/tones.npy")
        file.write_bytes(b"\x93NUMPY nothing")
    with pytest.raises(NotReady):
        same_pictures(bench.collection("scenes"))
    bench.run("perceptual", collection="scenes")
    assert found(bench) == before


def test_a_plain_picture_has_no_features_and_is_still_compared(tmp_path: Path) -> None:
    """A soft gradient has no corner; its smaller copy is found by its hash."""
    (tmp_path / "pictures").mkdir()
    ramp = Image.fromarray(np.tile(np.linspace(0, 255, 300).astype(np.uint8), (200, 1)))
    ramp.save(tmp_path / "pictures" / "ramp.png")
    ramp.resize((150, 100)).save(tmp_path / "pictures" / "ramp-small.png")
    bench = imported(tmp_path / "home", tmp_path / "pictures")
    bench.run("perceptual", collection="scenes")
    assert set(found(bench)) == {"ramp-small.png ramp.png"}


def test_few_pictures_have_no_pairs(tmp_path: Path) -> None:
    (tmp_path / "pictures").mkdir()
    scene(0).save(tmp_path / "pictures" / "one.png")
    bench = imported(tmp_path / "home", tmp_path / "pictures")
    assert bench.run("perceptual", collection="scenes")["pairs"] == 0


def test_more_descriptors_than_are_compared_with_all(bench: Workbench, monkeypatch: pytest.MonkeyPatch) -> None:
    """Searching only some lists of descriptors finds the same copies."""
    monkeypatch.setattr("engine.duplicates.candidates._BY_LISTS", 500)
    collection = bench.collection("scenes")
    prints = pairs.prints_of(collection, Reporter())
    likeness = pairs.compared(prints, collection, Reporter()).likeness
    assert (likeness >= 0.85).sum() == len(ALTERATIONS)


@pytest.mark.slow
@pytest.mark.skipif(not DATA.is_dir(), reason="the photographs are not here: see BENZER_TEST_DATA")
def test_altered_photographs(tmp_path: Path) -> None:
    """All half-size, turned, mirrored, brighter and grey copies and most crops at Normal, and no screenshot."""
    draw(tmp_path / "set")
    bench = imported(tmp_path / "home", tmp_path / "set")
    bench.run("perceptual", collection="scenes")
    pairs = [pair.split(" ") for pair in found(bench)]
    assert all(origin_of(one) == origin_of(other) for one, other in pairs)
    kinds = [kind_of(one) or kind_of(other) for one, other in pairs]
    counts = {kind: kinds.count(kind) for kind in set(kinds)}
    assert counts.pop("cropped") >= 6
    assert counts == {"half": 24, "turned": 9, "brighter": 8, "mirrored": 5, "grey": 5}
