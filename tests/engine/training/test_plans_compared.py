"""Settings against settings: decided over the seeds that both were trained with, or not decided."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from engine.core.home import Home
from engine.runs.run import Run
from engine.training.compared import compared_runs
from tests.engine.training.test_compared import IDS, IMAGES, PICTURES, judged_run


def finished(home: Home, name: str, right: Any, *, seed: int, **config: Any) -> Run:
    run = judged_run(home, name, right, seed=seed, **config)
    run._write(state="done")
    return run


def hits(seed: int, mean: float) -> np.ndarray:
    """(p,) hits of eight: some pictures are easier with every seed."""
    easier = np.random.default_rng(99).normal(0, 1, PICTURES)
    drawn = mean + easier + np.random.default_rng(seed).normal(0, 0.5, PICTURES)
    return np.clip(np.rint(drawn), 0, 8).astype(int)


def plan(home: Home, name: str, mean: float, seeds: range = range(3), **config: Any) -> list[Run]:
    return [finished(home, f"{name}-{seed}", hits(17 * seed + len(name), mean), seed=seed, **config) for seed in seeds]


def test_settings_are_decided_over_their_seeds(home: Home) -> None:
    ones, others = plan(home, "slow", 2.5), plan(home, "faster", 5, rate=0.01)
    found = compared_runs([ones[0], others[0]], IMAGES, [*ones, *others])
    [settings] = found.plans
    assert (settings.first, settings.second, settings.seeds) == (0, 1, 3)
    leads = [one.kept - other.kept for one, other in zip(*figures(ones, others), strict=True)]
    assert settings.decision
    assert settings.decision.effect == pytest.approx(np.mean(leads))
    assert found.sentences(["Slow", "Fast"])[-1].startswith(
        "The settings of Fast search better than those of Slow, over 3 seeds of each (+0.3"
    )


def figures(*plans: list[Run]) -> list[list[Any]]:
    return [list(compared_runs(runs, IMAGES).figures) for runs in plans]


def test_one_good_seed_decides_nothing_about_the_settings(home: Home) -> None:
    ones = plan(home, "a", 3)
    others = [
        finished(home, f"b-{seed}", hits(seed, mean), seed=seed, rate=0.01) for seed, mean in enumerate((6, 3, 3))
    ]
    found = compared_runs([ones[0], others[0]], IMAGES, [*ones, *others])
    assert found.pairs[0][2].decided, "these weights differ"
    assert [one.decision.outcome for one in found.plans if one.decision] == ["not decided"]
    assert "not decided over 3 seeds of each" in found.sentences("AB")[-1]


def test_runs_of_one_plan_and_single_seeds_are_not_compared_as_settings(home: Home) -> None:
    ones = plan(home, "a", 3)
    assert compared_runs(ones[:2], IMAGES, ones).plans == ()
    single = plan(home, "b", 3, range(1), rate=0.01)
    other = plan(home, "c", 3, range(1), rate=0.02)
    assert compared_runs([*single, *other], IMAGES, [*single, *other]).plans == ()
    [found] = compared_runs([ones[0], *single], IMAGES, [*ones, *single]).plans
    assert found.decision is None
    assert "not decided: one run of each" in found.sentence("AB")


def test_runs_judged_on_other_pictures_are_not_paired(home: Home) -> None:
    ones = plan(home, "a", 2)
    others = [finished(home, f"b-{seed}", 8, seed=seed, rate=0.01, ids=IDS[:30]) for seed in range(3)]
    found = compared_runs([ones[0], others[0]], IMAGES, [*ones, *others])
    assert [one.decision for one in found.plans] == [None]
    assert "no run of each was judged on the same pictures" in found.sentences("AB")[-1]


def test_other_seeds_are_paired_where_all_were_asked_the_same(home: Home) -> None:
    ones, others = plan(home, "a", 2), plan(home, "b", 5, range(5, 8), rate=0.01)
    [found] = compared_runs([ones[0], others[0]], IMAGES, [*ones, *others]).plans
    assert found.seeds == 3
    assert found.decision
    assert found.decision.outcome == "worse"


def test_without_single_results_the_pictures_are_taken_to_be_shared(home: Home) -> None:
    ones, others = plan(home, "a", 2), plan(home, "b", 5, rate=0.01)
    known = compared_runs([ones[0], others[0]], IMAGES, [*ones, *others]).plans[0].decision
    unknown = compared_runs([ones[0], others[0]], None, [*ones, *others]).plans[0].decision
    assert known
    assert unknown
    assert unknown.effect == known.effect
    assert unknown.p > known.p


def test_three_settings_are_corrected_for_their_pairs(home: Home) -> None:
    plans = [plan(home, name, mean, rate=rate) for name, mean, rate in (("a", 2, 0.01), ("b", 3, 0.02), ("c", 5, 0.03))]
    every = [run for runs in plans for run in runs]
    alone = compared_runs([plans[0][0], plans[2][0]], IMAGES, every).plans[0].decision
    found = compared_runs([runs[0] for runs in plans], IMAGES, every).plans
    assert [(one.first, one.second) for one in found] == [(0, 1), (0, 2), (1, 2)]
    assert alone
    assert found[1].decision
    assert found[1].decision.p == pytest.approx(3 * alone.p) or found[1].decision.p > alone.p


def test_who_knows_the_answers_takes_no_part(home: Home) -> None:
    ones, cheats = plan(home, "a", 2), plan(home, "b", 8, rate=0.01)
    for cheat in cheats:
        cheat._write(card=cheat.card | {"labels": {"digest": "of these"}})
        cheat.note(kind="asked", seen=3, pictures=PICTURES)
    [found] = compared_runs([ones[0], cheats[0]], IMAGES, [*ones, *cheats]).plans
    assert found.decision is None
