"""Hash codes at work: what buckets hold, what flipped bits change, and the price, beside slow ways and the indexes."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from engine.cli.parser import main
from engine.comparisons.hashlab.hashed import FAMILIES, Hashing
from engine.comparisons.hashlab.lab import HashLab, as_dict
from engine.core.errors import BadParameter
from engine.core.home import Home
from engine.indexes import make_index
from engine.workbench.workbench import Query, Workbench
from tests.engine.duplicates.scenes import scene

COUNT, WIDTH = 400, 12


def vectors(count: int = COUNT, width: int = WIDTH) -> np.ndarray:
    rng = np.random.default_rng(3)
    centres = rng.normal(size=(8, width)) * 3
    return (centres[rng.integers(0, 8, count)] + rng.normal(size=(count, width))).astype(np.float32)


@pytest.fixture(scope="module")
def lab() -> HashLab:
    return HashLab(np.arange(COUNT) * 2, vectors(), "euclidean")


def codes_of(lab: HashLab, hashing: Hashing) -> list[list[str]]:
    """The code of every picture in every table, one by one."""
    every = [lab.code(hashing, lab.table.vectors[row : row + 1]) for row in range(COUNT)]
    return [[code.text(table) for table in range(hashing.tables)] for code in every]


@pytest.mark.parametrize("method", FAMILIES)
def test_candidates_are_the_pictures_with_an_equal_code_in_any_table(lab: HashLab, method: str) -> None:
    hashing = Hashing(method, 6, 3)
    codes = codes_of(lab, hashing)
    for row in (0, 7, 199):
        same = [
            2 * other
            for other in range(COUNT)
            if other != row and any(a == b for a, b in zip(codes[row], codes[other], strict=True))
        ]
        found = lab.change(hashing, lab.table.vectors[row : row + 1], without=2 * row)
        assert sorted(found.stay.tolist()) == same
        assert not len(found.come) + len(found.go)
        apart = [found.distances[id] for id in found.stay.tolist()]
        assert apart == sorted(apart)


@pytest.mark.parametrize("method", FAMILIES)
def test_a_flipped_bit_leads_to_the_bucket_of_the_flipped_code(lab: HashLab, method: str) -> None:
    hashing, row = Hashing(method, 5, 2), 11
    codes = codes_of(lab, hashing)
    query = lab.table.vectors[row : row + 1]
    code = lab.code(hashing, query)
    wanted = code.text(0, frozenset({(0, 3)}))
    assert [a == b for a, b in zip(wanted, code.text(0), strict=True)] == [True, True, True, False, True]
    found = lab.change(hashing, query, frozenset({(0, 3)}), without=2 * row)
    there = {2 * other for other in range(COUNT) if codes[other][0] == wanted or codes[other][1] == codes[row][1]}
    assert set(found.stay.tolist()) | set(found.come.tolist()) == there - {2 * row}
    back = lab.change(hashing, query, frozenset(), without=2 * row)
    assert set(back.stay.tolist()) == set(found.stay.tolist()) | set(found.go.tolist())


def test_probing_once_is_flipping_the_bit_nearest_to_its_boundary(lab: HashLab) -> None:
    query = lab.table.vectors[5:6]
    plain, probed = Hashing("pcah", 6, 1), Hashing("pcah", 6, 1, 1)
    [first, *_] = lab.code(plain, query).order(0)
    flipped = lab.change(plain, query, frozenset({(0, first)}), without=10)
    together = set(flipped.go.tolist()) | set(flipped.come.tolist())
    assert set(lab.change(probed, query, without=10).stay.tolist()) == together


@pytest.mark.parametrize("method", FAMILIES)
def test_the_price_is_that_of_a_slow_count(lab: HashLab, method: str) -> None:
    hashing = Hashing(method, 5, 2, 2)
    price = lab.price(hashing)
    recalls, shares = [], []
    for row, near in zip(lab.questions.rows.tolist(), lab.questions.near, strict=True):
        found = lab.change(hashing, lab.table.vectors[row : row + 1], without=2 * row)
        recalls.append(np.isin(lab.ids[near], found.stay).mean())
        shares.append(found.before / (COUNT - 1))
    assert price.here.recall == pytest.approx(np.mean(recalls))
    assert price.here.share == pytest.approx(np.mean(shares))
    assert price.low <= price.here.recall <= price.high
    assert [point.recall for point in price.curve] == sorted(point.recall for point in price.curve)
    assert price.milliseconds > 0


def test_the_codes_are_those_of_the_index_on_few_dimensions() -> None:
    """PCA hashing looks at as many directions as bits: here and in the index the same ones, up to their signs."""
    some = vectors(300, 8)
    lab = HashLab(np.arange(300), some, "euclidean")
    index = make_index("pcah", "euclidean", bits=6, tables=1, probes=0, lookup="buckets", further="no")
    index.build(np.arange(300), some)
    for row in (0, 50, 299):
        found = lab.change(Hashing("pcah", 6, 1), some[row : row + 1], without=row)
        assert set(found.stay.tolist()) == set(index.candidates(some[row : row + 1])[0].tolist()) - {row}


def test_planes_count_both_sides(lab: HashLab) -> None:
    hashing = Hashing("itq", 4, 2)
    codes = np.array([[int(bit) for bit in code[1]] for code in codes_of(lab, hashing)])
    planes = lab.planes(hashing, 1)
    assert [plane.share for plane in planes] == pytest.approx(codes.mean(0))
    assert all(plane.counts.sum() == COUNT for plane in planes)
    assert codes[planes[2].high // 2, 2].all()
    assert not codes[planes[2].low // 2, 2].any()
    with pytest.raises(BadParameter, match="table"):
        lab.planes(hashing, 2)


@pytest.mark.parametrize("metric", ["cosine", "euclidean"])
def test_equal_pictures_and_zero_vectors_are_hashed(metric: str) -> None:
    same = np.zeros((20, 4), np.float32)
    same[10:] = 1
    lab = HashLab(np.arange(20), same, metric)
    for method in FAMILIES:
        found = lab.change(Hashing(method, 3, 1), same[:1], without=0)
        assert set(range(1, 10)) <= set(found.stay.tolist())
        assert lab.price(Hashing(method, 3, 1)).here.recall > 0


def test_a_large_collection_is_sampled(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("engine.comparisons.hashlab.lab.MOST", 100)
    lab = HashLab(np.arange(COUNT), vectors(), "euclidean")
    assert (len(lab.ids), lab.total) == (100, COUNT)
    outside = int(np.setdiff1d(np.arange(COUNT), lab.ids)[0])
    assert lab.change(Hashing(bits=2), vectors()[outside : outside + 1], without=outside).before > 0


def test_bad_numbers_are_named(lab: HashLab) -> None:
    for text in ("hnsw(bits=3)", "lsh(bits=0)", "lsh(bits=33)", "lsh(tables=17)", "lsh(planes=1)", "lsh("):
        with pytest.raises(BadParameter):
            Hashing.parse(text)
    with pytest.raises(BadParameter, match="at most 12"):
        lab.code(Hashing("pcah", 13), lab.table.vectors[:1])
    for bit in ((0, 6), (3, 0)):
        with pytest.raises(BadParameter, match="bit"):
            lab.change(Hashing("lsh", 6, 3), lab.table.vectors[:1], frozenset({bit}))
    with pytest.raises(BadParameter, match="at least 3"):
        HashLab(np.arange(2), vectors(2), "cosine")


def test_everything_can_be_written_as_json(lab: HashLab) -> None:
    hashing, flips = Hashing("lsh", 4, 2), frozenset({(1, 0)})
    query = lab.table.vectors[:1]
    found = as_dict(hashing, lab.code(hashing, query), flips, lab.change(hashing, query, flips), lab.prices(hashing))
    told = json.loads(json.dumps(found))
    assert told["flipped"] == [[2, 1]]
    assert [len(code) for code in told["codes"]] == [4, 4]
    assert len(told["prices"]) == len(FAMILIES)


def test_the_command_shows_a_code_and_what_a_flip_changes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "pictures").mkdir()
    for number in range(12):
        scene(number).save(tmp_path / "pictures" / f"{number:02d}.png")
    bench = Workbench(Home(tmp_path))
    bench.run("import", source="folder", title="Scenes", path=str(tmp_path / "pictures"))
    monkeypatch.setenv("BENZER_HOME", str(tmp_path))
    words = [
        "codes",
        "--collection",
        "scenes",
        "--encoder",
        "colour-histogram",
        "#2",
        "--method",
        "itq(bits=3,tables=2)",
    ]
    assert main([*words, "--flip", "1,2.3"]) == 0
    told = capsys.readouterr().out
    assert "table 2: " in told
    assert "flipped: " in told
    assert "come: " in told
    assert "spectral(bits=3,probes=0,tables=2)" in told
    assert main([*words, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["method"] == "itq(bits=3,probes=0,tables=2)"
    for wrong in (["--flip", "x"], ["--flip", "9"], ["--method", "exact"]):
        assert main([*words, *wrong]) == 1
    assert "got 'exact'" in capsys.readouterr().err
    with pytest.raises(BadParameter, match="one picture"):
        bench.picture_vector(bench.default_recipe("scenes"), Query(text="dog", name="dog"))
