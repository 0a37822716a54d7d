"""The report behind docs/scale.md: its tables from a made-up part, and the files of measured times."""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import pytest

from benchmarks import _part, scale
from benchmarks._part import Part
from benchmarks._simulation import Network
from benchmarks.scale import Assumed


def part(count: int = 1_000_000) -> Part:
    times = np.random.default_rng(0).gamma(4.0, 0.5, 1000)
    bytes_by_kind = {"vectors, float32": 512.0, "ids": 8.0, "8-bit copies": 132.0, "tables": 348.0, "other": 0.0}
    return Part(count, "tables 9, bits 9", 0.98, times, {1: 2.0, 10: 1.5, 100: 1.0, 1000: 1.0}, bytes_by_kind, 7.2, 0.5)


def given() -> Assumed:
    return Assumed(Network(message=0.03), 0.001, 50.0, 30.0, 10.0, 30.0, 0.005, 64.0, 16)


def test_a_billion_vectors_add_up() -> None:
    """1,000 bytes each: a terabyte, or two with copies; 64 GB that are used to 80 %; a core for each million."""
    rows = [line.split(" | ") for line in scale.a_billion([part()], given()).splitlines()[2:6]]
    assert [row[2:5] for row in rows[:2]] == [["1000", "1,000", "20"], ["1000", "2,000", "40"]]
    assert [row[2:4] for row in rows[2:]] == [["488", "488"], ["488", "976"]]
    assert [row[5] for row in rows[:2]] == ["63", "125"]
    assert rows[0][6].rstrip(" |") == "3,650"


def test_the_report_names_what_is_assumed_and_what_is_simulated(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("message_cost", "merge_cost"):
        monkeypatch.setattr(scale, name, lambda *_: 0.05)
    monkeypatch.setattr(scale, "NODE_HOURS", 100_000)
    monkeypatch.setattr(scale, "ROUNDS", 50)
    text, figure = scale.report([part(500_000), part()], part().times, given(), argparse.Namespace(seed=0, queries=300))
    assert "Assumed, not measured: 0.1 ms between two nodes" in text
    assert text.count("## Simulated") == 4
    assert "| 1,000 | 1,000,000,000 |" in text
    assert "a part's median grows as (vectors)^0.00" in text
    assert figure.startswith("<svg")
    assert "p99, asked twice" in figure


def test_with_the_same_seed_the_figures_are_the_same() -> None:
    draw = scale._simulation.sample(part().times)
    rows = [scale.queues(draw, given(), 400, np.random.default_rng(3)) for _ in range(2)]
    assert rows[0] == rows[1]


def test_times_come_back_from_their_file_as_they_went(tmp_path: Path) -> None:
    _part.write_times(tmp_path / "times.csv", [part(1000), part()])
    assert (tmp_path / "times.csv").read_text().startswith("setting,quantile,ms\n")
    back = _part.read_times(tmp_path / "times.csv")
    wanted = np.quantile(part().times, [0, 0.25, 0.5, 0.95, 0.99, 1])
    assert np.quantile(back, [0, 0.25, 0.5, 0.95, 0.99, 1]) == pytest.approx(wanted, rel=0.01)


def test_so_many_answers_of_a_part_hold_the_nearest_but_for_one_query_in_a_thousand() -> None:
    """By dealing 100 neighbours to the parts again and again: enough, and one less would not be."""
    rng = np.random.default_rng(0)
    for parts in (10, 100):
        dealt = rng.multinomial(_part.K, np.full(parts, 1 / parts), size=60_000).max(axis=1)
        count = scale.enough(parts)
        assert (dealt > count).mean() < 0.0013
        assert (dealt > count - 1).mean() > 0.001
    assert scale.enough(1) == _part.K


def test_sections_of_the_report_take_their_places_on_the_page() -> None:
    page = "a\n<!-- queues -->\nold\n<!-- end -->\nb\n<!-- batches -->\n<!-- end -->\nc\n"
    report = (
        "# Title\n\n## Simulated: queues\n\n| 1 |\n\n## Computed: batches\n\n| 2 \\1 |\n\n## Computed: elsewhere\n\nx\n"
    )
    wanted = "a\n<!-- queues -->\n| 1 |\n<!-- end -->\nb\n<!-- batches -->\n| 2 \\1 |\n<!-- end -->\nc\n"
    assert scale.filled(page, report) == wanted
    assert scale.filled(wanted, report) == wanted
