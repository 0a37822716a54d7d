"""Work that tests kill: a process that has imported everything forks a child for each attempt, ready within moments."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
FORKING = """
import importlib, json, os, sys, traceback
work = getattr(importlib.import_module(sys.argv[1]), sys.argv[2])
work(*json.loads(sys.argv[3]))
print("warm", flush=True)
for line in sys.stdin:
    child = os.fork()
    if not child:
        code = 1
        try:
            work(*json.loads(line))
            code = 0
        except BaseException:
            traceback.print_exc()
        finally:
            os._exit(code)
    print(child, flush=True)
    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
"""


class Killable:
    """Runs `function` of `module` (JSON-able arguments) in a process of its own, and kills it where asked.

    It is done once with `first` and not killed, so that all is imported and compiled.
    """

    def __init__(self, module: str, function: str, first: tuple[Any, ...], **environment: str) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-c", FORKING, module, function, json.dumps(first)],
            cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
            env=os.environ | {"OMP_NUM_THREADS": "1"} | environment,
        )  # fmt: skip
        assert self._line() == "warm"

    def __call__(self, *arguments: Any, kill_after: float | None = None) -> bool:
        """Do the work; whether it came to its end. With `kill_after` (seconds) it is killed then, unless it was done.

        A failure that is not the kill fails the test; its traceback is in the output.
        """
        try:
            code = self._code(arguments, kill_after)
        except BaseException:  # of a time-out: what comes next would be the answer to this
            self.process.kill()
            raise
        assert code in (0, -signal.SIGKILL), "the work failed by itself"
        return code == 0

    def _code(self, arguments: tuple[Any, ...], kill_after: float | None) -> int:
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps(arguments) + "\n")
        self.process.stdin.flush()
        child = int(self._line())
        if kill_after is not None:
            time.sleep(kill_after)
            with suppress(ProcessLookupError):  # it came to its end before
                os.kill(child, signal.SIGKILL)
        return int(self._line())

    def _line(self) -> str:
        assert self.process.stdout is not None
        return self.process.stdout.readline().strip()


@contextmanager
def killable(module: str, function: str, first: tuple[Any, ...], **environment: str) -> Iterator[Killable]:
    made = Killable(module, function, first, **environment)
    try:
        yield made
    finally:
        made.process.kill()
        made.process.wait()
