"""Experiments end to end on real files: measured, stopped, killed, damaged, taken up again, and refused."""

from __future__ import annotations

import fcntl
import os
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from PIL import Image

from engine.comparisons.recipes.experiment import Experiment, pictures_digest
from engine.comparisons.recipes.plan import Training
from engine.comparisons.recipes.run import run_experiment
from engine.core.errors import BadParameter, Corrupt, NotFound, Stopped
from engine.core.home import PROJECT
from engine.core.progress import Reporter
from engine.training import TrainingConfig
from engine.workbench.workbench import Query, Workbench
from tests.engine.comparisons.recipes.conftest import COLOURS, plan
from tests.engine.narrow import narrow_model  # noqa: F401


def cell_files(experiment: Experiment) -> dict[str, int]:
    return {path.name: path.stat().st_mtime_ns for path in (experiment.folder / "cells").glob("*.json")}


def test_measured_once_then_only_what_is_missing_or_damaged(bench: Workbench) -> None:
    made = bench.plan_experiment(plan(metrics=("cosine", "euclidean")))
    assert (made.name, made.state(bench.jobs()), made.rows()) == ("try-it", "planned", [])
    assert bench.run("experiment", name="try-it") == {"experiment": "try-it", "measured": 4, "failed": 0}
    exact, lsh, *_ = made.rows()
    assert (exact.images, exact.queries, exact.recall) == (30, 30, None)  # those without a label take no part
    assert 0 < exact.chance < exact.precision <= 1
    assert lsh.recall is not None
    assert lsh.megabytes > exact.megabytes > 0
    assert made.state(bench.jobs()) == "done"
    before = cell_files(made)
    broken = made.folder / "cells" / f"{exact.key}.json"
    broken.write_bytes(broken.read_bytes().replace(b"precision", b"precisiom"))
    assert len(made.rows()) == 3
    assert bench.run("experiment", name="try-it")["measured"] == 1
    after = cell_files(made)
    assert {name for name in before if before[name] != after[name]} == {broken.name}
    assert made.rows()[0].precision == exact.precision


def test_a_row_agrees_with_the_search(bench: Workbench) -> None:
    shutil.rmtree(bench.home.datasets)
    rng = np.random.default_rng(1)
    for label, colour in COLOURS.items():
        (bench.home.root / "p" / label).mkdir(parents=True)
        for number in range(8):
            pixels = np.clip(rng.normal(colour, 60, (24, 24, 3)), 0, 255).astype(np.uint8)
            Image.fromarray(pixels).save(bench.home.root / "p" / label / f"{number}.png")
    bench.run("import", source="folder", title="Colours", path=str(bench.home.root / "p"))
    made = bench.plan_experiment(plan(methods=("kmeans(clusters=3)",), k=4))
    bench.run("experiment", name=made.name)
    [row] = made.rows()
    recipe = made.plan.cells()[0].recipe
    images = bench.collection("colours").images()
    shares = []
    for id, label in zip(images.ids.tolist(), images.labels, strict=True):
        shares.append(sum(hit.label == label for hit in bench.search(recipe, Query.image(id)).hits) / 4)
    assert row.precision == pytest.approx(np.mean(shares))


def test_whitening_that_fails_fails_only_its_own_cells(bench: Workbench, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: Any) -> None:
        raise BadParameter("vectors", "whitening", "different from each other", "vectors that are all alike")

    monkeypatch.setattr("engine.encoders.vectors.store.fit_whitening", refuse)
    made = bench.plan_experiment(plan(embeddings=("flatten-white", "flatten"), methods=("exact",)))
    assert run_experiment(bench.home, made.name, Reporter())["failed"] == 1
    errors = {row.recipe.split("/")[2]: row.error for row in made.rows()}
    assert "different from each other" in errors["flatten-white"]
    assert errors["flatten"] == ""


def test_what_was_measured_of_other_images_is_measured_anew(bench: Workbench) -> None:
    made = bench.plan_experiment(plan(methods=("exact",)))
    bench.run("experiment", name=made.name)
    assert bench.run("experiment", name=made.name)["measured"] == 0
    [row] = made.rows()
    made.keep(replace(row, made_of="other images"))
    assert bench.run("experiment", name=made.name)["measured"] == 1
    assert made.rows()[0].made_of == row.made_of
    assert row.made_of.startswith(pictures_digest(bench.collection("colours").images()))


