"""What a benchmark has started ends with it: by itself, by a request, by Ctrl-C, and when it is killed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from benchmarks._children import child, end_jobs
from engine.core.storage import write_json
from engine.jobs.job import Job, work

ROOT = Path(__file__).resolve().parents[2]
# A server and what it has started, which share a group; both would go on for a minute.
SERVER = "import os, time; other = os.fork(); other and os.write(1, b'%d %d' % (os.getpid(), other)); time.sleep(60)"
# Started by nohup or behind the scenes, tests inherit that some signals are ignored.
BENCHMARK = f"""
import os, signal, subprocess, sys
from benchmarks._children import child

signal.signal(signal.SIGINT, signal.default_int_handler)
signal.signal(signal.SIGHUP, signal.SIG_DFL)

with child([sys.executable, "-c", {SERVER!r}], stdout=subprocess.PIPE) as process:
    os.write(1, os.read(process.stdout.fileno(), 99))
    process.wait()
"""


def alive(pid: int) -> bool:
    """Whether a process runs; one that has ended and is only not waited for does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def until(true: Callable[[], bool], seconds: float = 20.0) -> None:
    end = time.monotonic() + seconds
    while not true() and time.monotonic() < end:
        time.sleep(0.02)
    assert true()


@pytest.mark.skipif(sys.platform != "linux", reason="asks /proc")
@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGKILL])
def test_nothing_outlives_a_benchmark_that_is_ended(how: signal.Signals) -> None:
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL}
    with subprocess.Popen([sys.executable, "-c", BENCHMARK], cwd=ROOT, **pipes) as benchmark:
        assert benchmark.stdout is not None
        started = {int(pid) for pid in os.read(benchmark.stdout.fileno(), 99).split()}
        assert len(started) == 2
        assert all(map(alive, started))
        benchmark.send_signal(how)
    if how == signal.SIGKILL:  # it had no time to end a group: the system ends its child alone
        until(lambda: sum(map(alive, started)) < 2)
        for pid in filter(alive, started):
            os.kill(pid, signal.SIGKILL)
    else:
        until(lambda: not any(map(alive, started)))


def test_a_child_ends_with_the_block_even_when_it_is_stopped_or_deaf() -> None:
    deaf = "import signal, sys; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('ready', flush=True)"
    for script, pause in ((f"{deaf}; signal.pause()", False), ("print(flush=True); import time; time.sleep(60)", True)):
        with child([sys.executable, "-c", script], stdout=subprocess.PIPE, patience=0.2) as process:
            assert process.stdout is not None
            process.stdout.readline()
            if pause:
                os.killpg(process.pid, signal.SIGSTOP)
        assert process.returncode in (-signal.SIGKILL, -signal.SIGTERM)


def test_an_error_in_the_block_ends_the_child_and_goes_on() -> None:
    with pytest.raises(ZeroDivisionError), child([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as process:
        raise ZeroDivisionError
    assert process.returncode == -signal.SIGTERM


def test_workers_on_a_home_are_ended_with_its_server(tmp_path: Path) -> None:
    folder = tmp_path / "jobs" / "20260101-000000-000-sleep"
    write_json(folder / "config.json", {"kind": "sleep", "title": "", "arguments": {}, "started": time.time()})
    worker = os.fork()
    if not worker:
        work(folder, {"sleep": lambda arguments, reporter: time.sleep(60)})
        os._exit(0)
    until(lambda: Job(folder).worker is not None)
    end_jobs(tmp_path)
    assert os.waitpid(worker, 0)[1] == signal.SIGKILL
    assert Job(folder).state == "interrupted"
