"""The same training with several seeds: a single one shows one seed's result, not that of the settings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from statistics import fmean, stdev
from typing import Any

from engine.core.settings import check_whole
from engine.runs.run import Run
from engine.training.config import canonical_settings

MOST_SEEDS = 20
_FIGURES = {"retrieval": "retrieval", "recognition": "altered copy found", "validation_loss": "validation loss"}


def several(config: Mapping[str, Any], seeds: int) -> list[dict[str, Any]]:
    """The config with as many seeds, from its own on; a given name is followed by the seed.

    Raises:
        BadParameter: not a whole number of seeds from 1 to 20.
    """
    check_whole("number of seeds", "the training", seeds, 1, MOST_SEEDS)
    if seeds == 1:
        return [dict(config)]
    first, name = int(config.get("seed", 0)), config.get("name", "")
    return [{**config, "seed": first + n, "name": f"{name}-seed-{first + n}" if name else ""} for n in range(seeds)]


def figures_over_seeds(trained: Sequence[Run]) -> dict[str, tuple[float, float]]:
    """Mean and sample standard deviation of what the kept weights of several runs reach, by the name of the measure."""
    found = {}
    for key, title in _FIGURES.items():
        values = [float(card[key]) for card in (run.card for run in trained) if card.get(key) is not None]
        if len(values) == len(trained) > 1:
            found[title] = (fmean(values), stdev(values))
    return found


def of_the_same_settings(run: Run, others: Sequence[Run]) -> list[Run]:
    """Of the finished ones among others, newest first: those that differ from a run by the seed alone, one a seed."""
    newest: dict[int, Run] = {}
    settings = without_seed(run)
    for other in others:
        if other.state == "done" and without_seed(other) == settings:
            newest.setdefault(int(other.config.get("seed", 0)), other)
    return list(newest.values())


def without_seed(run: Run) -> tuple[object, ...]:
    """What it learned, with which settings, and when its schedule was stretched."""
    collection, labels = run.card.get("collection") or {}, run.card.get("labels") or {}
    learned = (collection.get("name"), collection.get("fingerprint"), labels.get("digest"))
    return (canonical_settings(run.config) | {"seed": None}, learned, run.prolonged_after)
