"""Reading pictures in processes that may die: a crash, a hang or exhausted memory costs only the file that caused it.

Files are sent in chunks. A chunk whose process dies, hangs or runs out of memory is sent again file by file, so that
the right file is blamed and all others are read. A worker is a separate program (`worker.py`): it neither imports the
main script, which may be a page, nor inherits open files. One worker is kept for the next picture.
"""

from __future__ import annotations

import atexit
import contextlib
import itertools
import multiprocessing
import os
import subprocess
import sys
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, TypeVar

from engine.collections.reading.worker_tasks import Crop, Failure, decode_bytes, exif_tables, preview, shown, whole
from engine.core.errors import BenzerError, UnreadableImage
from engine.core.threads import cores

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

T = TypeVar("T")
Task = Callable[..., list[Any]]

SECONDS = 20.0  # a file, or a chunk of them, may take this long
CHUNK = 16
MEMORY = 1536 << 20  # bytes of address space a worker may take beyond what it starts with
_PROGRAM = "engine.collections.reading.worker"
_ON_WINDOWS = "On Windows, run Benzer in WSL or in a container."
_CRASHED = Failure("worker", "crashed", "Reading the picture made the decoder crash.")


def run(
    function: Task,
    items: Iterable[T],
    *extra: Any,
    seconds: float = SECONDS,
    chunk: int = CHUNK,
    workers: int | None = None,
) -> Iterator[tuple[T, Any]]:
    """Map `function(list of items, *extra)` over the items in worker processes, in order: (item, result) pairs.

    A file that kills its worker, exceeds `seconds` or the memory limit yields a Failure of stage worker.
    """
    count = workers or cores()
    with contextlib.closing(WorkerProcesses(count, function, extra, seconds)) as pool:
        waiting: deque[tuple[list[T], Future[Any]]] = deque()
        for batch in chunks(items, chunk):
            waiting.append((batch, pool.send(batch)))
            if len(waiting) > 2 * count:
                yield from _results(pool, *waiting.popleft())
        while waiting:
            yield from _results(pool, *waiting.popleft())


def _results(pool: WorkerProcesses, batch: list[T], future: Future[Any]) -> Iterator[tuple[T, Any]]:
    results = future.result()
    if not isinstance(results, Failure):
        yield from zip(batch, results, strict=True)
    elif len(batch) == 1:
        yield batch[0], results
    else:  # one of them is to blame
        for item, answer in [(item, pool.send([item])) for item in batch]:
            yield from _results(pool, [item], answer)


def read_in_worker(data: bytes, size: int, crop: Crop | None = None) -> NDArray[np.uint8]:
    """A picture in memory, or a part of it, decoded to (size, size, 3) uint8 in a process that may die.

    Raises:
        UnreadableImage: it cannot be decoded.
    """
    pixels: NDArray[np.uint8] = _read_one(decode_bytes, data, size, crop)
    return pixels


def whole_in_worker(data: bytes, side: int, crop: Crop | None = None) -> NDArray[np.uint8]:
    """A picture in memory, or a part of it, as upright (h, w, 3) uint8 of at most `side` pixels a side; see `run`.

    Raises:
        UnreadableImage: it cannot be decoded.
    """
    pixels: NDArray[np.uint8] = _read_one(whole, data, side, crop)
    return pixels


def preview_in_worker(data: bytes, side: int) -> bytes:
    """A picture in memory as a WebP of at most `side` pixels, made in a process that may die.

    Raises:
        UnreadableImage: it cannot be decoded.
    """
    picture: bytes = _read_one(preview, data, side)
    return picture


def shown_in_worker(data: bytes, side: int | None) -> bytes:
    """A picture in memory as an upright JPEG of at most `side` pixels (None: its own size), in a process that may die.

    Raises:
        UnreadableImage: it cannot be decoded.
    """
    picture: bytes = _read_one(shown, data, side)
    return picture


def exif_table_in_worker(data: bytes) -> list[tuple[str, str]]:
    """Every EXIF tag of a picture in memory, read in a process that may die; UnreadableImage."""
    table: list[tuple[str, str]] = _read_one(exif_tables, data)
    return table


def _read_one(function: Task, data: bytes, *extra: Any) -> Any:
    worker = SPARE.take()
    try:
        results = worker.call(function, [data], extra, SECONDS)
    finally:
        SPARE.put_back(worker)
    result = results if isinstance(results, Failure) else results[0]
    if isinstance(result, Failure):
        raise UnreadableImage(result.stage, result.code, result.message)
    return result


