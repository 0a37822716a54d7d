"""A process that has imported what tests start again and again, and forks itself: what it runs is ready at once.

Importing Streamlit, PyTorch and the engine takes seconds of a core; a fork of a process with one thread takes none.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
_FORKING = """
import json, os, runpy, signal, sys, traceback

sys.path.insert(0, os.getcwd())
sys.path.insert(0, sys.argv[2])
for name in json.loads(sys.argv[1]):
    __import__(name)


def run(words, environment, log):
    os.setsid()
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    for number, path, flags in ((0, os.devnull, os.O_RDONLY), (1, log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)):
        opened = os.open(path, flags, 0o666)
        os.dup2(opened, number)
        os.close(opened)
    os.dup2(1, 2)
    os.environ.clear()
    os.environ.update(environment)
    sys.argv = words
    runpy.run_module(words[0], run_name="__main__", alter_sys=True)


signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody waits for the children
print("ready", flush=True)
for line in sys.stdin:
    child = os.fork()
    if child:
        print(child, flush=True)
        continue
    code = 0
    try:
        run(*json.loads(line))
    except SystemExit as ended:
        code = ended.code if isinstance(ended.code, int) else bool(ended.code)
    except BaseException:
        traceback.print_exc()
        code = 1
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)
"""


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
        self._process = subprocess.Popen(
            [sys.executable, "-c", _FORKING, json.dumps(modules), str(ROOT)],
            cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )  # fmt: skip
        assert self._line() == "ready"

    def run(self, words: list[str], environment: Mapping[str, str], log: Path) -> Forked:
        """Do what `python -m` does with these words, its output written to `log`."""
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps([words, dict(environment), str(log)]) + "\n")
        self._process.stdin.flush()
        return Forked(int(self._line()))

    def end(self) -> None:
        """End it; what it has forked goes on."""
        self._process.kill()
        self._process.wait()

    def _line(self) -> str:
        assert self._process.stdout is not None
        return self._process.stdout.readline().strip()
