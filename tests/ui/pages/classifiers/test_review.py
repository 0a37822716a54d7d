"""Reviewing what a classifier predicts, and writing it back."""

from __future__ import annotations

import shutil
from dataclasses import replace
from types import SimpleNamespace

import pytest
from streamlit.testing.v1 import AppTest

from engine.classification.predictions import StoredPrediction
from engine.classification.review import Review, decide, review, write_decided
from engine.collections.labelling import last_writing
from engine.runs.run import Run
from engine.workbench.workbench import Workbench
from tests.ui.app_pages import HOSTILE
from tests.ui.pages.classifiers.conftest import OPEN, buttons, ran, texts, visit
from ui.pages.classify import classifier_review
from ui.pages.classify.classifier_cards import PAGE, agree, batch_of, blind_to, card, checked, others
from ui.pages.classify.classifier_review import expected
from ui.pages.classify.classifier_state import Measured
from ui.session.opened import images_of


def at_review(run: Run) -> AppTest:
    return visit(run.name, **{f"classifier-tab-{run.name}": "Review"})


# ── review ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def found_of(bench: Workbench, run: Run) -> Review:
    found = review(bench.home, run.name, "shop")
    assert found is not None
    return found


def test_nothing_is_written_until_that_is_asked_and_it_can_be_undone(run: Run, bench: Workbench) -> None:
    test = at_review(run)
    assert buttons(test)["review-write"].disabled
    test.selectbox(key=f"review-sure-{run.name}").set_value(0.0)
    ran(test)
    ran(test.button(key="review-accept-surer").click())
    assert len(found_of(bench, run).waiting) == OPEN
    assert buttons(test)["review-write"].label == f"Write {OPEN} labels to the collection"
    assert last_writing(bench.collection("shop"))["what"] == "taken away"  # type: ignore[index]
    ran(test.button(key="review-write").click())
    assert f"{OPEN} items without a label will get one" in texts(test)  # the dialog; a browser presses its button
    write_decided(bench.home, run.name, "shop")
    test = at_review(run)
    assert f"{OPEN} labels written to Shop" in texts(test)
    ran(test.button(key="review-undo").click())
    assert len(found_of(bench, run).waiting) == OPEN
    assert "review-undo" not in buttons(test)


def test_a_review_that_has_begun_is_opened_again(run: Run, bench: Workbench) -> None:
    decide(bench.home, run.name, "shop", {1: "Caps", 2: ""})
    told = texts(visit(run.name))
    assert f"{OPEN - 2} to decide" in told
    assert buttons(visit(run.name))["review-write"].label == "Write 1 label to the collection"


def test_all_decisions_that_are_not_written_are_taken_back_at_once(run: Run, bench: Workbench) -> None:
    decide(bench.home, run.name, "shop", {1: "Caps"})
    write_decided(bench.home, run.name, "shop")
    decide(bench.home, run.name, "shop", {2: "Bags", 3: ""})
    test = at_review(run)
    assert buttons(test)["review-forget"].label == "Undo 2 decisions"
    ran(test.button(key="review-forget").click())
    assert found_of(bench, run).decisions == {1: "Caps"}
    assert buttons(test)["review-forget"].disabled


def test_before_it_was_applied_there_is_nothing_to_review(run: Run) -> None:
    shutil.rmtree(run.folder / "guesses")
    assert "Nothing to review yet" in texts(at_review(run))


def test_decisions_that_cannot_be_stored_show_an_error(
    run: Run, bench: Workbench, monkeypatch: pytest.MonkeyPatch
) -> None:
    decide(bench.home, run.name, "shop", {1: "Caps"})
    path = run.folder / "reviews" / "shop.json"
    path.write_text(path.read_text().replace("Caps", "Hats"))
    assert "damaged" in texts(at_review(run))