def chunks(items: Iterable[T], size: int) -> Iterator[list[T]]:
    """The items in lists of `size`; only the last may be shorter."""
    source = iter(items)
    while batch := list(itertools.islice(source, size)):
        yield batch


class WorkerProcess:
    """A worker and the pipes to it, used by one thread at a time.

    Raises:
        BenzerError: it did not start, or the system is Windows.
    """

    def __init__(self) -> None:
        if sys.platform == "win32":  # which neither passes on open pipes by number nor limits a process's memory
            raise BenzerError("Pictures can be read on Linux and macOS only.", way_out=_ON_WINDOWS)
        self.made_by, self.path = os.getpid(), list(sys.path)
        self._connection, theirs = multiprocessing.Pipe()
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, "-m", _PROGRAM, str(theirs.fileno()), str(MEMORY)],
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                env=os.environ | {"PYTHONPATH": os.pathsep.join(map(os.path.abspath, sys.path)), "PYTHONSAFEPATH": "1"},
            )
        self.id, self._broken = self._process.pid, False
        try:
            self._connection.recv()  # it says that it is ready
        except EOFError as error:
            way_out = f"See what is missing: {sys.executable} -c 'import {_PROGRAM}'"
            raise BenzerError("The process that reads pictures did not start.", way_out=way_out) from error

    @property
    def usable(self) -> bool:
        """Whether it lives and can import all that this process can."""
        current = (self.made_by, self.path) == (os.getpid(), sys.path)
        return current and not self._broken and self._process.poll() is None

    def call(self, function: Task, items: list[Any], extra: tuple[Any, ...], seconds: float) -> Any:
        """What the function returns for the items, or the Failure of one of them; the worker may be dead then."""
        self._broken = True  # until it has answered
        try:
            self._connection.send((function, (items, *extra), seconds))
            if not self._connection.poll(seconds):
                return Failure("worker", "time-out", f"Reading the picture took longer than {seconds:g} seconds.")
            results = self._connection.recv()
        except (EOFError, OSError):
            return _CRASHED
        self._broken = False
        return results

    def kill(self) -> None:
        """End the process; who waits for its answer gets a Failure. A copy of this process leaves it alone."""
        if self.made_by == os.getpid():
            self._process.kill()
            self._process.wait()

    def end(self) -> None:
        """End the process and forget it."""
        self.kill()
        self._connection.close()


class Spare:
    """Idle workers that are kept for the next pictures, as starting one takes a quarter of a second.

    There are two, for a picture that is looked at and its facts.
    """

    _MOST = 2

    def __init__(self) -> None:
        self._kept: list[WorkerProcess] = []

    def take(self) -> WorkerProcess:
        """A kept worker that is still usable, or a new one."""
        with contextlib.suppress(IndexError):
            while not (worker := self._kept.pop()).usable:
                worker.end()
            return worker
        return WorkerProcess()

    def put_back(self, worker: WorkerProcess) -> None:
        """Keep a worker, if there is room."""
        if worker.usable and len(self._kept) < self._MOST:
            self._kept.append(worker)
        else:
            worker.end()

    def end(self) -> None:
        while self._kept:
            self._kept.pop().end()


SPARE = Spare()
atexit.register(SPARE.end)


class WorkerProcesses:
    """Up to `count` workers that apply a function to batches, each driven by a thread of this process."""

    def __init__(self, count: int, function: Task, extra: tuple[Any, ...], seconds: float) -> None:
        self._function, self._extra, self._seconds = function, extra, seconds
        self._threads = ThreadPoolExecutor(count, thread_name_prefix="reading")
        self._idle: list[WorkerProcess] = []
        self._busy: list[WorkerProcess] = []
        self._closed = False

    def send(self, batch: list[Any]) -> Future[Any]:
        """The results of a batch when they are there, or the Failure of one of its items."""
        return self._threads.submit(self._call, batch)

    def close(self) -> None:
        """Shut the workers down; those still busy with unwanted results are terminated."""
        self._closed = True
        for worker in list(self._busy):
            worker.kill()
        self._threads.shutdown(cancel_futures=True)
        for worker in self._idle:
            SPARE.put_back(worker)

    def _call(self, batch: list[Any]) -> Any:
        worker = self._free()
        self._busy.append(worker)
        try:
            return _CRASHED if self._closed else worker.call(self._function, batch, self._extra, self._seconds)
        finally:
            self._busy.remove(worker)
            if worker.usable:
                self._idle.append(worker)
            else:
                worker.end()

    def _free(self) -> WorkerProcess:
        with contextlib.suppress(IndexError):  # not asked first: another thread may take the last one in between
            return self._idle.pop()
        return SPARE.take()
