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


def test_a_lead_is_one_only_where_it_is_larger_than_it_varies(tmp_path: Path) -> None:
    found = classification(tmp_path, ("picture", "late"))
    keep_all(found, CLASSES, THINGS, {("picture", fold): [(fold + 1, CLASSES[fold % 2])] for fold in range(3)})
    clear = best(found.table(), found.rows())
    assert clear is not None
    assert clear.other is not None
    assert (clear.line.fusion, clear.other.fusion, clear.clear) == ("late", "picture", True)
    assert (clear.difference, clear.deviation, clear.chance, clear.asked) == (pytest.approx(0.25), 0.0, 0.5, 12)
    assert clear.headline == "Late fusion has the highest accuracy: 100.0 % (± 0.0 over 3 folds)."
    assert "ahead of picture only by 25.0 percentage points, more than it varies from fold to fold" in clear.beside

    keep_all(found, CLASSES, THINGS, {("picture", 0): [(1, CLASSES[0])]})
    tied = best(found.table(), found.rows())
    assert tied is not None
    assert not tied.clear
    assert tied.deviation == pytest.approx(0.25 / 3**0.5)
    assert tied.headline.startswith("Late fusion and picture only are about equally good")
    assert "not a significant lead" in tied.beside


def test_a_single_model_a_single_fold_and_nothing(tmp_path: Path) -> None:
    found = classification(tmp_path, ("picture", "late"))
    assert best(found.table(), found.rows()) is None
    keep_all(found, CLASSES, THINGS, {("picture", 0): [(1, CLASSES[0])]})
    rows = [row for row in found.rows() if row.fold == 0]
    lines = [line for line in found.table() if line.fusion == "late"]
    alone = best(lines, rows)
    assert alone is not None
    assert alone.headline == "Late fusion: 100.0 % accuracy (± 0.0 over 3 folds)."
    assert alone.beside == "Chance level, always predicting the most frequent class: 50.0 %."
    first = best(found.table(), rows)
    assert first is not None
    assert not first.clear
    assert "on a single fold, which is not decisive" in first.beside


def test_the_page_tells_everything_and_interprets_nothing(tmp_path: Path) -> None:
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
