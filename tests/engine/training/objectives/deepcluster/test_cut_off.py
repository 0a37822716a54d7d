"""DeepCluster cut off anywhere: it continues to the same bits."""

from __future__ import annotations

import random
import time
from pathlib import Path
from typing import Any

import pytest

from engine.core.errors import Stopped
from engine.core.home import Home
from engine.core.progress import Reporter
from engine.runs import listing as runs
from engine.training import TrainingConfig, continue_run, train_run
from engine.training.objectives.deepcluster import DeepCluster
from tests.engine.killing import killable
from tests.engine.narrow import narrow
from tests.engine.training.objectives.deepcluster.conftest import SMALL, WITH_NORMALISATION, Shapes
from tests.engine.training.stopping import StopAfter
from tests.engine.training.test_survival import killed_to_the_end
from tests.engine.training.told import train_and_tell

SEEN = ("epoch", "train", "validation", "retrieval", "nmi", "label_nmi", "clusters", "rate", "best")


@pytest.mark.parametrize(("settings", "steps"), [(SMALL, 1), (SMALL, 3), (SMALL, 5), (WITH_NORMALISATION, 4)])
def test_a_stopped_training_goes_on_to_the_same_bits(home: Home, settings: dict[str, Any], steps: int) -> None:
    """In the middle of an epoch its groups go on; at the end of one the next groups are those it would have had."""
    longer = settings | {"epochs": 3}
    whole = train_run(home, TrainingConfig(**longer, name="whole"), Shapes(24), Reporter())
    with pytest.raises(Stopped):
        train_run(home, TrainingConfig(**longer, name="parts"), Shapes(24), StopAfter(steps))
    run = runs.run(home, "parts")
    continue_run(run, Shapes(24), Reporter(), None)
    assert (run.state, run.digest) == ("done", whole.digest)
    assert [[e.get(k) for k in SEEN] for e in run.events()] == [[e.get(k) for k in SEEN] for e in whole.events()]


def test_stopped_while_the_pictures_are_grouped(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    class Impatient(Reporter):
        looks = 0

        def stop_if_asked(self) -> None:
            self.looks += 1
            if self.looks > 3 and self.grouping:
                raise Stopped

        grouping = False

    asked = Impatient()
    prepare = DeepCluster._all_vectors

    def noticed(self: DeepCluster, *values: Any) -> Any:
        asked.grouping = int(self.network.epoch) == 0  # in the second epoch
        try:
            return prepare(self, *values)
        finally:
            asked.grouping = False

    whole = train_run(home, TrainingConfig(**SMALL, name="whole"), Shapes(24), Reporter())
    monkeypatch.setattr(DeepCluster, "_all_vectors", noticed)
    with pytest.raises(Stopped):
        train_run(home, TrainingConfig(**SMALL, name="parts"), Shapes(24), asked)
    monkeypatch.undo()
    run = continue_run(runs.run(home, "parts"), Shapes(24), Reporter(), None)
    assert run.digest == whole.digest
    assert run.events()[-1]["nmi"] == whole.events()[-1]["nmi"]


def train_shapes(root: str, name: str) -> None:
    """Begin the run of that name, or go on with it."""
    narrow()
    train_and_tell(root, name, Shapes(24), SMALL | {"epochs": 3})


@pytest.mark.slow
def test_a_training_killed_at_any_moment_goes_on_to_the_same_bits(tmp_path: Path) -> None:
    chance, first = random.Random(1), (str(tmp_path), "whole")
    with killable(__name__, "train_shapes", first, BENZER_CHECKPOINT_SECONDS="0") as work:
        began = time.monotonic()
        assert work(str(tmp_path), "again")
        longest, kills, whole = time.monotonic() - began, 0, runs.run(Home(tmp_path), "whole")
        for number in range(4):
            kills += killed_to_the_end(work, tmp_path, f"parts-{number}", longest, chance)
            run = runs.run(Home(tmp_path), f"parts-{number}")
            assert (run.state, run.digest) == ("done", whole.digest)
            assert [[e.get(k) for k in SEEN] for e in run.events()] == [
                [e.get(k) for k in SEEN] for e in whole.events()
            ]
            if kills >= 3:
                return
    raise AssertionError(f"only {kills} kills hit")
