"""What a classification says of itself: which model is best, and the page of HTML."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.classification.best import best
from engine.classification.plan import ClassificationPlan
from engine.classification.report import _spread, to_html
from engine.classification.results import Classification, create
from engine.cli.parser import main
from engine.core.home import Home
from tests.classified import keep_all

CLASSES = ("Bags", "Caps <b>")
THINGS = [(number, CLASSES[number % 2]) for number in range(1, 13)]


def classification(home: Path, fusions: tuple[str, ...], folds: int = 3, **changes: object) -> Classification:
    return create(
        Home(home), ClassificationPlan("Try <i>it</i>", "shop", "hog", fusions=fusions, folds=folds, **changes)
    )  # type: ignore[arg-type]


MANY = [(number, CLASSES[number % 2]) for number in range(1, 61)]


def test_a_lead_is_reported_only_if_items_and_folds_decide_it(tmp_path: Path) -> None:
    found = classification(tmp_path, ("picture", "late"))
    mistakes = {("picture", fold): [(id, CLASSES[1 - id % 2]) for id, _ in MANY[fold::3][:8]] for fold in range(3)}
    keep_all(found, CLASSES, MANY, mistakes)
    clear = best(found.table(), found.rows())
    assert clear is not None
    assert clear.other is not None
    assert (clear.line.fusion, clear.other.fusion, clear.clear) == ("late", "picture", True)
    assert (clear.chance, clear.asked, clear.right, clear.alone) == (0.5, 60, 60, (24, 0))
    assert clear.headline == "Late fusion has the highest accuracy: 100.0\xa0% (94.0–100.0\xa0%)."
    assert "ahead of picture only by 40.0 percentage points (alone right about 24 items against 0" in clear.beside
    assert to_html(found).count("<strong>1.000") == 1, "the accuracy, and no other column"

    keep_all(found, CLASSES, THINGS, {("picture", 0): [(1, CLASSES[0])]})
    tied = best(found.table(), found.rows())
    assert tied is not None
    assert not tied.clear
    assert (
        tied.headline == "Late fusion: 100.0\xa0% (73.5–100.0\xa0%) accuracy, but no lead over picture only is decided."
    )
    assert "better is not decided (alone right about 1 items against 0, McNemar p = 1," in tied.beside
    assert "<strong>1.000" not in to_html(found)


def test_eighteen_items_against_fifteen_are_no_lead(tmp_path: Path) -> None:
    things = [(number, CLASSES[number % 2]) for number in range(319)]
    found = classification(tmp_path, ("picture", "late"), folds=5)

    def wrong(first: int, last: int, fold: int) -> list[tuple[int, str]]:
        return [(id, CLASSES[1 - id % 2]) for id, _ in things[fold::5] if first <= id < last]

    both = {fold: wrong(0, 12, fold) for fold in range(5)}
    mistakes = {("picture", fold): both[fold] + wrong(20, 38, fold) for fold in range(5)}
    keep_all(found, CLASSES, things, mistakes | {("late", fold): both[fold] + wrong(50, 65, fold) for fold in range(5)})
    told = best(found.table(), found.rows())
    assert told is not None
    assert (told.right, told.alone, told.clear) == (292, (18, 15), False)
    assert told.over_items is not None
    assert told.over_items.p == pytest.approx(0.728, abs=0.001)
    assert "alone right about 18 items against 15, McNemar p = .73" in told.beside
    assert "not decided" in told.beside


def test_a_lead_over_the_second_is_none_where_the_third_may_be_as_good(tmp_path: Path) -> None:
    found = classification(tmp_path, ("picture", "text", "late"))
    wrong = {("text", fold): 8 for fold in range(3)} | {("picture", fold): (20, 3, 3)[fold] for fold in range(3)}
    mistakes = {cell: [(id, CLASSES[1 - id % 2]) for id, _ in MANY[cell[1] :: 3][:few]] for cell, few in wrong.items()}
    keep_all(found, CLASSES, MANY, mistakes)
    told = best(found.table(), found.rows())
    assert told is not None
    assert told.other is not None
    assert (told.line.fusion, told.other.fusion, told.clear) == ("late", "picture", False)
    assert "no lead over picture only is decided" in told.headline


def test_a_model_that_predicts_as_another_is_named_as_such(tmp_path: Path) -> None:
    found = classification(tmp_path, ("picture", "text", "late"))
    one_wrong = [(1, CLASSES[0])]
    keep_all(found, CLASSES, THINGS, {("picture", 0): one_wrong, ("late", 0): one_wrong})
    assert [found.same_as(fusion) for fusion in ("picture", "text", "late")] == ["", "", "Picture only"]
    assert "Late fusion (predicts as picture only)" in to_html(found)
    assert "Text only (predicts as" not in to_html(found)


def test_a_single_model_a_single_fold_and_nothing(tmp_path: Path) -> None:
    found = classification(tmp_path, ("picture", "late"))
    assert best(found.table(), found.rows()) is None
    keep_all(found, CLASSES, THINGS, {("picture", 0): [(1, CLASSES[0])]})
    rows = [row for row in found.rows() if row.fold == 0]
    lines = [line for line in found.table() if line.fusion == "late"]
    alone = best(lines, rows)
    assert alone is not None
    assert alone.headline == "Late fusion: 100.0\xa0% (39.8–100.0\xa0%) accuracy."
    assert alone.beside == "Chance level, always predicting the most frequent class: 50.0\xa0%."
    first = best(found.table(), rows)
    assert first is not None
    assert not first.clear
    assert "share one fold only, which decides nothing" in first.beside


def test_the_page_shows_everything_and_escapes_texts(tmp_path: Path) -> None:
    found = classification(tmp_path, ("picture", "late"), conditions=("picture=missing",))
    assert "Nothing has been measured yet" in to_html(found)
    keep_all(found, CLASSES, THINGS, {("picture", 0): [(1, "Bags")], ("late", 1): [(2, "Caps <b>")]})
    page = to_html(found)
    for text in ("Missing or noisy", "no picture", "Most confused", "By class", "Learning", "0.917 ± 0.144"):
        assert text in page
    assert "Caps &lt;b&gt;" in page
    assert "Caps <b>" not in page
    assert "<i>it" not in page
    assert "http://" not in page
    assert "<script" not in page


def test_the_page_gives_no_spread_for_a_single_fold(tmp_path: Path) -> None:
    assert _spread(0.5, 0.25, 3) == "0.500 ± 0.250"
    assert _spread(0.5, 0.0, 1) == "0.500"


def test_the_command_writes_the_page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BENZER_HOME", str(tmp_path / "home"))
    found = classification(tmp_path / "home", ("picture",))
    keep_all(found, CLASSES, THINGS, {})
    assert main(["classify", "--show", found.name, "--html", str(tmp_path / "page.html")]) == 0
    assert "It was right about everything" in (tmp_path / "page.html").read_text()
    assert main(["classify", "--show", found.name, "--html", str(tmp_path)]) != 0