def test_the_errors_to_expect_come_from_what_was_measured(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    answers = tuple((0.9, number < 8) for number in range(10)) + ((0.5, False),) * 10
    measured = Measured(0.4, 0.4, 2, answers, True)
    monkeypatch.setattr(classifier_review, "measured_of", lambda run: measured)
    told = expected(run, 50, 0.9)
    assert "**50 undecided items** have at least 90\xa0% confidence" in told
    assert "8 of 10 such predictions were correct: expect about **10** errors among them, at most **25** (50.7" in told
    measured = Measured(1.0, 1.0, 2, ((0.9, True),) * 208, True)
    assert "208 of 208 such predictions were correct: expect at most **2** (1.4\xa0%, with" in expected(run, 200, 0.9)
    assert "was not measured" in expected(run, 3, 0.95)
    monkeypatch.setattr(classifier_review, "measured_of", lambda run: None)
    assert "was not measured" in expected(run, 3, 0.9)


# ── cards ────────────────────────────────────────────────────────────────────────────────────────────────────────────


def guess(id: int, said: str = "Bags", picture: str = "Bags", text: str | None = "Bags") -> StoredPrediction:
    read = ((text, 0.6), ("Belts", 0.4)) if text else None
    return StoredPrediction(id, f"{id}.png", "", ((picture, 0.7), ("Caps", 0.3)), read, ((said, 0.8), ("Caps", 0.2)))


def test_a_page_stays_until_it_is_turned_and_what_was_passed_comes_last() -> None:
    some = [guess(id) for id in range(50)]
    batch, more = batch_of(some, {}, None)
    assert ([one.id for one in batch], more) == (list(range(PAGE)), 30)
    decided = dict.fromkeys(range(5), "Bags")
    batch, more = batch_of(some, decided, (range(PAGE), ()))
    assert ([one.id for one in batch], more) == (list(range(PAGE)), 30)  # decided ones stay in sight
    passed = list(range(PAGE))
    batch, more = batch_of(some, decided, ((), passed))
    assert ([one.id for one in batch], more) == (list(range(20, 40)), 25)
    everything = list(range(50))
    batch, more = batch_of(some, decided, ((), everything))
    assert ([one.id for one in batch], more) == (list(range(5, 25)), 25)
    assert batch_of(some, dict.fromkeys(range(50), ""), None) == ([], 0)


def test_what_else_it_may_be_is_offered_once() -> None:
    assert others(guess(1, "Bags", "Caps", "Tops")) == ["Caps", "Tops"]
    assert others(guess(1)) == ["Caps"]
    assert others(guess(1, "Bags", "Bags", None)) == ["Caps"]
    assert [agree(guess(1, picture="Caps")), agree(guess(1)), agree(guess(1, picture="Caps", text=None))] == [
        False,
        True,
        True,
    ]


def test_only_decisions_about_what_was_shown_are_taken_from_the_browser() -> None:
    sent = {"1": "Caps", "2": None, "3": "", "99": "Caps", "x": "Caps", "4": 7, "5": "y" * 201}
    assert checked(sent, {1, 2, 3, 4, 5}) == {1: "Caps", 2: None, 3: ""}
    assert checked(None, {1}) == checked("1", {1}) == {}


def test_a_classifier_of_one_side_does_not_say_that_the_other_is_missing(run: Run, bench: Workbench) -> None:
    found = found_of(bench, run)
    one = replace(found.predictions[0], picture=None)
    images = images_of("shop")
    assert card(images, "shop", found, one)["sides"][0]["note"] == "no picture"
    assert card(images, "shop", found, one, ["picture"])["sides"][0]["note"] == "not used"
    assert card(images, "shop", found, replace(one, text=None), ["text"])["sides"][1]["note"] == "not used"
    assert blind_to(SimpleNamespace(card={"picture": None, "text": "tf-idf"})) == ["picture"]
    assert blind_to(run) == []


def test_a_card_shows_the_prediction_and_the_decision(run: Run, bench: Workbench) -> None:
    decide(bench.home, run.name, "shop", {1: HOSTILE})
    found = found_of(bench, run)
    one = next(one for one in found.predictions if one.id == 1)
    drawn = card(images_of("shop"), "shop", found, one)
    assert (drawn["decided"], drawn["decision"], drawn["written"]) == (HOSTILE, "corrected", False)
    assert [side["title"] for side in drawn["sides"]] == ["Picture", "Text", "Both"]
    assert drawn["src"].startswith("/thumbs/shop/1.webp?v=")
    write_decided(bench.home, run.name, "shop")
    assert card(images_of("shop"), "shop", found_of(bench, run), one)["written"]
