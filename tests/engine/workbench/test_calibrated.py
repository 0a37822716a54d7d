"""Results say how far they can be trusted, in Python and on the command line; hubs and local scaling."""

from __future__ import annotations

import csv
import io
import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from engine.cli.parser import main
from engine.core.distances import cosine
from engine.core.errors import BadParameter
from engine.core.home import Home
from engine.core.recipe import Recipe
from engine.evaluation.local_scaling import NEIGHBOURS
from engine.search.answer import Query
from engine.search.examples import Example
from engine.workbench.workbench import Workbench

EACH = 45  # pictures of a kind: enough for limits that hold with 95 %


def picture(kind: int, seed: int) -> Image.Image:
    """Stripes of one of three kinds with noise: near to its kind, far from the others."""
    rng = np.random.default_rng(seed)
    base = np.zeros((16, 16, 3))
    base[:, :, kind] = 180
    base[kind :: 2 + kind] += 60
    return Image.fromarray((base + rng.integers(0, 15, base.shape)).clip(0, 255).astype(np.uint8))


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    root = tmp_path_factory.mktemp("calibrated")
    for kind in range(2):
        (root / "pictures" / "ab"[kind]).mkdir(parents=True)
        for number in range(EACH):
            picture(kind, 1000 * kind + number).save(root / "pictures" / "ab"[kind] / f"{number:02d}.png")
    bench = Workbench(Home(root / "home"))
    bench.run("import", source="folder", title="Stripes", path=str(root / "pictures"))
    bench.run("embed", recipe=RECIPE.as_dict())
    yield root / "home"
    shutil.rmtree(root)


RECIPE = Recipe("stripes", "raw-pixels")


@pytest.fixture
def bench(home: Path, monkeypatch: pytest.MonkeyPatch) -> Workbench:
    monkeypatch.setenv("BENZER_HOME", str(home))
    return Workbench(Home(home))


def png(kind: int, seed: int, folder: Path) -> Path:
    file = folder / f"{kind}-{seed}.png"
    picture(kind, seed).save(file)
    return file


def test_embedding_calibrates_with_altered_copies(bench: Workbench) -> None:
    found = bench.calibration(RECIPE)
    assert found is not None
    assert found.labelled
    assert found.pictures == 2 * EACH
    assert len(found.altered) > 50
    assert found.rates().absent["nothing similar here"] > 0.9
    assert found.rates().present["nothing similar here"] <= 0.05


def test_a_table_of_results_says_how_sure_they_are(bench: Workbench, tmp_path: Path) -> None:
    answer = bench.search(RECIPE, png(0, 777, tmp_path))
    rows, frame = list(csv.DictReader(io.StringIO(answer.to_csv()))), answer.to_frame()
    for column in ("percentile", "expected_by_chance", "probability"):
        assert [float(row[column]) for row in rows] == pytest.approx(frame[column].tolist(), rel=1e-3, abs=1e-4)
    words = bench.search(RECIPE, Query(text="00.png"))
    assert {row["percentile"] for row in csv.DictReader(io.StringIO(words.to_csv()))} <= {""}


def test_a_search_says_whether_anything_is_similar(bench: Workbench, tmp_path: Path) -> None:
    there, absent = (bench.search(RECIPE, png(kind, 777, tmp_path)) for kind in (0, 2))
    assert there.calibration is not None
    assert there.calibration.verdict == "similar"
    assert absent.calibration is not None
    assert absent.calibration.verdict == "nothing similar here"
    assert there.as_dict()["calibration"]["verdict"] == "similar"
    frame = there.to_frame()
    assert list(frame.columns)[-3:] == ["percentile", "expected_by_chance", "probability"]
    assert (frame["probability"] > 0.9).all()
    assert json.loads(there.to_json())["calibration"]["by_labels"] is True


def test_the_picture_itself_is_surely_the_same_and_is_not_counted_as_a_result(
    bench: Workbench, home: Path, tmp_path: Path
) -> None:
    copy = tmp_path / "copy.png"
    shutil.copy(home.parent / "pictures" / "a" / "03.png", copy)
    found = bench.search(RECIPE, copy).calibration
    assert found is not None
    assert found.verdict == "surely the same"
    first = int(bench.collection("stripes").images().ids[0])
    included = bench.search(RECIPE, first, include_query=True).calibration
    assert included is not None
    assert included.verdict == "similar"
    assert included.percentiles[0] == pytest.approx(0, abs=1e-6)


