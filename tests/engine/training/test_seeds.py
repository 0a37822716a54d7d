"""Runs of one training under several seeds are told together: one of each seed, and no others."""

from __future__ import annotations

from typing import Any

import pytest

from engine.core.home import Home
from engine.runs import listing as runs
from engine.runs.run import Run
from engine.training import TrainingConfig
from engine.training.config import with_defaults
from engine.training.seeds import figures_over_seeds, of_the_same_settings

MADE_OF = {"name": "faces", "title": "Faces", "fingerprint": "f"}


def finished(home: Home, name: str, seed: int, retrieval: float = 0.5, **more: Any) -> Run:
    config = TrainingConfig.from_dict(with_defaults({"objective": "triplet", "seed": seed, **more})).as_dict()
    return ended(runs.create(home, name, config, {"collection": MADE_OF}), retrieval)


def ended(run: Run, retrieval: float) -> Run:
    run._write(card=run.card | {"retrieval": retrieval}, created=float(len(list(run.folder.parent.iterdir()))))
    run.end("done", 1)
    return run


def same(home: Home, run: Run) -> list[str]:
    return [one.name for one in of_the_same_settings(run, runs.runs(home)) if not one.shipped]


def test_of_each_seed_the_newest_counts_once(home: Home) -> None:
    first = finished(home, "first", 0, 0.1)
    finished(home, "again", 0, 0.5)
    assert same(home, first) == ["again"]
    assert figures_over_seeds(of_the_same_settings(first, runs.runs(home))) == {}, "twice the same seed tells nothing"
    finished(home, "other", 1, 0.7)
    found = of_the_same_settings(first, runs.runs(home))
    assert {run.name for run in found} == {"again", "other"}
    assert figures_over_seeds(found)["retrieval"] == pytest.approx((0.6, 0.02**0.5))


def test_settings_of_former_versions_are_those_they_stood_for(home: Home) -> None:
    """A key that came later had its default; a state that was kept, or a renamed collection, changes no training."""
    new = finished(home, "new", 0, settings={"margin": 0.2, "mining": "semi-hard"}, keep_state=True)
    old = {key: value for key, value in new.config.items() if key not in ("keep_state", "clip", "settings")}
    made_of = MADE_OF | {"title": "Faces of 2025"}
    ended(runs.create(home, "old", old | {"seed": 1}, {"collection": made_of}), 0.6)
    finished(home, "unlike", 2, rate=0.5)
    assert set(same(home, new)) == {"new", "old"}


def test_what_was_prolonged_or_learned_other_labels_is_another_training(home: Home) -> None:
    run, longer, other = (finished(home, name, seed) for seed, name in enumerate(("run", "longer", "other")))
    longer._write(prolonged_after=1)
    other._write(card=other.card | {"labels": {"digest": "of others"}})
    assert same(home, run) == ["run"]
