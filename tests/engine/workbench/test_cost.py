"""What work is expected to take: rates that ended jobs measured, else rough ones."""

from __future__ import annotations

from typing import Any

import pytest

from engine.comparisons.recipes.plan import ExperimentPlan, Training
from engine.core.home import Home
from engine.core.storage import write_json
from engine.jobs.job import Job
from engine.workbench.cost import embedding_seconds, experiment_cost, images_per_second

HERE, THERE = "processor with 2 threads", "Ray, 4 workers"


def embedded(home: Home, number: int, encoder: str, rate: float, device: str = HERE, encoded: int = 500) -> Job:
    folder = home.jobs / f"20260101-000000-{number:03d}-embed"
    folder.mkdir(parents=True)
    arguments = {"recipe": {"encoder": encoder}}
    write_json(folder / "config.json", {"kind": "embed", "title": "", "arguments": arguments, "started": 0.0})
    value = {"images_per_second": rate, "device": device, "encoded": encoded}
    write_json(folder / "result.json", {"state": "done", "value": value})
    return Job(folder)


def test_rates_are_those_of_jobs_on_the_device_of_the_newest(home: Home) -> None:
    assert images_per_second(home, "hog") == 60
    for number, (rate, device) in enumerate([(10, HERE), (900, THERE), (30, HERE), (20, HERE)]):
        embedded(home, number, "hog", rate, device)
    embedded(home, 7, "glcm", 5000)
    assert images_per_second(home, "hog") == 20
    assert embedding_seconds(home, "hog", 100) == 5
    embedded(home, 8, "hog", 700, THERE)
    assert images_per_second(home, "hog") == 800


@pytest.mark.parametrize(("encoder", "rate"), [("model-4", 100), ("mobilenet-v2", 40), ("raw-pixels", 60)])
def test_without_jobs_a_family_has_a_rough_rate(home: Home, encoder: str, rate: float) -> None:
    assert images_per_second(home, encoder) == rate
    assert embedding_seconds(home, f"{encoder}@mine", 200) == 200 / rate


@pytest.mark.parametrize("result", [{"state": "stopped"}, {"state": "failed", "error": "No."}, None])
def test_jobs_that_measured_nothing_do_not_count(home: Home, result: dict[str, Any] | None) -> None:
    embedded(home, 1, "hog", 25)
    embedded(home, 2, "hog", 0.1, encoded=1)
    job = embedded(home, 3, "hog", 3)
    (job.folder / "result.json").unlink()
    if result:
        write_json(job.folder / "result.json", result)
    damaged = embedded(home, 4, "hog", 4)
    (damaged.folder / "result.json").write_text("{}")
    assert images_per_second(home, "hog") == 25


def test_a_sample_counts_as_a_job_that_embedded(home: Home) -> None:
    job = embedded(home, 1, "", 0)
    done = {"encoder": "hog", "images_per_second": 80, "device": HERE, "encoded": 64}
    write_json(job.folder / "result.json", {"state": "done", "value": {"imported": 64, "embedded": done}})
    assert images_per_second(home, "hog") == 80


def test_an_experiment_takes_its_trainings_its_vectors_and_its_recipes(home: Home) -> None:
    embedded(home, 1, "hog", 50)
    plan = ExperimentPlan(
        "Try", "colours", encoders=("hog",), trainings=(Training("Known", {"model": 1}), Training("New", {"model": 2})),
        embeddings=("max",), metrics=("cosine",), methods=("exact",), queries=10,
    )  # fmt: skip
    cost = experiment_cost(home, plan, 200, lambda config: 7.0 if config["model"] == 1 else None)
    assert cost.unknown == 1
    assert cost.seconds == pytest.approx(7 + 200 / 50 + 2 * 200 / 100 + 3 * (2 + 10 * 200 * 2e-6))