def test_what_was_measured_with_other_weights_is_measured_anew(
    bench: Workbench, monkeypatch: pytest.MonkeyPatch
) -> None:
    from engine.encoders.descriptors import ColourHistogram

    made = bench.plan_experiment(plan(methods=("exact",)))
    bench.run("experiment", name=made.name)
    monkeypatch.setattr(ColourHistogram, "version", "of another day")  # as other weights under the same name
    assert bench.run("experiment", name=made.name)["measured"] == 1
    assert bench.run("experiment", name=made.name)["measured"] == 0


def test_a_run_that_was_prolonged_is_another_training(bench: Workbench, monkeypatch: pytest.MonkeyPatch) -> None:
    from engine.comparisons.recipes.run import trained
    from engine.runs import listing as runs
    from models.autoencoder import Autoencoder

    collection = bench.collection("colours")
    config = TrainingConfig.from_dict({"model": 1, "size": 32, "epochs": 1, "schedule": "cosine", "name": "mine"})
    card = {"collection": {"name": "colours", "fingerprint": collection.fingerprint()}}
    run = runs.create(bench.home, "mine", config.as_dict(), card)
    run.keep(Autoencoder(1).initialise(0).state_dict())
    run.end("done", 1)
    begun: list[Any] = []

    def train(arguments: dict[str, Any], reporter: Reporter) -> dict[str, Any]:
        begun.append(arguments["config"]["epochs"])
        return {"run": "mine"}

    monkeypatch.setattr("engine.comparisons.recipes.run.train", train)
    one, two = (Training("Mine", {**config.as_dict(), "epochs": epochs}) for epochs in (1, 2))
    spelt_out = replace(one, config={**one.config, "options": {"eta_min": 0.0}, "keep_state": True})
    assert trained(bench.home, one, collection, Reporter()) == run
    assert trained(bench.home, spelt_out, collection, Reporter()) == run
    assert begun == []
    run.prolong(2)
    run.end("done", 2)
    trained(bench.home, two, collection, Reporter())
    assert begun == [2]


def test_what_cannot_be_measured_says_why_and_the_others_go_on(bench: Workbench) -> None:
    made = bench.plan_experiment(plan(encoders=("model-3", "colour-histogram")))
    assert bench.run("experiment", name=made.name) == {"experiment": made.name, "measured": 2, "failed": 2}
    assert ["not been trained" in row.error for row in made.rows()] == [True, True, False, False]
    assert made.state(bench.jobs()) == "done"


@pytest.mark.slow
def test_trainings_are_done_reused_and_their_failures_kept(bench: Workbench) -> None:
    small = {"model": 1, "size": 32, "epochs": 1, "batch": 8, "probe": 0}
    trainings = (Training("Small", small), Training("Wild", {**small, "rate": 1000.0}))
    made = bench.plan_experiment(plan(trainings=trainings, encoders=(), methods=("exact",)))
    assert [training.name for training in made.plan.trainings] == ["try-it-1", "try-it-2"]
    bench.run("experiment", name=made.name)
    small_row, wild_row = made.rows()
    assert small_row.weights == "try-it-1"
    assert small_row.losses is not None
    assert set(small_row.losses) == {"train", "mse", "ssim"}
    assert wild_row.error or wild_row.losses  # whether a rate of 1000 diverges within one epoch is the machine's affair
    again = bench.plan_experiment(plan(trainings=trainings[:1], encoders=(), methods=("exact",)))
    bench.run("experiment", name=again.name)
    assert again.rows()[0].weights == "try-it-1"
    assert again.rows()[0].precision == small_row.precision
    with pytest.raises(NotFound):
        bench.training_run(f"{again.name}-1")


def test_a_diverged_training_keeps_its_sentence(bench: Workbench, monkeypatch: pytest.MonkeyPatch) -> None:
    from engine.core.errors import Diverged

    def diverges(*given: Any) -> None:
        raise Diverged("The loss became NaN.", way_out="Try a smaller rate.")

    monkeypatch.setattr("engine.comparisons.recipes.run.train", diverges)
    made = bench.plan_experiment(plan(trainings=(Training("Wild", {"model": 1, "size": 32}),)))
    assert bench.run("experiment", name=made.name)["measured"] == 2
    assert [row.error for row in made.rows()][2:] == ["The loss became NaN. Try a smaller rate."] * 2


