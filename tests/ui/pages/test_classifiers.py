"""The view of classifiers without a browser: the list, trying one, applying it, reviewing and writing back."""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from engine.classification.predictions import SUGGESTED, StoredPrediction, StoredPredictions
from engine.classification.review import Review, decide, review, write_decided
from engine.collections.labelling import last_writing, undo_labels, write_labels
from engine.core.storage import write_json
from engine.runs.run import Run
from engine.workbench.workbench import Workbench
from tests import shop
from tests.ui.conftest import SCRIPT, _at
from ui.pages.classify import classifier_review
from ui.pages.classify.classifier_cards import PAGE, agree, batch_of, blind_to, card, checked, others
from ui.pages.classify.classifier_keep import fresh_title
from ui.pages.classify.classifier_review import expected
from ui.pages.classify.classifier_state import Measured, measured_of, train
from ui.pages.classify.classifier_try import measured_accuracy, prediction_data, whole_words
from ui.session.opened import images_of
from ui.widgets.predictions import percent

HOSTILE = "<b>*x*</b> $1$"
OPEN = 9  # things whose label was taken away


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A shop with a measured classification, its classifier, items without a label, and predictions about them."""
    home = tmp_path_factory.mktemp("classifiers")
    bench, recipe = shop.shop(home, "late")
    (found,) = bench.classifications()
    bench.run("classification", name=found.name)
    write_labels(bench.collection("shop"), dict.fromkeys(range(1, OPEN + 1), ""), "taken away")
    bench.run("apply", name=recipe.weights, collection="shop")
    bench.classifier(recipe.weights).run.rename(HOSTILE)
    return home


@pytest.fixture
def bench(made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Workbench]:
    shutil.copytree(made, tmp_path / "home")
    yield from _at(tmp_path / "home", monkeypatch)


@pytest.fixture
def run(bench: Workbench) -> Run:
    (found,) = bench.classifiers()
    return found


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, dict[str, Any]]]:
    """What the page wanted to start."""
    asked: list[tuple[str, dict[str, Any]]] = []

    def start(self: Workbench, kind: str, **arguments: Any) -> SimpleNamespace:
        asked.append((kind, arguments))
        return SimpleNamespace(id="a-job")

    monkeypatch.setattr(Workbench, "start", start)
    return asked


def visit(name: str = "", **session: Any) -> AppTest:
    """The half of the page with the classifiers, one of them open."""
    test = AppTest.from_file(SCRIPT, default_timeout=180)
    test.session_state["go_to"], test.session_state["classify-view"] = "classify", "Classifiers"
    for key, value in ({"classify_open": name} | session).items():
        test.session_state[key] = value
    return ran(test)


def ran(step: Any) -> AppTest:
    """The page after it was visited or something on it was used."""
    test: AppTest = step.run()
    assert not test.exception
    return test


def at_review(run: Run) -> AppTest:
    return visit(run.name, **{f"classifier-tab-{run.name}": "Review"})


def texts(test: AppTest) -> str:
    kinds = (test.markdown, test.caption, test.info, test.warning, test.error, test.success, test.header)
    return " | ".join(part.value for kind in (*kinds, test.subheader) for part in kind).replace("\\", "")


def buttons(test: AppTest) -> dict[str, Any]:
    return {button.key: button for button in test.button}


# ── without a classifier ─────────────────────────────────────────────────────────────────────────────────────────────


def test_suggested_labels_need_no_classifier(bench: Workbench, started: list[Any]) -> None:
    test = visit()
    ran(test.button(key="suggested-open").click())
    assert test.query_params["classifier"] == SUGGESTED
    test.text_input(key="suggested-among").set_value("bag, , cap")
    ran(test)
    ran(test.button(key="suggested-start").click())
    assert started == [("suggest", {"collection": "shop", "every": False, "among": ["bag", "cap"]})]
    test.segmented_control(key=f"classifier-tab-{SUGGESTED}").set_value("Review")
    assert "Nothing to review yet" in texts(ran(test))
    ran(test.button(key="suggested-close").click())
    assert "suggested-open" in buttons(test)


def test_suggested_labels_are_written_and_undone_like_predictions(bench: Workbench) -> None:
    said = (("bag", 0.8), ("cap", 0.1))
    found = (StoredPrediction(1, bench.collection("shop").images().names[0], "", said, None, said),)
    StoredPredictions(SUGGESTED, "shop", 1.0, found).keep(bench.home)
    test = visit(SUGGESTED, **{f"classifier-tab-{SUGGESTED}": "Review"})
    test.selectbox(key=f"review-sure-{SUGGESTED}").set_value(0.0)
    ran(ran(test).button(key="review-accept-surer").click())
    write_decided(bench.home, SUGGESTED, "shop")
    assert bench.collection("shop").images().labels[0] == "bag"
    test = visit(SUGGESTED)
    assert "Suggest labels" in [button.label for button in test.button]  # nothing waits: it begins with the form
    ran(test.button(key="suggested-review-shop").click())
    assert "1 label written to Shop" in texts(test)
    ran(test.button(key="review-undo").click())
    assert bench.collection("shop").images().labels[0] == ""


# ── the list, and the one that is open ───────────────────────────────────────────────────────────────────────────────


def test_without_classifiers_it_says_how_to_make_one(empty_bench: Workbench) -> None:
    test = visit()
    assert "No classifier yet" in texts(test)
    ran(test.button(key="classifiers-none-0").click())
    assert test.session_state["classify-view"] == "Compare models"


def test_the_list_shows_how_good_each_classifier_is_and_opens_one(run: Run) -> None:
    test = visit()
    told = texts(test)
    assert HOSTILE in told
    assert "accuracy in 2-fold cross-validation" in told
    assert "Late fusion · Colour histogram and TF-IDF · 3 classes · trained on 30 items of Shop" in told
    assert "were changed" not in told
    ran(test.button(key=f"classifier-open-{run.name}").click())
    assert "It knows 3 classes: Bags, Caps, Shirts." in texts(test)
    assert test.query_params["classifier"] == run.name


def test_how_good_it_is_comes_from_its_own_model(run: Run, bench: Workbench) -> None:
    found = measured_of(run)
    assert found is not None
    (line,) = bench.classifications()[0].table()
    assert (found.accuracy, found.folds, found.same) == (line.accuracy, 2, True)
    assert len(found.answers) == 30
    assert found.at_least(0.0) == (30, round(30 * line.accuracy))
    bench.classifications()[0].remove()
    assert measured_of(run) is None
    assert "its classification has been deleted" in texts(visit())


def test_a_link_opens_a_classifier_or_says_that_it_is_gone(run: Run) -> None:
    test = visit()
    test.session_state["classify-view"] = "Compare models"
    test.query_params["classifier"] = run.name
    assert "Give it a picture or a text, or both" in texts(ran(test))
    assert "The classifier “none” does not exist any more." in texts(visit("none"))


def test_it_is_renamed_and_deleting_it_is_asked_for(run: Run, bench: Workbench) -> None:
    test = visit(run.name, **{f"classifier-more-{run.name}": True})
    test.text_input(key=f"classifier-name-{run.name}").input("Another *name*")
    ran(test.button(key=f"classifier-rename-{run.name}").click())
    assert bench.classifiers()[0].title == "Another *name*"
    ran(test.button(key=f"classifier-delete-{run.name}").click())
    assert "classifier-delete-yes" in buttons(test)  # what it does, a browser tests
    assert bench.classifiers()


def test_one_that_was_cut_off_goes_on(run: Run, started: list[Any]) -> None:
    run._write(state="stopped")
    test = visit(run.name)
    assert "Training was stopped." in texts(test)
    ran(test.button(key=f"classifier-go-on-{run.name}").click())
    assert started == [("classifier", {"name": "try-late", "fusion": "late", "title": run.card["title"]})]


def test_a_double_click_trains_once(bench: Workbench, monkeypatch: pytest.MonkeyPatch) -> None:
    wanted = {"name": "try-late", "fusion": "late", "title": "New"}
    config = {"kind": "classifier", "title": "Train", "arguments": wanted, "started": time.time()}
    write_json(bench.home.jobs / "20990101-000000-000-classifier" / "config.json", config)
    monkeypatch.setattr(Workbench, "start", lambda *args, **words: pytest.fail("another job was started"))
    train("try-late", "late", "New")
    assert "Train" in texts(visit())


def test_two_classifiers_do_not_get_the_same_title(run: Run) -> None:
    assert fresh_title("New") == "New"
    assert fresh_title(HOSTILE) == f"{HOSTILE} 2"
    run.rename("x" * 80)
    assert fresh_title("x" * 100) == f"{'x' * 75} 2"


def test_what_was_started_is_opened_once_it_is_there(run: Run) -> None:
    assert "Give it a picture" not in texts(visit(classify_started="a-job"))
    run._write(job="a-job")
    test = visit(classify_started="a-job")
    assert "Give it a picture" in texts(test)
    ran(test.button(key="classifier-close").click())
    assert "Give it a picture" not in texts(test)  # and not again and again


def test_a_training_that_failed_at_once_says_why(bench: Workbench) -> None:
    folder = bench.home.jobs / "20990101-000000-000-classifier"
    wanted = {"name": "gone", "fusion": "late", "title": "New"}
    write_json(folder / "config.json", {"kind": "classifier", "title": "Train", "arguments": wanted, "started": 0.0})
    write_json(folder / "result.json", {"state": "failed", "error": "There is no classification 'gone'."})
    assert "There is no classification 'gone'." in texts(visit(classify_started=folder.name))
    assert "There is no classification 'gone'." not in texts(visit())  # news for who started it only


# ── try one ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_text_alone_and_one_of_unknown_words(run: Run) -> None:
    test = visit(run.name, **{"classifier-text": "a leather bag"})
    told = texts(test)
    assert "Bags, " in test.subheader[0].value
    assert "Predicted from the text alone." in told
    assert "when that was measured" not in told  # measured was what both say together
    test.text_area(key="classifier-text").input("qwxz")
    (ask,) = (button for button in test.button if button.label == "Predict")
    assert "None of these words occur in the texts" in texts(ran(ask.click()))


def test_no_random_thing_of_a_collection_that_has_just_been_deleted(run: Run, bench: Workbench) -> None:
    test = visit(run.name)
    button = test.button(key="classifier-random")
    shutil.rmtree(bench.home.datasets / "shop")
    ran(button.click())
    assert any("no collection" in one.value for one in test.warning)


def test_a_random_thing_fills_the_fields_and_both_are_asked(run: Run) -> None:
    test = visit(run.name)
    ran(test.button(key="classifier-random").click())
    told = texts(test)
    assert "number" in test.text_area(key="classifier-text").value
    assert "Picture and text agree." in told
    assert "Weights if both are given" in told
    ran(test.button(key="classifier-similar").click())
    assert (test.session_state["encoder"], test.session_state["collection"]) == (f"fused@{run.name}", "shop")
    assert test.session_state["query"].data is not None
    ran(test)
    assert "most similar to" in texts(test)


def test_what_is_missing_is_said_side_by_side(run: Run) -> None:
    said = (("Bags", 0.9), ("Caps", 0.1))
    told = {"picture": said, "text": None, "fused": said, "words": []}
    sides = prediction_data(run, told, True, "")["sides"]
    assert [side["note"] for side in sides] == ["", "No text given.", ""]
    assert prediction_data(run, told, True, "qwxz")["sides"][1]["note"] == "It knows none of these words."
    assert sides[0]["bars"][0] == {"label": "Bags", "share": 0.9, "percent": "90 %"}
    words = prediction_data(run, told | {"words": [("lea", 0.2), ("##ther", 0.4), ("bag", 0.3)]}, True, "leather bag")
    shown = words["words"]["items"]
    assert [(one["text"], one["percent"]) for one in shown] == [("leather", "60 %"), ("bag", "30 %")]
    assert [one["shade"] for one in shown] == pytest.approx([1, 0.5])
    assert words["words"]["note"].startswith("Attention on each word; 10 % on none")


def test_measured_accuracy_is_shown_only_with_both_picture_and_text(run: Run) -> None:
    told: dict[str, Any] = dict.fromkeys(("picture", "text", "fused"), (("Bags", 0.4), ("Caps", 0.3)))
    measured = measured_of(run)
    assert measured is not None
    assert measured_accuracy(run, told).endswith(
        f"of {measured.at_least(0.4)[0]} predictions with at least this confidence were correct."
    )
    assert measured_accuracy(run, told | {"text": None}) == ""


def test_pieces_become_words() -> None:
    assert whole_words([]) == []
    assert whole_words([("##a", 0.5), ("b", 0.25), ("##c", 0.25)]) == [("##a", 0.5), ("bc", 0.5)]


def test_probabilities_are_never_certain_where_they_are_not() -> None:
    shown = {0.0: "< 1 %", 0.004: "< 1 %", 0.01: "1 %", 0.5: "50 %", 0.99: "99 %", 0.9999: "> 99 %", 1.0: "100 %"}
    assert {share: percent(share) for share in shown} == shown


# ── apply ────────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_it_is_applied_to_what_has_no_label_or_to_all(run: Run, started: list[Any], bench: Workbench) -> None:
    test = visit(run.name, **{f"classifier-tab-{run.name}": "Apply"})
    assert f"**{OPEN} items without a label**" in texts(test)
    ran(test.button(key="classifier-apply").click())
    test.session_state[f"classifier-which-{run.name}"] = "All items"
    ran(test)
    assert "**30 items**" in texts(test)
    ran(test.button(key="classifier-apply").click())
    words = {"name": run.name, "collection": "shop", "title": HOSTILE}
    assert started == [("apply", words | {"every": False}), ("apply", words | {"every": True})]
    undo_labels(bench.collection("shop"))
    test.session_state[f"classifier-which-{run.name}"] = "Only items without a label"
    assert "Every item in this collection already has a label." in texts(ran(test))
    assert "classifier-apply" not in buttons(test)


def test_what_it_has_said_is_one_click_away(run: Run) -> None:
    test = visit(run.name, **{f"classifier-tab-{run.name}": "Apply"})
    ran(test.button(key="classifier-review-shop").click())
    assert f"{OPEN} to decide, lowest confidence first" in texts(test)


def test_the_error_of_the_last_application_is_shown(run: Run, bench: Workbench) -> None:
    folder = bench.home.jobs / "20990101-000000-000-apply"
    words = {"name": run.name, "collection": "shop"}
    write_json(folder / "config.json", {"kind": "apply", "title": "Name", "arguments": words, "started": 0.0})
    write_json(folder / "result.json", {"state": "failed", "error": "The collection must be 'Shop'."})
    assert "The collection must be 'Shop'." in texts(visit(run.name, **{f"classifier-tab-{run.name}": "Apply"}))


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
    assert "**50 undecided items** have at least 90 % confidence" in told
    assert "8 of 10 such predictions were correct: expect about **10** errors among them, at most **25** (50.7" in told
    measured = Measured(1.0, 1.0, 2, ((0.9, True),) * 208, True)
    assert "208 of 208 such predictions were correct: expect at most **2** (1.4 %, with" in expected(run, 200, 0.9)
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
