"""What breaks a match: the search for the breaking point, ranks, and both from a collection to the command line."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from engine.cli.parser import main
from engine.core.errors import BadParameter, BenzerError, NotFound
from engine.core.home import Home
from engine.core.recipe import Recipe
from engine.encoders.imported_vectors import add
from engine.evidence.alterations import ALTERATIONS
from engine.evidence.breaking import (
    GRID,
    Breaking,
    BreakingPoint,
    Standing,
    breaking_point,
    lost_unaltered,
    ranks_of,
)
from engine.indexes import Neighbours
from engine.search.answer import Query
from engine.workbench.workbench import Workbench
from tests.engine.duplicates.scenes import scene

COUNT = 24
RAW = Recipe("scenes", "raw-pixels", "", embedding="flatten")


def found_below(*ranges: tuple[float, float]) -> Callable[[float], Standing]:
    """A match that is first in these ranges of strengths, and number 20 elsewhere."""
    return lambda s: Standing(s, 1 if any(low <= s < high for low, high in ranges) else 20, s, -1)


def point(ask: Callable[[float], Standing]) -> BreakingPoint:
    return breaking_point({s: ask(s) for s in np.linspace(0, 1, GRID).tolist()}, ask)


@pytest.mark.parametrize("limit", [0.03, 0.3, 0.5, 0.77, 0.999])
def test_bisection_finds_the_weakest_strength_to_a_256th(limit: float) -> None:
    found = point(found_below((0, limit)))
    assert found.strength is not None
    assert limit <= found.strength < limit + 1 / 256 + 1e-9
    assert found.back is None


def test_a_breaking_point_is_described_with_its_recovery() -> None:
    found = point(found_below((0, 0.2), (0.9, 2)))
    assert found.strength == pytest.approx(0.2, abs=1 / 256)
    assert found.back == pytest.approx(15 / 16)
    assert found.in_words(ALTERATIONS["rotate"]) == "37°, back at 169°"
    assert point(found_below((0, 2))) == BreakingPoint(None)
    assert point(found_below((0, 2))).in_words(ALTERATIONS["blur"]) == "never"
    assert point(found_below()).in_words(ALTERATIONS["blur"]) == "unaltered"


def test_a_match_that_is_not_found_unaltered_has_nothing_to_break() -> None:
    lost, found = BreakingPoint(0.0), BreakingPoint(0.5)
    assert lost_unaltered([Breaking("blur", (), lost, lost)]).startswith("Unaltered, the query does not have the match")
    assert not lost_unaltered([Breaking("blur", (), lost, lost), Breaking("jpeg", (), lost, found)])
    assert not lost_unaltered([])


def test_a_loss_between_two_strengths_of_the_grid_goes_unnoticed() -> None:
    assert point(found_below((0, 0.51), (0.52, 2))).strength is None  # as the page says


def neighbours(ids: list[int], distances: list[float]) -> Neighbours:
    return Neighbours(np.array([ids]), np.array([distances], np.float32), np.array([len(ids)]))


def test_ranks_leave_the_query_out_and_equal_pictures_are_all_first() -> None:
    found = neighbours([5, 7, 9, 4, -1], [0.0, 0.25, 0.25, 0.5, np.inf])
    assert [int(ranks_of(found, np.array([id]), left_out=5)[0]) for id in (7, 9, 4, 3)] == [1, 1, 3, 0]
    assert int(ranks_of(found, np.array([4]))[0]) == 4
    assert int(ranks_of(neighbours([-1], [np.inf]), np.array([1]))[0]) == 0


# ── of a collection ──────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Workbench:
    home = tmp_path_factory.mktemp("breaking")
    (home / "pictures").mkdir()
    for number in range(COUNT):
        scene(number).save(home / "pictures" / f"{number:02d}.png")
    bench = Workbench(Home(home))
    bench.run("import", source="folder", title="Scenes", path=str(home / "pictures"))
    bench.run("embed", recipe=RAW.as_dict())
    return bench


def test_an_unaltered_match_has_the_rank_that_the_search_shows(bench: Workbench) -> None:
    for hit in bench.search(RAW, 1).hits:
        at = bench.standing(RAW, 1, hit.id, "rotate", 0)
        assert at.rank == hit.rank
        assert at.distance == pytest.approx(hit.distance, abs=0.02)  # it was resized in two steps
    assert bench.standing(RAW, 1, hit.id, "rotate", 0).nearest == bench.search(RAW, 1).hits[0].id


def test_breaking_points_agree_with_every_strength_of_the_grid(bench: Workbench) -> None:
    match = bench.search(RAW, 1).hits[0].id
    for one in bench.breaking(RAW, 1, match):
        limit = one.first.strength
        for at in one.standings:
            if limit is None or at.strength < limit - 1e-9:
                assert at.rank == 1, (one.alteration, at)
            elif at.strength == limit:
                assert at.rank > 1


def test_the_same_picture_twice_is_its_own_match(bench: Workbench) -> None:
    at = bench.standing(RAW, 2, 2, "blur", 0.05)
    assert (at.rank, at.nearest) == (1, 2)
    outside = bench.standing(RAW, scene(3), 4, "blur", 0)  # the picture with the id 4, from outside
    assert outside.rank == 1


def test_three_pixels_and_a_part_of_a_picture_can_be_altered(bench: Workbench) -> None:
    tiny = np.zeros((3, 3, 3), np.uint8)
    assert bench.standing(RAW, tiny, 2, "crop", 1).rank >= 1
    assert bench.altered("scenes", tiny, "crop", 1).startswith(b"\x89PNG")
    whole, part = (bench.standing(RAW, Query.image(4, crop), 2, "blur", 0) for crop in (None, (0, 0, 0.5, 0.5)))
    assert whole.distance != pytest.approx(part.distance, abs=1e-4)


def test_what_cannot_be_altered_says_so(bench: Workbench) -> None:
    with pytest.raises(BadParameter, match="one picture"):
        bench.standing(RAW, Query(text="dog", name="dog"), 1, "blur", 0.5)
    with pytest.raises(NotFound):
        bench.standing(RAW, 1, 999, "blur", 0.5)
    with pytest.raises(BadParameter, match="strength"):
        bench.standing(RAW, 1, 2, "blur", 2)
    own = add(bench.collection("scenes"), "Mine", "mine.npy", None, np.eye(COUNT, dtype=np.float32))
    recipe = Recipe("scenes", own.name, "", embedding="flatten")
    bench.run("embed", recipe=recipe.as_dict())
    with pytest.raises(BenzerError, match="made elsewhere"):
        bench.standing(recipe, 1, 2, "blur", 0.5)


def test_the_command_prints_breaking_points(
    bench: Workbench, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.setenv("BENZER_HOME", str(bench.home.root))
    words = ["breaking", "--collection", "scenes", "--encoder", "raw-pixels", "#1", "#2", "--alterations", "blur,jpeg"]
    assert main(words) == 0
    assert "there is nothing to break" in capsys.readouterr().out
    assert main([*words[:6], "#1", *words[7:]]) == 0
    assert "leaves the 8 at" in capsys.readouterr().out, "a picture is its own match"
    assert main([*words, "--json"]) == 0
    assert [one["alteration"] for one in json.loads(capsys.readouterr().out)] == ["blur", "jpeg"]
    assert main([*words, "--csv", str(tmp_path / "a.csv")]) == 0
    assert "JPEG quality" in (tmp_path / "a.csv").read_text(encoding="utf-8-sig")
    assert main([*words[:-1], "melt"]) == 1
    assert "one of rotate" in capsys.readouterr().err
    assert main([*words[:5], "#1", "beach.jpg"]) == 1
