"""What the view of duplicates by vectors decides; what is drawn in the browser is looked at there."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from streamlit.testing.v1 import AppTest

from engine.core.home import Home
from engine.core.humanize import file_size
from engine.core.recipe import Recipe
from engine.grouping.neighbourhoods import neighbourhoods
from engine.grouping.neighbourhoods.near_duplicates import Suggestion, share_within
from engine.grouping.neighbourhoods.nearest_lists import NearestLists
from engine.grouping.neighbourhoods.neighbourhoods import NearDuplicates
from engine.workbench.workbench import Workbench
from ui.pages.duplicates.by_vectors import scale
from ui.widgets.copies import copies_data

HOSTILE = "_b_ $x$ (1).png"


def entry(recipe: object) -> None:
    """What a page does with the view; AppTest runs the text of this function."""
    from ui.pages.duplicates.by_vectors import by_vectors

    by_vectors(recipe)


@pytest.fixture(scope="module")
def twins(small_home: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """The collection `twins` in the small home: 12 pictures, one also at half its size, embedded as raw pixels."""
    folder, rng = tmp_path_factory.mktemp("twins"), np.random.default_rng(0)
    for number in range(12):
        patches = Image.fromarray(rng.integers(0, 256, (5, 5, 3), dtype=np.uint8))
        picture = patches.resize((160, 160), Image.Resampling.BICUBIC)
        picture.save(folder / f"{number:02d}.png")
        if not number:
            picture.resize((80, 80)).save(folder / HOSTILE)
    mine = Workbench(Home(small_home))
    mine.run("import", source="folder", title="Twins", path=str(folder))
    mine.run("embed", recipe=recipe().as_dict())
    yield
    mine.remove("twins")


@pytest.fixture
def here(twins: None, bench: Workbench) -> Workbench:
    """The pages' workbench with the collection `twins` besides."""
    return bench


def recipe(collection: str = "twins", encoder: str = "raw-pixels") -> Recipe:
    return Recipe(collection, encoder, embedding="flatten")


def visit(asked: Recipe, **session: Any) -> AppTest:
    test = AppTest.from_function(entry, default_timeout=180, args=(asked,))
    for name, value in session.items():
        test.session_state[name] = value
    test.run()
    assert not test.exception
    return test


def texts(test: AppTest) -> str:
    kinds = (test.markdown, test.caption, test.info, test.error, test.header, test.subheader)
    return " | ".join(part.value for kind in kinds for part in kind).replace("\\", "")


def labels(test: AppTest) -> list[str]:
    return [button.label for button in test.button]


def test_without_vectors_it_offers_to_look_and_starts_the_job(here: Workbench, monkeypatch: pytest.MonkeyPatch) -> None:
    started: list[tuple[str, dict[str, Any]]] = []
    monkeypatch.setattr(Workbench, "start", lambda self, kind, **arguments: started.append((kind, arguments)))
    asked = recipe(encoder="hog")
    test = visit(asked)
    assert "is not ready for" in texts(test)
    test.button(key="duplicates-start").click().run()
    assert started == [("duplicates", {"recipe": asked.as_dict()})]


