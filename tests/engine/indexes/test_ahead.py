"""Compiling ahead: once for a computer and a state of the loops, by a process of its own."""

from __future__ import annotations

import os
import subprocess
import threading
from types import SimpleNamespace

import pytest
from filelock import FileLock

from engine.indexes import ahead


@pytest.fixture
def runs(monkeypatch):
    """The commands that were run, and the exit status that the next ones have."""
    found = SimpleNamespace(commands=[], status=0)

    def run(command, **options):
        found.commands.append(command)
        return subprocess.CompletedProcess(command, found.status)

    monkeypatch.setattr(ahead.subprocess, "run", run)
    return found


@pytest.fixture
def kernels(tmp_path):
    (tmp_path / "__pycache__").mkdir()
    (tmp_path / "loops.py").write_text("")
    return tmp_path


def test_it_compiles_once_and_again_when_a_loop_has_changed(runs, kernels):
    ahead.compile_in_a_process(kernels)
    ahead.compile_in_a_process(kernels)
    assert len(runs.commands) == 1
    os.utime(kernels / "loops.py", (1, 1))
    ahead.compile_in_a_process(kernels)
    assert len(runs.commands) == 2


def test_a_failure_is_tried_again(runs, kernels):
    runs.status = 1
    ahead.compile_in_a_process(kernels)
    ahead.compile_in_a_process(kernels)
    assert len(runs.commands) == 2


def test_without_a_place_for_the_marker_it_compiles_every_time(runs, tmp_path):
    ahead.compile_in_a_process(tmp_path)
    ahead.compile_in_a_process(tmp_path)
    assert len(runs.commands) == 2


def test_the_process_knows_its_module(runs, kernels):
    ahead.compile_in_a_process(kernels)
    assert runs.commands[0][1:] == ["-m", ahead.__name__]


def test_one_process_compiles_at_a_time(kernels, monkeypatch):
    monkeypatch.setattr(ahead, "_LOOKS_EVERY", 0.01)
    begun = threading.Event()

    def another():
        with ahead._one_at_a_time(kernels):
            begun.set()

    with FileLock(kernels / "__pycache__" / "compiling.lock"):
        waiting = threading.Thread(target=another)
        waiting.start()
        assert not begun.wait(0.1)
    waiting.join(10)
    assert begun.is_set()


def test_who_waits_ends_with_the_server_that_started_it(kernels, monkeypatch):
    """Servers that are started and stopped again and again leave one process behind, not one each."""
    monkeypatch.setattr(ahead, "_LOOKS_EVERY", 0.01)
    parents = iter([4711])
    monkeypatch.setattr(ahead.os, "getppid", lambda: next(parents, 1))
    with FileLock(kernels / "__pycache__" / "compiling.lock"), pytest.raises(SystemExit), ahead._one_at_a_time(kernels):
        pytest.fail("it must not compile")


def test_where_nothing_can_be_written_it_compiles_without_waiting(tmp_path):
    (tmp_path / "__pycache__").write_text("no folder")
    done = False
    with ahead._one_at_a_time(tmp_path):
        done = True
    assert done


def test_every_method_it_names_searches_alone_and_in_a_batch(monkeypatch):
    make, found = ahead.make_index, []

    def recorded(method, metric):
        index = make(method, metric)
        search = index.search

        def searching(queries, k):
            answer = search(queries, k)
            found.append((method, answer.ids[:, 0].tolist()))
            return answer

        monkeypatch.setattr(index, "search", searching)
        return index

    monkeypatch.setattr(ahead, "make_index", recorded)
    ahead.compile_loops()
    assert found == [(method, list(range(count))) for method in ahead.METHODS for count in (1, ahead._QUERIES)]
