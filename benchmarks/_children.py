"""Processes that a benchmark starts: servers, trainings, other benchmarks. None outlives it, however it ends."""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from types import FrameType
from typing import Any

from engine.core.home import PROJECT
from engine.jobs.job import jobs

_PR_SET_PDEATHSIG = 1  # the signal that Linux sends a process when its parent dies; see prctl(2)


@contextmanager
def child(
    command: Sequence[str], orphaned: int = signal.SIGKILL, patience: float = 10.0, **options: Any
) -> Iterator[subprocess.Popen[Any]]:
    """A process in a session of its own, which is ended with its group when the block is left.

    It has `patience` seconds to end by itself. A termination of this process leaves the block like any exception. On
    Linux the child gets the signal `orphaned` if this process is killed and has no time to leave anything.
    """
    _leave_blocks_when_terminated()
    prepared = _dying_with(os.getpid(), orphaned) if sys.platform == "linux" else None
    process = subprocess.Popen(command, cwd=PROJECT, start_new_session=True, preexec_fn=prepared, **options)
    try:
        yield process
    finally:
        _end(process, patience)


def end_jobs(home: Path) -> None:
    """Kill the workers that a server has started on a home: they outlive a server, as those of a person should."""
    for job in jobs(home / "jobs"):
        if worker := job.worker:
            with suppress(ProcessLookupError):
                os.kill(worker, signal.SIGKILL)


def _leave_blocks_when_terminated() -> None:
    if threading.current_thread() is threading.main_thread():
        for number in (signal.SIGTERM, signal.SIGHUP):
            if signal.getsignal(number) is signal.SIG_DFL:
                signal.signal(number, _exit)


def _exit(number: int, frame: FrameType | None) -> None:
    sys.exit(128 + number)


def _dying_with(parent: int, orphaned: int) -> Any:
    """What the child does before it becomes the program: ask for the signal, and end if the parent is gone already."""
    libc = ctypes.CDLL(None)

    def ask() -> None:
        libc.prctl(_PR_SET_PDEATHSIG, orphaned, 0, 0, 0)
        if os.getppid() != parent:
            os._exit(1)

    return ask


def _end(process: subprocess.Popen[Any], patience: float) -> None:
    """Ask the whole group to end, woken if it is paused; what is still there after `patience` seconds is killed."""
    for number in (signal.SIGTERM, signal.SIGCONT):
        _signal(process.pid, number)
    with suppress(subprocess.TimeoutExpired):
        process.wait(patience)
    _signal(process.pid, signal.SIGKILL)
    process.wait()


def _signal(group: int, number: int) -> None:
    with suppress(ProcessLookupError):
        os.killpg(group, number)
