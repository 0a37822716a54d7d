"""The cache: an item is computed by one thread at a time, also after that has failed."""

from __future__ import annotations

import threading
from collections.abc import Callable
from functools import partial

from engine.core.cache import Cache

PATIENCE = 30


class Made:
    """What computes an item: the first one fails, and each waits until it is let go."""

    def __init__(self) -> None:
        self.begun, self.let_go = threading.Semaphore(0), threading.Semaphore(0)
        self.lock, self.count, self.active, self.most = threading.Lock(), 0, 0, 0

    def __call__(self) -> int:
        with self.lock:
            self.count, self.active = self.count + 1, self.active + 1
            number, self.most = self.count, max(self.most, self.active)
        self.begun.release()
        assert self.let_go.acquire(timeout=PATIENCE)
        with self.lock:
            self.active -= 1
        if number == 1:
            raise ValueError("the first one fails")
        return number


def asking(cache: Cache[int], make: Callable[[], int], found: list[object]) -> threading.Thread:
    def ask() -> None:
        try:
            found.append(cache.get("key", make))
        except ValueError as error:
            found.append(error)

    thread = threading.Thread(target=ask)
    thread.start()
    return thread


def test_after_a_failure_too_only_one_thread_computes() -> None:
    cache, made, found = Cache[int](4), Made(), list[object]()
    first = asking(cache, made, found)
    assert made.begun.acquire(timeout=PATIENCE)
    waiting = asking(cache, made, found)
    waiting.join(0.2)
    made.let_go.release()  # the first one fails, and the one that waited computes
    first.join(PATIENCE)
    assert made.begun.acquire(timeout=PATIENCE)
    late = asking(cache, made, found)
    late.join(0.2)
    made.let_go.release()
    made.let_go.release()
    for thread in (waiting, late):
        thread.join(PATIENCE)
    assert made.most == 1
    assert isinstance(found[0], ValueError)
    assert found[1:] == [2, 2]


def test_the_least_recently_used_goes_first() -> None:
    cache, made = Cache[str](2), list[str]()

    def make(key: str) -> str:
        made.append(key)
        return key

    for key in ("a", "b", "a", "c", "a", "b"):
        assert cache.get(key, partial(make, key)) == key
    assert made == ["a", "b", "c", "b"]
    assert len(cache) == 2
