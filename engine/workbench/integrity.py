"""Checking a home besides its collections: jobs, runs, classifiers, comparisons, saved combinations."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path

from engine.classification.results import Classification
from engine.collections.integrity import Finding
from engine.comparisons.hashing.study import HashingStudy
from engine.comparisons.invariances.invariance import Invariances
from engine.comparisons.recipes.experiment import Experiment
from engine.core.errors import Corrupt
from engine.core.home import Home
from engine.core.storage import read_json, set_aside
from engine.jobs.job import damaged_jobs
from engine.runs.listing import damaged_runs

_MEASURED = "Deleted: it is measured again when the comparison continues."


def check_home(home: Home, repair: bool = False) -> list[Finding]:
    """All damage outside the collections, each finding with its repair if there is one."""
    found = [*_jobs(home), *_runs(home), *_comparisons(home), *_judgements(home), *_combinations(home)]
    for finding in found if repair else ():
        if finding.repair is not None:
            finding.repair()
    return found


def _jobs(home: Home) -> Iterator[Finding]:
    for job, sentence in damaged_jobs(home.jobs):
        yield Finding(sentence, None if job.locked else job.remove, "Deleted: the job can be started again.")


def _runs(home: Home) -> Iterator[Finding]:
    for run, sentence in damaged_runs(home):
        command = "classify" if run.folder.parent == home.classifiers else "runs"
        yield Finding(f"{sentence} Delete with: python -m engine {command} --delete {run.name}")


def _comparisons(home: Home) -> Iterator[Finding]:
    kinds = (
        (Experiment, home.experiments),
        (Invariances, home.invariances),
        (HashingStudy, home.studies),
        (Classification, home.classifications),
    )
    for kind, root in kinds:
        for folder in sorted(root.glob("[!.]*/")):
            for path, sentence in kind(folder).damage():
                is_plan = path.name == "plan.json"
                command = kind.command.replace("--list", f"--delete {folder.name}")
                if is_plan:
                    yield Finding(f"{sentence} Delete with: {command}")
                else:
                    yield Finding(sentence, partial(set_aside, path), _MEASURED.replace("Deleted", "Set aside"))


def _judgements(home: Home) -> Iterator[Finding]:
    """What classifiers predicted, which they can predict again, and what was decided about it, which is kept aside."""
    for path in [*home.classifiers.glob("*/guesses/*.json"), *home.classifiers.glob("*/reviews/*.json")]:
        yield from _sealed(path)


def _combinations(home: Home) -> Iterator[Finding]:
    yield from _sealed(home.root / "combinations.json")


def _sealed(path: Path) -> Iterator[Finding]:
    try:
        read_json(path)
    except FileNotFoundError:
        return
    except Corrupt as error:
        yield Finding(str(error), partial(set_aside, path), "Kept aside.")
