"""The list of classifiers, trying one, and applying it."""

from __future__ import annotations

import shutil
import time
from types import SimpleNamespace
from typing import Any

import pytest

from engine.classification.predictions import SUGGESTED, StoredPrediction, StoredPredictions
from engine.classification.review import write_decided
from engine.collections.labelling import undo_labels
from engine.core.humanize import probability
from engine.core.storage import write_json
from engine.runs.run import Run
from engine.workbench.workbench import Workbench
from tests.ui.app_pages import HOSTILE
from tests.ui.pages.classifiers.conftest import OPEN, buttons, ran, texts, visit
from ui.pages.classify.classifier_keep import fresh_title
from ui.pages.classify.classifier_state import measured_of, train
from ui.pages.classify.classifier_try import measured_accuracy, prediction_data, whole_words


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, dict[str, Any]]]:
    """What the page wanted to start."""
    asked: list[tuple[str, dict[str, Any]]] = []

    def start(self: Workbench, kind: str, **arguments: Any) -> SimpleNamespace:
        asked.append((kind, arguments))
        return SimpleNamespace(id="a-job")

    monkeypatch.setattr(Workbench, "start", start)
    return asked


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
    assert sides[0]["bars"][0] == {"label": "Bags", "share": 0.9, "percent": "90\xa0%"}
    words = prediction_data(run, told | {"words": [("lea", 0.2), ("##ther", 0.4), ("bag", 0.3)]}, True, "leather bag")
    shown = words["words"]["items"]
    assert [(one["text"], one["percent"]) for one in shown] == [("leather", "60\xa0%"), ("bag", "30\xa0%")]
    assert [one["shade"] for one in shown] == pytest.approx([1, 0.5])
    assert words["words"]["note"].startswith("Attention on each word; 10\xa0% on none")


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
    shown = {
        0.0: "<\xa01\xa0%",
        0.004: "<\xa01\xa0%",
        0.01: "1\xa0%",
        0.5: "50\xa0%",
        0.99: "99\xa0%",
        0.9999: ">\xa099\xa0%",
        1.0: "100\xa0%",
    }
    assert {share: probability(share) for share in shown} == shown


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
