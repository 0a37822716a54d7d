"""Many jobs of all kinds at once, some stopped and some killed: each ends in a state and a sentence, none is lost.

A dozen; with BENZER_FULL_COUNTS=1 a hundred.
"""

from __future__ import annotations

import os
import signal
import sys
import time
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from engine.collections.integrity import check
from engine.core.home import Home
from engine.core.recipe import Recipe
from engine.grouping.plan import GroupingPlan, Step
from engine.jobs.job import Job
from engine.workbench.integrity import check_home
from engine.workbench.workbench import Workbench
from tests.counts import count

JOBS = count(12, 100)
RECIPE = Recipe("pile", "colour-histogram", embedding="flatten")
GROUPS = GroupingPlan(Step("kmeans", (("groups", 2),)), map=Step("pca"))


@pytest.fixture
def bench(tmp_path: Path) -> Workbench:
    (tmp_path / "pictures").mkdir()
    for number in range(12):
        pixels = np.random.default_rng(number).integers(0, 256, (24, 24, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(tmp_path / "pictures" / f"{number}.png")
    bench = Workbench(Home(tmp_path / "home"))
    bench.run("import", source="folder", title="Pile", path=str(tmp_path / "pictures"))
    return bench


def asked(number: int, place: Path) -> tuple[str, dict[str, Any]]:
    """The kind and the arguments of one of the jobs."""
    (place / f"{number}").mkdir()
    kinds: list[tuple[str, dict[str, Any]]] = [
        ("import", {"source": "folder", "title": f"Pile {number}", "path": str(place / "pictures")}),
        ("embed", {"recipe": RECIPE.as_dict()}),
        ("group", {"recipe": RECIPE.as_dict(), "plan": GROUPS.as_dict(), "title": f"Groups {number}"}),
        ("export", {"collection": "pile", "format": "csv", "folder": str(place / f"{number}"), "title": "All"}),
        ("rescan", {"collection": "pile"}),
        ("perceptual", {"collection": "pile"}),
    ]
    return kinds[number % len(kinds)]


def kill(jobs: Sequence[Job]) -> None:
    """Kill the worker of each of these jobs as soon as it works, unless it ends before."""
    while left := [job for job in jobs if job.alive]:
        for worker in filter(None, (job.worker for job in left)):
            with suppress(ProcessLookupError):
                os.kill(worker, signal.SIGKILL)
        time.sleep(0.01)


@pytest.mark.slow
def test_every_job_ends_and_nothing_is_damaged(bench: Workbench, tmp_path: Path) -> None:
    started = [bench.start(kind, **given) for kind, given in (asked(number, tmp_path) for number in range(JOBS))]
    for job in started[3::7]:
        job.stop()
    kill(started[5::7])
    began = time.perf_counter()
    listed = bench.jobs()
    taken = time.perf_counter() - began
    assert [job.id for job in listed] == sorted((job.id for job in started), reverse=True)
    ended = Counter(job.wait(300) for job in started)
    assert ended.keys() <= {"done", "failed", "stopped", "interrupted"}
    assert all(job.error and "unexpected" not in job.error for job in started if job.state in ("failed", "interrupted"))
    told = {(job.kind, job.state): job.error for job in started if job.state in ("failed", "interrupted")}
    assert bench.run("rescan", collection="pile")["unchanged"] == 12
    assert [sentence for card in bench.collections() for sentence in check(bench.collection(card.name))] == []
    assert check_home(bench.home) == []
    for job in started:
        job.remove()
    assert bench.jobs() == []
    sys.stdout.write(f"{JOBS} jobs: {dict(ended)}; listed in {1000 * taken:.0f} ms while they worked; {told}\n")
