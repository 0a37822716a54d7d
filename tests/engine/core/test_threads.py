"""Work shared out to threads: in order, reported, and ended by what a report raises."""

from __future__ import annotations

import threading

import pytest

from engine.core import threads
from engine.core.threads import cores, in_threads


def test_results_come_in_the_order_of_the_items() -> None:
    told: list[int] = []
    assert list(in_threads(lambda item: item * item, range(150), told.append)) == [item * item for item in range(150)]
    assert told == [0, 64, 128, 150]


def test_nothing_to_do_is_done() -> None:
    assert list(in_threads(str, [], lambda done: None)) == []


def test_every_core_has_a_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(threads, "cores", lambda: 3)
    meeting = threading.Barrier(3, timeout=20)  # passed only by three threads at once
    assert len(list(in_threads(lambda item: meeting.wait(), range(3), lambda done: None))) == 3
    assert cores() >= 1


def test_a_stop_ends_the_work_and_an_error_comes_out() -> None:
    worked: list[int] = []

    def stop(done: int) -> None:
        if done:
            raise InterruptedError

    with pytest.raises(InterruptedError):
        list(in_threads(worked.append, range(1000), stop))
    assert len(worked) == 64
    with pytest.raises(ZeroDivisionError):
        list(in_threads(lambda item: 1 // item, [1, 0], lambda done: None))
