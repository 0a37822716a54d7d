"""A process that has imported what tests start again and again, and forks itself: what it runs is ready at once.

Importing Streamlit, PyTorch and the engine takes seconds of a core; a fork of a process with one thread takes none.
It is asked over a socket, as the servers that it has forked ask it for the workers of their jobs.
"""

from __future__ import annotations

import atexit
import ctypes
import faulthandler
import importlib
import json
import os
import runpy
import select
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import traceback
from collections.abc import Mapping
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any

from engine.jobs import job as jobs
from tests.engine import narrow

ROOT = Path(__file__).resolve().parents[1]
# What every server and every worker imports sooner or later.
SHARED = (
    "streamlit.web.cli", "streamlit.web.bootstrap", "uvicorn", "plotly.graph_objects", "ui.main", "ui.web", "torch",
    "engine.indexes.kernels.lsh", "engine.indexes.kernels.hamming", "engine.indexes.kernels.screening",
    "engine.cli.parser", "engine.training", "engine.classification.run", "sklearn.cluster", "scipy.stats",
)  # fmt: skip
_PR_SET_PDEATHSIG = 1  # see prctl(2)
really_begin_worker = jobs.begin_worker


class Forked:
    """A process started by a fork elsewhere: what `subprocess.Popen` says of a child, as far as tests ask."""

    def __init__(self, pid: int) -> None:
        self.pid = pid

    def send_signal(self, number: int) -> None:
        """Send a signal; nothing happens if the process has ended."""
        with suppress(ProcessLookupError):
            os.kill(self.pid, number)

    def terminate(self) -> None:
        """Ask it to end."""
        self.send_signal(signal.SIGTERM)

    def wait(self, timeout: float) -> None:
        """Wait until it has ended; `subprocess.TimeoutExpired` after so many seconds."""
        until = time.monotonic() + timeout
        while self._runs():
            if time.monotonic() > until:
                raise subprocess.TimeoutExpired([str(self.pid)], timeout)
            time.sleep(0.02)

    def _runs(self) -> bool:
        try:
            os.kill(self.pid, 0)
        except ProcessLookupError:
            return False
        return True


class Forking:
    """The process that has imported `modules` and forks itself."""

    def __init__(self, *modules: str) -> None:
        self._folder = tempfile.mkdtemp()  # the path of a socket must be short
        self.address = str(Path(self._folder) / "socket")
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.forking", self.address, *modules],
            cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )  # fmt: skip
        self._ready = False

    def ready(self, seconds: float = 0.0) -> bool:
        """Whether it has imported everything, after so many seconds at the most."""
        assert self._process.stdout is not None
        if not self._ready and select.select([self._process.stdout], [], [], seconds)[0]:
            self._ready = self._process.stdout.readline() == "ready\n"
            assert self._ready, "an import failed"
        return self._ready

    def run(self, words: list[str], environment: Mapping[str, str], log: Path) -> Forked:
        """Do what `python -m` does with these words, its output written to `log`."""
        assert self.ready(300)
        return Forked(_asked(self.address, words, environment, log))

    def end(self) -> None:
        """End it, and on Linux what it has forked: a run of tests that is killed leaves no server behind."""
        self._process.kill()
        self._process.wait()
        shutil.rmtree(self._folder)


@cache
def forking() -> Forking:
    """The one of this process of tests; it is started by the first who wants it."""
    started = Forking(*SHARED)
    atexit.register(started.end)
    return started


def begin_worker(folder: Path) -> None:
    """Start the worker of a job like `engine.jobs.job.begin_worker`, but by a fork as soon as there can be any."""
    if forking().ready():
        _begin_worker(forking().address, folder)
    else:
        really_begin_worker(folder)


def _begin_worker(address: str, folder: Path) -> None:
    _asked(address, ["engine", "work", str(folder)], os.environ | {"PYTHONUNBUFFERED": "1"}, folder / "log.txt")


def _asked(address: str, words: list[str], environment: Mapping[str, str], log: Path) -> int:
    """The number of the process that was forked to do these words."""
    with socket.socket(socket.AF_UNIX) as line:
        line.connect(address)
        line.sendall(json.dumps([words, dict(environment), str(log)]).encode() + b"\n")
        return int(line.makefile().readline())


def main(address: str, *modules: str) -> None:
    """Import, then fork for everyone who asks, until the process of the tests has ended."""
    for name in modules:
        importlib.import_module(name)
    jobs.begin_worker = lambda folder: _begin_worker(address, folder)  # of the servers that are forked
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody waits for the children
    with socket.socket(socket.AF_UNIX) as door:
        door.bind(address)
        door.listen()
        sys.stdout.write("ready\n")
        sys.stdout.flush()
        while door in select.select([door, sys.stdin], [], [])[0]:
            _answer(door)


def _answer(door: socket.socket) -> None:
    line, _ = door.accept()
    with line, line.makefile() as asked:
        words, environment, log = json.loads(asked.readline())
        child = os.fork()
        if child:
            line.sendall(f"{child}\n".encode())
            return
    door.close()
    _become(words, environment, log)


def _become(words: list[str], environment: Mapping[str, str], log: str) -> Any:
    """Be the process that `python -m` would have started, to its end."""
    code: Any = 1
    try:
        os.setsid()
        if sys.platform == "linux":
            ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        for number, path, flags in ((0, os.devnull, os.O_RDONLY), (1, log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)):
            opened = os.open(path, flags, 0o666)
            os.dup2(opened, number)
            os.close(opened)
        os.dup2(1, 2)
        faulthandler.register(signal.SIGUSR1)  # tests that wait in vain ask what its threads are doing
        os.environ.clear()
        os.environ.update(environment)
        if narrow.EVERYWHERE in environment:
            narrow.narrow()
            narrow.rest_after_epochs()
        sys.argv = words
        runpy.run_module(words[0], run_name="__main__", alter_sys=True)
        code = 0
    except SystemExit as ended:
        code = ended.code if isinstance(ended.code, int) else bool(ended.code)
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


if __name__ == "__main__":
    main(*sys.argv[1:])
