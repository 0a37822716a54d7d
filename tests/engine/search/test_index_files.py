"""Indexes take a bounded share of the disk: heavy ones are asked for, and the least recently used ones make room."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from engine.cli.parser import main
from engine.core.errors import BadParameter, NoIndex
from engine.core.home import Home
from engine.core.recipe import Recipe
from engine.search.index_files import ceiling, stored_indexes
from engine.workbench.workbench import Query, Workbench

COUNT = 40


def recipe(**options: int) -> Recipe:
    return Recipe("pile", "colour-histogram", embedding="flatten").but(method="lsh", options=tuple(options.items()))


@pytest.fixture
def bench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Workbench:
    rng = np.random.default_rng(0)
    (tmp_path / "pile").mkdir()
    for number in range(COUNT):
        Image.fromarray(rng.integers(0, 255, (9, 9, 3), dtype=np.uint8)).save(tmp_path / "pile" / f"{number}.png")
    made = Workbench(Home(tmp_path / "home"))
    made.run("import", source="folder", title="Pile", path=str(tmp_path / "pile"))
    made.run("embed", recipe=recipe().as_dict())
    monkeypatch.setenv("BENZER_HOME", str(tmp_path / "home"))
    return made


def folders(bench: Workbench) -> list[Path]:
    return [path for path in (bench.home.datasets / "pile" / "indexes").glob("*/") if path.is_dir()]


@pytest.mark.parametrize(
    ("method", "options"),
    [
        ("lsh", {"bits": 63, "tables": 512}),
        ("lsh", {"bits": 16, "tables": 512, "lookup": "buckets"}),
        ("rdh", {"parts": 20, "bits": 63, "tables": 64}),
    ],
    ids=str,
)
def test_a_heavy_index_is_built_by_nobody_but_a_job_and_says_its_size(
    bench: Workbench, method: str, options: dict[str, int | str]
) -> None:
    asked = recipe().but(method=method, options=tuple(options.items()))
    with pytest.raises(NoIndex, match=r"The (lsh|rdh) index over 40 vectors .* it takes about \d{2,3}\.\d\sMB"):
        bench.search(asked, Query.image(1))
    assert bench.readiness(asked).action == "index"
    assert not folders(bench)


def test_forty_links_leave_no_more_than_the_ceiling(bench: Workbench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BENZER_INDEX_MB", "1")
    for number in range(40):
        bench.search(recipe(bits=12, tables=1 + number, probes=1), Query.image(1))
        assert sum(one.bytes for one in stored_indexes(bench.home.datasets)[1:]) <= 10**6
    assert 0 < len(folders(bench)) < 20


@pytest.mark.parametrize("name", ["prints", "same-pictures", "nearest-0123456789abcdef"])
def test_what_other_rooms_keep_there_neither_counts_nor_goes(
    bench: Workbench, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """Comparing all pictures again takes much longer than building an index."""
    monkeypatch.setenv("BENZER_INDEX_MB", "1")
    other = bench.home.datasets / "pile" / "indexes" / name / "000001" / "large.npy"
    other.parent.mkdir(parents=True)
    other.write_bytes(bytes(2 << 20))
    bench.search(recipe(bits=6, tables=2, probes=1), Query.image(1))
    bench.search(recipe(bits=6, tables=3, probes=1), Query.image(1))
    assert other.is_file()
    assert len(stored_indexes(bench.home.datasets)) == 2


def test_the_least_recently_used_index_makes_room(bench: Workbench, monkeypatch: pytest.MonkeyPatch) -> None:
    recipes = [recipe(bits=10, tables=tables, probes=1) for tables in (40, 41, 42, 43)]
    for age, asked in enumerate(recipes[:3]):
        bench.search(asked, Query.image(1))
        last = max(folders(bench), key=lambda folder: (folder / "current.json").stat().st_mtime)
        os.utime(last / "current.json", (1000 + age, 1000 + age))
    Workbench(bench.home).search(recipes[0], Query.image(1))  # the oldest one is used again
    size = stored_indexes(bench.home.datasets)[0].bytes
    monkeypatch.setattr("engine.search.index_files.ceiling", lambda: 7 * size // 2)
    bench.search(recipes[3], Query.image(1))
    assert [one.recipe for one in stored_indexes(bench.home.datasets)] == [
        str(asked) for asked in (recipes[3], recipes[0], recipes[2])
    ]


def test_an_index_deleted_under_an_open_search_is_built_again(bench: Workbench) -> None:
    asked = recipe(bits=8, tables=4, probes=1)
    hits = bench.search(asked, Query.image(1)).hits
    stored_indexes(bench.home.datasets)[0].delete()
    assert bench.search(asked, Query.image(2)).hits
    assert Workbench(bench.home).search(asked, Query.image(1)).hits == hits


def test_the_command_lists_and_deletes(bench: Workbench, capsys: pytest.CaptureFixture[str]) -> None:
    for tables in (2, 3):
        bench.search(recipe(bits=6, tables=tables, probes=1), Query.image(1))
    (bench.home.datasets / "pile" / "indexes" / "lsh-damaged").mkdir()
    assert main(["indexes"]) == 0
    listed = capsys.readouterr().out
    assert "lsh(bits=6,probes=1,tables=3)" in listed
    assert "pile/lsh-damaged" in listed
    assert main(["indexes", "--delete", "pile/nothing", "--yes"]) == 1
    assert "There is no index 'pile/nothing'" in capsys.readouterr().err
    assert main(["indexes", "--delete", "pile/lsh-damaged", "--yes"]) == 0
    assert len(folders(bench)) == 2
    assert main(["indexes", "--collection", "pile", "--delete", "all", "--yes"]) == 0
    assert not folders(bench)
    assert main(["indexes", "--collection", "no"]) == 1


def test_the_ceiling_is_a_number_of_megabytes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("BENZER_INDEX_MB", raising=False)
    assert ceiling() == 8 * 10**9
    monkeypatch.setenv("BENZER_INDEX_MB", "10")
    assert ceiling() == 10 * 10**6
    monkeypatch.setenv("BENZER_INDEX_MB", "much")
    with pytest.raises(BadParameter, match="BENZER_INDEX_MB must be a number of megabytes; got 'much'"):
        ceiling()