def test_a_large_collection_is_left_to_the_job(here: Workbench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(neighbourhoods, "WHILE_WAITING", 1.0)
    test = visit(recipe().but(metric="euclidean"))
    assert "not been computed" in texts(test)
    assert "Find duplicates" in labels(test)


def test_missing_weights_and_trainings_are_named(here: Workbench) -> None:
    assert "Go to Train" in labels(visit(recipe(encoder="model-3").but(embedding="max")))
    assert any("Download" in label for label in labels(visit(recipe(encoder="vgg-16"))))


def test_the_copy_is_found_and_the_threshold_says_what_it_means(here: Workbench) -> None:
    test = visit(recipe())
    said = texts(test)
    assert "1 group with 1 duplicate" in said
    assert "of the pictures have another one this near; expected by chance" in said
    assert "This distance is suggested: by chance" in said
    [slider] = test.slider
    slider.set_value(0.0).run()
    assert "No duplicates among 13 pictures" in texts(test)
    assert "is suggested" in texts(test)
    next(button for button in test.button if button.label == "Use suggested").click().run()
    assert "1 group with 1 duplicate" in texts(test)


def test_a_chosen_keeper_changes_places_and_can_be_forgotten(here: Workbench) -> None:
    [group] = here.duplicates(recipe()).groups
    small = group.copies[0]
    test = visit(recipe(), **{"keepers-twins": (small, 4711)})
    assert "1 group with 1 duplicate" in texts(test)
    assert "Reset choices" in labels(test)
    assert here.duplicates(recipe(), keepers=[small]).groups[0].copies == (group.keeper,)
    test.button(key="keepers-forget").click().run()
    assert "Reset choices" not in labels(test)


def test_a_new_collection_takes_what_is_kept(here: Workbench, monkeypatch: pytest.MonkeyPatch) -> None:
    started: list[tuple[str, dict[str, Any]]] = []
    monkeypatch.setattr(Workbench, "start", lambda self, kind, **arguments: started.append((kind, arguments)))
    test = visit(recipe())
    test.text_input[0].set_value("  Tidy ")
    test.button(key="without-copies").click().run()
    [(kind, arguments)] = started
    assert (kind, arguments["collection"], arguments["title"]) == ("extract", "twins", "Tidy")
    [part] = arguments["parts"]
    assert part["label"] is None
    assert part["ids"] == here.duplicates(recipe()).kept
    assert len(part["ids"]) == 12


def test_what_the_browser_gets(here: Workbench) -> None:
    found = here.duplicates(recipe())
    [group] = copies_data(found, [(1, found.groups[0])])["groups"]
    first, second = group["items"]
    assert group["title"] == "Group 1 · 1 duplicate"
    assert (first["keep"], second["keep"]) == (True, False)
    assert second["name"] == HOSTILE
    assert first["facts"].startswith("160 × 160 · ")
    assert second["away"].startswith("distance ")


def test_the_scale_of_the_slider_holds_the_suggestion(here: Workbench) -> None:
    found = here.duplicates(recipe())
    step, top = scale(found)
    assert round(top / step) == pytest.approx(top / step)
    assert round(found.suggestion.threshold / step) == pytest.approx(found.suggestion.threshold / step)
    assert found.suggestion.threshold <= top <= float(found.nearness.pairs[-1])


def test_the_slider_has_a_scale_where_nearly_every_picture_comes_twice() -> None:
    pairs = np.sort(np.array([0.0, 0.0, *np.full(8, 1.0), *np.full(5, 1.2)], np.float32))
    lists = NearestLists(np.arange(6), np.zeros((6, 1), np.int32), np.zeros((6, 1), np.float32), pairs)
    twice = NearDuplicates(recipe(), share_within(lists, 0.0), Suggestion(0.0, "so"), (), {}, lists)
    step, top = scale(twice)
    assert 0 < step < top == pytest.approx(1.0)


def test_one_picture_is_nothing_to_compare(bench: Workbench, small_home: Path, tmp_path: Path) -> None:
    Image.new("RGB", (40, 40), "navy").save(tmp_path / "one.png")
    mine = Workbench(Home(small_home))
    mine.run("import", source="folder", title="Alone", path=str(tmp_path))
    try:
        assert "only one picture" in texts(visit(recipe("alone")))
    finally:
        mine.remove("alone")


def test_equal_vectors_are_said_to_be_equal(bench: Workbench, small_home: Path, tmp_path: Path) -> None:
    for size in (40, 60, 80, 100):
        Image.new("RGB", (size, size), "navy").save(tmp_path / f"{size}.png")
    mine = Workbench(Home(small_home))
    mine.run("import", source="folder", title="Navy", path=str(tmp_path))
    mine.run("embed", recipe=recipe("navy").as_dict())
    try:
        assert "least half of all pairs of pictures are equal" in texts(visit(recipe("navy")))
    finally:
        mine.remove("navy")


@pytest.mark.parametrize(
    ("size", "shown"), [(12, "12 bytes"), (34_400, "34\xa0KB"), (999_900, "1.0\xa0MB"), (8 * 10**9, "8.0\xa0GB")]
)
def test_sizes_of_files(size: int, shown: str) -> None:
    assert file_size(size) == shown
