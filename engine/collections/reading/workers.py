"""Reading pictures in processes that may die: a crash, a hang or a flood of memory costs exactly the guilty file.

Files go out in chunks. A chunk whose process dies, hangs or runs out of memory is sent again file by file, so that
the blame falls on the right one and all others are read.
"""

from __future__ import annotations

import contextlib
import io
import itertools
import multiprocessing
import os
import signal
import sys
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from multiprocessing import context as contexts
from typing import TYPE_CHECKING, Any, TypeVar

from engine.collections.reading.worker_tasks import Crop, Failure, decode_bytes, preview
from engine.core.errors import UnreadableImage

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from pebble import ProcessFuture, ProcessPool

T = TypeVar("T")

SECONDS = 20.0  # a file, or a chunk of them, may take this long
CHUNK = 16
MEMORY = 1536 << 20  # bytes of address space a worker may take beyond what it starts with


def run(
    function: Callable[..., list[Any]],
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
    with _pool(count) as pool:
        waiting: deque[tuple[list[T], ProcessFuture]] = deque()
        for batch in chunks(items, chunk):
            waiting.append((batch, _send(pool, function, batch, extra, seconds)))
            if len(waiting) > 2 * count:
                yield from _settle(pool, function, *waiting.popleft(), extra, seconds)
        while waiting:
            yield from _settle(pool, function, *waiting.popleft(), extra, seconds)


def read_in_worker(data: bytes, size: int, crop: Crop | None = None) -> NDArray[np.uint8]:
    """A picture in memory, or a part of it, decoded to (size, size, 3) uint8 in a process that may die.

    Raises:
        UnreadableImage: it cannot be decoded.
    """
    pixels: NDArray[np.uint8] = _alone(decode_bytes, data, size, crop)
    return pixels


def preview_in_worker(data: bytes, side: int) -> bytes:
    """A picture in memory as a WebP of at most `side` pixels, made in a process that may die.

    Raises:
        UnreadableImage: it cannot be decoded.
    """
    picture: bytes = _alone(preview, data, side)
    return picture


def _alone(function: Callable[..., list[Any]], data: bytes, *extra: Any) -> Any:
    [(_, result)] = run(function, [data], *extra, workers=1)
    if isinstance(result, Failure):
        raise UnreadableImage(result.stage, result.code, result.message)
    return result


def cores() -> int:
    """How many processes read pictures at a time: the cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return max(1, len(os.sched_getaffinity(0)))
    return max(1, os.cpu_count() or 1)


def chunks(items: Iterable[T], size: int) -> Iterator[list[T]]:
    """The items in lists of so many; only the last may be shorter."""
    source = iter(items)
    while batch := list(itertools.islice(source, size)):
        yield batch


def _send(
    pool: ProcessPool, function: Callable[..., list[Any]], batch: list[T], extra: tuple[Any, ...], seconds: float
) -> ProcessFuture:
    return pool.schedule(function, args=[batch, *extra], timeout=seconds)


def _settle(
    pool: ProcessPool,
    function: Callable[..., list[Any]],
    batch: list[T],
    future: ProcessFuture,
    extra: tuple[Any, ...],
    seconds: float,
) -> Iterator[tuple[T, Any]]:
    try:
        results = future.result()
    except Exception as error:
        results = [_blame(error, seconds)] if len(batch) == 1 else None
    if results is not None:
        yield from zip(batch, results, strict=True)
        return
    for single, answer in [([item], _send(pool, function, [item], extra, seconds)) for item in batch]:
        yield from _settle(pool, function, single, answer, extra, seconds)


def _blame(error: Exception, seconds: float) -> Failure:
    from pebble import ProcessExpired

    if isinstance(error, TimeoutError):
        return Failure("worker", "time-out", f"Reading the picture took longer than {seconds:g} seconds.")
    if isinstance(error, MemoryError):
        return Failure("worker", "out-of-memory", "Reading the picture needs more memory than it may use.")
    if isinstance(error, ProcessExpired):
        return Failure("worker", "crashed", "Reading the picture made the decoder crash.")
    return Failure("worker", "failed", f"Reading the picture failed ({type(error).__name__}).")


@contextlib.contextmanager
def _pool(count: int) -> Iterator[ProcessPool]:
    from pebble import ProcessPool

    pool = ProcessPool(max_workers=count, initializer=_prepare, initargs=[MEMORY], context=_context())
    try:
        yield pool
        pool.close()
    except BaseException:
        pool.stop()
        raise
    finally:
        pool.join()


def _prepare(memory: int) -> None:
    """In the worker: a limit on memory, no core files, no complaints of C libraries on the screen, no life after us."""
    if sys.platform == "win32":
        return
    import resource

    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
    if sys.platform == "linux":
        with open("/proc/self/statm", encoding="ascii") as file:
            now = int(file.read().split()[0]) * resource.getpagesize()
        resource.setrlimit(resource.RLIMIT_AS, (now + memory, now + memory))
        _die_with_parent()


def _die_with_parent() -> None:
    import ctypes

    set_death_signal = 1  # PR_SET_PDEATHSIG
    ctypes.CDLL(None).prctl(set_death_signal, signal.SIGKILL)


def _context() -> contexts.BaseContext:
    if sys.platform == "win32":
        return multiprocessing.get_context("spawn")
    light = _LightContext()
    light.set_forkserver_preload(["engine.collections.reading.worker_tasks"])
    return light


if sys.platform != "win32":
    from multiprocessing import forkserver, popen_forkserver, reduction, spawn, util

    class _LightPopen(popen_forkserver.Popen):
        """Starts a worker which does not import the main script: that may be a page, or a script without a guard."""

        def _launch(self, process_obj: Any) -> None:
            facts = spawn.get_preparation_data(process_obj._name)
            facts = {key: value for key, value in facts.items() if not key.startswith("init_main")}
            buffer = io.BytesIO()
            contexts.set_spawning_popen(self)
            try:
                reduction.dump(facts, buffer)
                reduction.dump(process_obj, buffer)
            finally:
                contexts.set_spawning_popen(None)
            self._start(buffer.getbuffer())

        def _start(self, data: memoryview) -> None:
            # As in the standard library: the duplicate of the write end tells the child that its parent still lives.
            self.sentinel, write_end = forkserver.connect_to_new_process(self._fds)  # type: ignore[attr-defined]
            self.finalizer = util.Finalize(self, util.close_fds, (os.dup(write_end), self.sentinel))  # type: ignore[attr-defined]
            with open(write_end, "wb", closefd=True) as file:
                file.write(data)
            self.pid = forkserver.read_signed(self.sentinel)

    class _LightProcess(contexts.ForkServerProcess):
        @staticmethod
        def _Popen(process_obj: Any) -> Any:
            return _LightPopen(process_obj)

    class _LightContext(contexts.ForkServerContext):
        Process = _LightProcess