class StopsAt(Reporter):
    """Stops at the n-th time it is asked."""

    def __init__(self, n: int) -> None:
        super().__init__()
        self.left = n

    @property
    def stop_asked(self) -> bool:
        self.left -= 1
        return self.left < 0


@pytest.mark.parametrize("asked", [0, 4, 6, 9])
def test_stopped_and_taken_up(bench: Workbench, asked: int) -> None:
    from engine.comparisons.recipes.run import run_experiment

    made = bench.plan_experiment(plan(methods=("exact", "lsh", "kmeans")))
    with pytest.raises(Stopped):
        run_experiment(bench.home, made.name, StopsAt(asked))
    kept = cell_files(made)
    assert len(kept) < 3
    bench.run("experiment", name=made.name)
    assert len(made.rows()) == 3
    assert kept.items() <= cell_files(made).items()


@pytest.mark.slow
def test_killed_and_taken_up(bench: Workbench) -> None:
    methods = ("exact", *(f"kmeans(clusters={n})" for n in range(2, 12)))
    made = bench.plan_experiment(plan(methods=methods))
    code = "import sys; from engine.workbench.job_kinds import KINDS; from engine.jobs.job import Reporter; "
    code += "KINDS['experiment'].run({'home': sys.argv[1], 'name': sys.argv[2]}, Reporter())"
    words = [sys.executable, "-c", code, str(bench.home.root), made.name]
    process = subprocess.Popen(words, cwd=PROJECT, start_new_session=True)
    until = time.monotonic() + 120
    while len(cell_files(made)) < 2 and process.poll() is None and time.monotonic() < until:
        time.sleep(0.005)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    kept = cell_files(made)
    assert 2 <= len(kept) == len(made.rows()) < 11
    assert not made.alive
    assert bench.run("experiment", name=made.name)["measured"] == 11 - len(kept)
    assert kept.items() <= cell_files(made).items()
    assert len(made.rows()) == 11


def test_one_process_at_a_time(bench: Workbench) -> None:
    made = bench.plan_experiment(plan())
    with made.measuring():
        with pytest.raises(BadParameter, match="not being measured right now"):
            bench.run("experiment", name=made.name)
        with pytest.raises(BadParameter, match="deleting"):
            made.remove()
        assert made.state(bench.jobs()) == "running"
    with open(made.folder / "lock", "rb") as looked_at:
        fcntl.flock(looked_at, fcntl.LOCK_SH)  # as somebody else who only looks
        assert not made.alive
    made.remove()
    assert bench.experiments() == []
    with pytest.raises(NotFound):
        bench.experiment(made.name)


def test_a_long_title_still_gives_runs_their_names(bench: Workbench) -> None:
    long = plan(title="A title of many words " * 5, trainings=(Training("Small", {"model": 1, "size": 32}),))
    for made in (bench.plan_experiment(long), bench.plan_experiment(long)):
        [training] = made.plan.trainings
        assert TrainingConfig.from_dict(training.config).name == f"{made.name}-1"


def test_names_titles_and_damage(bench: Workbench) -> None:
    first, second = bench.plan_experiment(plan()), bench.plan_experiment(plan())
    assert [found.name for found in bench.experiments()] == [second.name, first.name] == ["try-it-2", "try-it"]
    first.rename("Other")
    assert bench.experiment("try-it").title == "Other"
    file = first.folder / "plan.json"
    file.write_bytes(file.read_bytes()[:-20])
    assert [found.name for found in bench.experiments()] == ["try-it-2"]
    with pytest.raises(Corrupt):
        bench.experiment("try-it")
    for name in ("../try-it", "", "none"):
        with pytest.raises(NotFound):
            bench.experiment(name)


@pytest.mark.parametrize(
    ("change", "kind"),
    [
        ({"collection": "none"}, NotFound),
        ({"encoders": ("model-9",)}, BadParameter),
        ({"embeddings": ("sum",)}, BadParameter),
        ({"methods": ("guess",)}, BadParameter),
        ({"methods": ("lsh(bits=9999)",)}, BadParameter),
        ({"query": 999}, BadParameter),
        ({"trainings": (Training("x", {"model": 1, "size": 31}),)}, BadParameter),
        ({"trainings": (Training("x", {"model": 1, "speed": 3}),)}, BadParameter),
    ],
)
def test_impossible_plans_are_refused_before_anything_is_stored(bench: Workbench, change: Any, kind: Any) -> None:
    with pytest.raises(kind):
        bench.plan_experiment(plan(**change))
    assert bench.experiments() == []