def test_nothing_is_said_of_words_and_of_several_examples(bench: Workbench) -> None:
    ids = bench.collection("stripes").images().ids.tolist()
    query = Query.of(Example(image_id=ids[0]), Example(image_id=ids[1]))
    assert bench.search(RECIPE, query).calibration is None
    assert "calibration" not in bench.search(RECIPE, query).as_dict()


def test_a_home_of_before_is_calibrated_at_the_first_search(bench: Workbench, home: Path, tmp_path: Path) -> None:
    before = Home(tmp_path / "before")
    shutil.copytree(home, before.root)
    shutil.rmtree(before.datasets / "stripes" / "calibrations")
    found = Workbench(before).search(RECIPE, 1).calibration
    assert found is not None
    assert len(list((before.datasets / "stripes" / "calibrations").glob("raw-pixels-*"))) == 1


def test_the_commands(bench: Workbench, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    words = ["--collection", "stripes", "--encoder", "raw-pixels", "--pooling", "max"]
    assert main(["search", *words, str(png(2, 777, tmp_path))]) == 0
    assert "Nothing similar here: " in capsys.readouterr().out
    assert main(["search", *words, "--json", str(png(0, 777, tmp_path))]) == 0
    assert json.loads(capsys.readouterr().out)["calibration"]["verdict"] == "similar"
    assert main(["calibrate", *words]) == 0
    out = capsys.readouterr().out
    assert "By labels, of 90 pictures." in out
    assert "of altered versions" in out
    assert main(["hubs", *words, "--most", "3"]) == 0
    assert "Skew of these numbers" in capsys.readouterr().out
    assert main(["hubs", *words, "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["exact"], told["k"], len(told["hubs"])) == (True, 10, 20)
    assert main(["hubs", *words, "--most", "0"]) == 1


def test_local_scaling_ranks_as_the_slow_way(bench: Workbench) -> None:
    first = int(bench.collection("stripes").images().ids[0])
    found = bench.search(RECIPE, first, local_scaling=True)
    vectors = bench._open(RECIPE).searcher.vectors
    apart = cosine(np.asarray(vectors.matrix), np.asarray(vectors.matrix)).astype(float)
    np.fill_diagonal(apart, np.inf)
    reach = np.sort(apart, axis=1)[:, :NEIGHBOURS].mean(1)
    scores = dict(zip(vectors.ids.tolist(), 2 * apart[0] - reach, strict=True))
    told = [scores[hit.id] for hit in found.hits]
    assert told == pytest.approx(sorted(scores.values())[:8], abs=1e-6)  # two are as near but for rounding
    assert "--local-scaling" in found.command()
    assert found.as_dict()["local_scaling"] is True
    assert "local_scaling" not in bench.search(RECIPE, first).as_dict()
    more = bench.further(found, 4)
    longer = bench.search(RECIPE.but(k=12), first, local_scaling=True)
    assert [hit.id for hit in (*found.hits, *more)] == [hit.id for hit in longer.hits]


def test_the_effect_of_local_scaling_is_measured(bench: Workbench) -> None:
    found = bench.scaling_effect(RECIPE)
    assert found is not None
    assert 0.9 < found.plain <= 1
    ids = bench.collection("stripes").images().ids.tolist()
    with pytest.raises(BadParameter, match="local scaling"):
        bench.search(RECIPE, Query.of(Example(image_id=ids[0]), Example(image_id=ids[1])), local_scaling=True)
    with pytest.raises(BadParameter, match="local scaling"):
        bench.scaling_effect(RECIPE.but(embedding="max-dba"))


def test_hubs_of_a_collection(bench: Workbench) -> None:
    found = bench.hubs(RECIPE)
    assert found.found.exact
    assert found.found.counts.sum() == 2 * EACH * 10
    assert found.rows(2)[0][1] == found.found.counts.max()
    assert found.to_csv().startswith("rank,occurrences,expected,id,file,label")
