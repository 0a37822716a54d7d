"""Where two encoders disagree: overlaps against a slow naive count, labels, bad input, and the command."""

from __future__ import annotations

import csv
import io
import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from engine.cli.parser import main
from engine.comparisons.disagreement import FEW, Disagreement, K, disagree
from engine.core.errors import BadParameter
from engine.core.home import Home
from engine.core.progress import Reporter
from engine.encoders.imported_vectors import add
from engine.workbench.workbench import Workbench
from tests.engine.duplicates.scenes import scene

COUNT = 30


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Workbench:
    home = tmp_path_factory.mktemp("disagreement")
    for number in range(COUNT):
        (home / "pictures" / ["odd", "even"][number % 2]).mkdir(parents=True, exist_ok=True)
        scene(number).save(home / "pictures" / ["odd", "even"][number % 2] / f"{number:02d}.png")
    bench = Workbench(Home(home))
    bench.run("import", source="folder", title="Scenes", path=str(home / "pictures"))
    return bench


def own(bench: Workbench, title: str, vectors: np.ndarray) -> str:
    """Imported vectors as an encoder's text."""
    return f"{add(bench.collection('scenes'), title, 'x.npy', None, vectors.astype(np.float32)).name}/flatten"


def compared(bench: Workbench, first: str, second: str) -> Disagreement:
    return disagree(bench.home, bench.collection("scenes"), first, second, Reporter())


def nearest(vectors: np.ndarray, row: int) -> list[int]:
    unit = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    order = np.argsort(-(unit @ unit[row]), kind="stable")
    return [int(place) for place in order if place != row][:K]


def test_overlaps_are_those_of_a_naive_count(bench: Workbench) -> None:
    rng = np.random.default_rng(0)
    one = rng.standard_normal((COUNT, 6))
    other = one + 0.7 * rng.standard_normal((COUNT, 6))
    found = compared(bench, own(bench, "One", one), own(bench, "Other", other))
    ids = bench.collection("scenes").images().ids.tolist()
    naive = {ids[row]: len(set(nearest(one, row)) & set(nearest(other, row))) for row in range(COUNT)}
    assert {row.id: row.overlap for row in found.rows} == naive
    assert found.overlap == pytest.approx(np.mean(list(naive.values())) / K)
    assert found.counts == tuple(np.bincount(list(naive.values()), minlength=K + 1).tolist())
    assert [row.overlap for row in found.rows] == sorted(naive.values())
    assert found.chance == pytest.approx(K / (COUNT - 1))
    assert 0 < (found.cka or 0) < 1


def test_the_labels_decide_between_one_that_knows_them_and_noise(bench: Workbench) -> None:
    labels = np.array(bench.collection("scenes").images().labels)
    rng = np.random.default_rng(1)
    knows = np.where(labels[:, None] == "odd", [1.0, 0, 0], [0, 1.0, 0]) + 0.05 * rng.standard_normal((COUNT, 3))
    found = compared(bench, own(bench, "Noise", rng.standard_normal((COUNT, 3))), own(bench, "Knows", knows))
    assert found.there is not None
    assert found.there.cases == sum(found.counts[:FEW])
    assert found.everywhere is not None
    assert found.everywhere.outcome == "worse"
    assert "the neighbours by K have the picture's label more often than those by N" in found.on_labels("N", "K")[1]


def test_equal_neighbours_decide_nothing(bench: Workbench) -> None:
    vectors = np.random.default_rng(2).standard_normal((COUNT, 4))
    found = compared(bench, own(bench, "A", vectors), own(bench, "B", 2 * vectors))
    assert (found.overlap, found.cka) == (1, pytest.approx(1))
    assert found.there is None
    assert "no such labelled picture" in found.on_labels("A", "B")[0]
    assert "not decided" in found.on_labels("A", "B")[1]


def test_json_holds_everything(bench: Workbench) -> None:
    found = compared(bench, "raw-pixels", "colour-histogram")
    assert Disagreement.from_dict(json.loads(json.dumps(found.as_dict()))) == found


def test_without_labels_nothing_is_said_of_them(bench: Workbench, tmp_path: Path) -> None:
    for path in (bench.home.root / "pictures").rglob("*.png"):
        shutil.copy(path, tmp_path / path.name)
    bench.run("import", source="folder", title="Bare", path=str(tmp_path), labels="none")
    found = disagree(bench.home, bench.collection("bare"), "raw-pixels", "hog", Reporter())
    assert found.everywhere is None
    assert "no labels" in found.on_labels("A", "B")[0]


def test_the_same_encoder_twice_and_too_few_pictures_are_refused(bench: Workbench, tmp_path: Path) -> None:
    with pytest.raises(BadParameter, match="two different ones"):
        compared(bench, "hog", "hog")
    with pytest.raises(BadParameter, match="encoder"):
        compared(bench, "hog", "crystal-ball")
    for number in range(3):
        scene(number).save(tmp_path / f"{number}.png")
    bench.run("import", source="folder", title="Three", path=str(tmp_path))
    with pytest.raises(BadParameter, match="more than 9"):
        disagree(bench.home, bench.collection("three"), "raw-pixels", "hog", Reporter())


def test_the_command_prints_and_exports(
    bench: Workbench, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.setenv("BENZER_HOME", str(bench.home.root))
    words = ["disagree", "--collection", "scenes", "raw-pixels", "colour-histogram"]
    assert main([*words, "--top", "3"]) == 0
    assert "Linear CKA" in capsys.readouterr().out
    assert main([*words, "--csv", str(tmp_path / "a.csv")]) == 0
    lines = list(csv.DictReader(io.StringIO((tmp_path / "a.csv").read_text(encoding="utf-8-sig"))))
    assert len(lines) == COUNT
    assert len(lines[0]["neighbours by raw-pixels/max"].split()) == K
    assert main(["disagree", "--collection", "scenes", "hog", "hog"]) == 1
