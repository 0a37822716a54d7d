"""Runs side by side: which searches better is told only where the same queries decide it."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from engine.core.errors import BadParameter
from engine.core.home import Home
from engine.evaluation.statistics.paired import paired_difference
from engine.runs import listing as runs
from engine.runs.epochs import Watch
from engine.runs.run import Run
from engine.training import TrainingConfig
from engine.training.compared import MOST, compared_runs

PICTURES = 40
IDS = np.arange(PICTURES)
LABELS = ["even" if id % 2 == 0 else "odd" for id in IDS]
IMAGES: Any = SimpleNamespace(ids=IDS, labels=LABELS)


def judged_run(
    home: Home,
    name: str,
    right: Any,
    *,
    collection: str = "faces",
    fingerprint: str = "f",
    measure: str = "precision@8",
    ids: Any = IDS,
    **config: Any,
) -> Run:
    """A run whose kept weights found `right` (p,) neighbours of eight with the label of each picture."""
    card = {"collection": {"name": collection, "fingerprint": fingerprint}}
    run = runs.create(home, name, TrainingConfig(model=1, size=32, **config).as_dict(), card)
    hits = np.broadcast_to(right, len(ids))
    near = [[id + 2 if place < hit else id + 1 for place in range(8)] for id, hit in zip(ids, hits, strict=True)]
    neighbours = np.array(near) % PICTURES
    watch = Watch(run.folder / "watch")
    watch.begin(ids, measure, 0.5, ids[:6].tolist(), b"")
    for epoch in (0, 1, 2):
        watch.note(epoch, neighbours, b"")
        run.note(epoch=epoch, retrieval=float(hits.mean() / 8) if epoch else 0.1, best=epoch == 1)
    return run


def test_the_same_queries_decide(home: Home) -> None:
    chance = np.random.default_rng(0)
    hits = [chance.integers(0, 5, PICTURES), chance.integers(3, 9, PICTURES), chance.integers(3, 9, PICTURES)]
    all_of_them = [judged_run(home, name, right) for name, right in zip("abc", hits, strict=True)]
    found = compared_runs(all_of_them, IMAGES)
    assert [figure.kept for figure in found.figures if figure] == pytest.approx([each.mean() / 8 for each in hits])
    assert all(figure and figure.interval[0] < figure.kept < figure.interval[1] for figure in found.figures)
    assert all(figure and (figure.untrained, figure.epoch) == (0.1, 1) for figure in found.figures)
    raw = {pair: paired_difference(hits[pair[0]] / 8, hits[pair[1]] / 8) for pair in ((0, 1), (0, 2), (1, 2))}
    order = sorted(raw, key=lambda pair: raw[pair].p)
    corrected, largest = {}, 0.0
    for rank, pair in enumerate(order):  # Holm by hand
        largest = max(largest, min(1.0, (3 - rank) * raw[pair].p))
        corrected[pair] = largest
    assert {(one, two): decision.p for one, two, decision in found.pairs} == pytest.approx(corrected)
    told = found.sentences("ABC")
    assert told[0].startswith("B searches better than A (+0.")
    assert told[1].startswith("C searches better than A (+0.")
    assert told[2].startswith("B or C: not decided (")
    assert found.settings == ()


def test_all_right_is_better_than_all_wrong(home: Home) -> None:
    found = compared_runs([judged_run(home, "right", 8), judged_run(home, "wrong", 0)], IMAGES)
    [(_, _, decision)] = found.pairs
    assert (decision.effect, decision.interval, decision.cases) == (1.0, (1.0, 1.0), PICTURES)
    assert decision.outcome == "better"


def test_settings_that_differ_are_listed_with_those_of_the_schedule(home: Home) -> None:
    one = judged_run(home, "one", 4, rate=0.01, schedule="one-cycle", options={"pct_start": 0.2})
    two = judged_run(home, "two", 4, rate=0.02, schedule="cosine", seed=0)
    settings = dict(compared_runs([one, two], IMAGES).settings)
    assert settings["rate"] == (0.01, 0.02)
    assert settings["schedule"] == ("one-cycle", "cosine")
    assert settings["pct_start"] == (0.2, "–")
    assert "seed" not in settings
    assert "name" not in settings


def test_without_labels_or_pictures_the_shares_are_compared(home: Home) -> None:
    """Single results cannot be told then: the answer is more cautious, and the interval is still there."""
    copies = [judged_run(home, name, hits, measure="own copy found") for name, hits in (("a", 2), ("b", 7))]
    found = compared_runs(copies, IMAGES)
    assert [figure.single is None for figure in found.figures if figure] == [True, True]
    assert found.pairs[0][2].outcome == "worse"
    gone = compared_runs([judged_run(home, "c", 4), judged_run(home, "d", 5)], None)
    assert gone.pairs[0][2].outcome == "not decided"
    assert gone.figures[0]
    assert gone.figures[0].interval[0] < 0.5 < gone.figures[0].interval[1]


def test_changed_labels_are_not_taken_for_those_of_the_training(home: Home) -> None:
    other: Any = SimpleNamespace(ids=IDS, labels=["odd"] * PICTURES)
    found = compared_runs([judged_run(home, "a", 4), judged_run(home, "b", 5)], other)
    assert found.figures[0]
    assert found.figures[0].single is None


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"ids": IDS[:30]}, "measured on different pictures"),
        ({"measure": "own copy found"}, "different measures"),
    ],
)
def test_what_was_measured_otherwise_is_not_decided(home: Home, change: dict[str, Any], says: str) -> None:
    found = compared_runs([judged_run(home, "a", 2), judged_run(home, "b", 8, **change)], IMAGES)
    assert found.pairs == ()
    [sentence] = found.sentences(["a", "b"])
    assert says in sentence
    assert "not decided" in sentence


def test_a_run_without_figures_is_shown_without(home: Home) -> None:
    card = {"collection": {"name": "faces", "fingerprint": "f"}}
    bare = runs.create(home, "bare", TrainingConfig(model=1, size=32, probe=0).as_dict(), card)
    found = compared_runs([judged_run(home, "a", 2), bare], IMAGES)
    assert found.figures[1] is None
    assert "not measured in every run" in found.not_paired


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"collection": "flowers"}, "all on one collection.*a on faces, b on flowers"),
        ({"fingerprint": "g"}, "the collection has changed"),
    ],
)
def test_runs_on_other_pictures_are_refused(home: Home, change: dict[str, Any], says: str) -> None:
    with pytest.raises(BadParameter, match=says):
        compared_runs([judged_run(home, "a", 2), judged_run(home, "b", 2, **change)], IMAGES)


def test_one_run_the_same_twice_and_too_many_are_refused(home: Home) -> None:
    run = judged_run(home, "a", 2)
    for wrong in ([], [run], [run, run], [Run(home.weights / f"r{number}") for number in range(MOST + 1)]):
        with pytest.raises(BadParameter, match="two to 8 different ones"):
            compared_runs(wrong, IMAGES)


def test_what_a_run_of_a_former_version_did_not_say_is_no_difference(home: Home) -> None:
    one, two = judged_run(home, "one", 4), judged_run(home, "two", 4, rate=0.01, keep_state=True)
    one._write(config={name: value for name, value in one.config.items() if name not in ("clip", "keep_state")})
    assert compared_runs([one, two], IMAGES).settings == (("rate", (0.001, 0.01)),)


def test_a_setting_of_the_schedule_hides_none_of_the_same_name(home: Home) -> None:
    plateau = [
        judged_run(home, name, 4, schedule="plateau", options={"patience": 3}, patience=patience)
        for name, patience in (("a", 1), ("b", 2))
    ]
    assert compared_runs(plateau, IMAGES).settings == (("patience", (1, 2)),)


def test_weights_that_no_epoch_improved_are_compared_too(home: Home) -> None:
    still = judged_run(home, "still", 4)
    lines = [{**event, "best": False, "retrieval": 0.5} for event in still.events()]
    (still.folder / "events.jsonl").unlink()
    for line in lines:
        still.note(**{name: value for name, value in line.items() if name != "time"})
    still._write(card=still.card | {"best_epoch": 0})
    found = compared_runs([still, judged_run(home, "b", 4)], IMAGES)
    assert found.figures[0]
    assert (found.figures[0].epoch, found.figures[0].kept) == (0, 0.5)
    assert found.pairs


def test_who_knows_the_answers_is_not_said_to_search_better(home: Home) -> None:
    cheat, other = judged_run(home, "cheat", 8), judged_run(home, "other", 0)
    cheat._write(card=cheat.card | {"labels": {"digest": "of these"}})
    cheat.note(kind="asked", seen=0, pictures=PICTURES)
    assert compared_runs([cheat, other], IMAGES).pairs, "all of them were held out"
    cheat.note(kind="asked", seen=3, pictures=PICTURES)
    found = compared_runs([cheat, other], IMAGES)
    assert found.pairs == ()
    [sentence] = found.sentences(["Cheat", "Other"])
    assert "learned the labels of pictures that it is judged by" in sentence
