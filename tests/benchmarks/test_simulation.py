"""The simulation behind docs/scale.md against closed forms and against slow ways of doing the same."""

from __future__ import annotations

import math

import numpy as np
import pytest

from benchmarks import _simulation as sim
from benchmarks._simulation import Network, Times


def exponential(rng: np.random.Generator, shape: tuple[int, ...]) -> Times:
    return rng.exponential(1.0, shape)


def two_points(chance: float) -> sim.Draw:
    return lambda rng, shape: np.where(rng.random(shape) < chance, 100.0, 1.0)


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(0)


@pytest.mark.parametrize("parts", [1, 10, 300])
def test_the_slowest_of_exponentials_has_the_harmonic_number_for_its_mean(parts: int, rng: np.random.Generator) -> None:
    found = sim.slowest(exponential, parts, 40_000, rng)
    assert found.shape == (40_000,)
    assert found.mean() == pytest.approx(sum(1 / n for n in range(1, parts + 1)), rel=0.02)
    median = -math.log(1 - 0.5 ** (1 / parts))
    assert np.median(found) == pytest.approx(median, rel=0.02)


def test_a_measured_sample_is_drawn_from_its_own_distribution(rng: np.random.Generator) -> None:
    measured = rng.gamma(2.0, 1.0, 5000)
    drawn = sim.sample(measured)(rng, (200, 1000))
    wanted = np.percentile(measured, [1, 50, 99])
    assert np.percentile(drawn, [1, 50, 99]) == pytest.approx(wanted, rel=0.03)
    assert drawn.max() <= measured.max()


def test_pauses_come_as_often_as_said(rng: np.random.Generator) -> None:
    drawn = sim.with_pauses(lambda rng, shape: np.ones(shape), 0.01, 50.0)(rng, (400_000,))
    assert set(np.unique(drawn)) == {1.0, 51.0}
    assert (drawn > 1).mean() == pytest.approx(0.01, rel=0.1)


@pytest.mark.parametrize("parts", [1, 20])
def test_asking_twice_where_a_part_is_slow(parts: int, rng: np.random.Generator) -> None:
    """Slow with chance p: both are slow with p², then 100 ms; the copy is quick with p (1 − p), then 2 + 1 ms."""
    chance, queries = 0.05, 60_000
    found = sim.slowest(sim.asked_twice(two_points(chance), 2.0), parts, queries, rng)
    assert set(np.unique(found)) <= {1.0, 3.0, 100.0}
    assert (found == 100).mean() == pytest.approx(1 - (1 - chance**2) ** parts, rel=0.15)
    assert (found == 1).mean() == pytest.approx((1 - chance) ** parts, rel=0.03)


def test_one_coordinator_takes_answers_one_at_a_time(rng: np.random.Generator) -> None:
    network = Network(round_trip=0.3, gigabits=1.0, message=0.1, header=100)
    times = rng.exponential(1.0, (50, 17))
    found = sim.gathered(times, network, 20_000, 500)
    for row, latency in zip(times, found, strict=True):
        assert latency == pytest.approx(taken_in(list(row), network, 20_000, 500))


def taken_in(times: list[float], network: Network, size: float, asked: float) -> float:
    """The same, step by step."""
    out, back = max(0.05, (asked + 100) * 8e-6), max(0.05, (size + 100) * 8e-6)
    now, arrivals = 0.0, []
    for time in times:
        now += out
        arrivals.append(now + network.round_trip + time)
    free = 0.0
    for arrival in sorted(arrivals):
        free = max(free, arrival) + back
    return free


def test_a_tree_asks_fewer_and_waits_for_two_trips(rng: np.random.Generator) -> None:
    def none(rng: np.random.Generator, shape: tuple[int, ...]) -> Times:
        return np.zeros(shape)

    network = Network(round_trip=0.1, message=0.02)
    assert sim.flat(none, 900, 3, network, (0, 0), rng) == pytest.approx(900 * 0.01 + 0.1 + 0.01)
    assert sim.tree(none, 900, 3, network, (0, 0), rng) == pytest.approx(2 * (30 * 0.01 + 0.1 + 0.01))


@pytest.mark.parametrize("load", [0.3, 0.7])
def test_one_queue_responds_as_theory_says(load: float, rng: np.random.Generator) -> None:
    """M/M/1: mean response 1 / (1 − load); M/D/1: 1 + load / (2 (1 − load))."""
    found = sim.queued(exponential, 1, load, 150_000, rng)
    assert found.slowest.mean() == pytest.approx(1 / (1 - load), rel=0.08)
    steady = sim.queued(lambda rng, shape: np.ones(shape), 1, load, 60_000, rng)
    assert steady.single.mean() == pytest.approx(1 + load / (2 * (1 - load)), rel=0.05)


@pytest.mark.parametrize(("nodes", "copies", "lost"), [(10, 1, 3), (10, 2, 3), (40, 2, 10), (12, 3, 6)])
def test_lost_nodes_take_as_much_as_counting_says(nodes: int, copies: int, lost: int, rng: np.random.Generator) -> None:
    found = sim.share_answered(nodes, copies, lost, 20_000, rng)
    assert found.mean() == pytest.approx(1 - math.comb(lost, copies) / math.comb(nodes, copies), abs=0.004)


def test_copies_survive_fewer_losses_than_there_are_copies(rng: np.random.Generator) -> None:
    assert (sim.share_answered(9, 3, 2, 500, rng) == 1.0).all()


@pytest.mark.parametrize("copies", [1, 2])
def test_service_over_years_matches_independent_failures(copies: int, rng: np.random.Generator) -> None:
    nodes, between, repair = 12, 100.0, 10.0
    down = repair / (between + repair)
    share, whole = sim.service(nodes, copies, between, repair, 200_000.0, rng)
    assert share == pytest.approx(1 - down**copies, abs=0.004)
    if copies == 1:
        assert whole == pytest.approx((1 - down) ** nodes, abs=0.01)
