"""What the server does beside the pages."""

from __future__ import annotations

import asyncio
import gc
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from ui import web


@pytest.fixture
def thawed() -> Iterator[None]:
    gc.unfreeze()
    yield
    gc.unfreeze()


def test_threads_are_stopped_whatever_ends_the_server(monkeypatch: pytest.MonkeyPatch) -> None:
    ended = threading.Event()
    monkeypatch.setattr(web, "_warm_up", lambda: None)
    monkeypatch.setattr(web, "_spare_libraries", lambda stop: None)
    monkeypatch.setattr(web, "_watch", lambda stop: ended.set() if stop.wait(30) else None)

    async def served() -> None:
        async with web.lifespan(None):
            raise RuntimeError("the server failed")

    # In a thread of its own: a browser that was driven in this process leaves a loop running in this one.
    with ThreadPoolExecutor(1) as own, pytest.raises(RuntimeError, match="the server failed"):
        own.submit(lambda: asyncio.run(served())).result()
    assert ended.wait(10)


class Looks(threading.Event):
    """Stops after so many looks."""

    def __init__(self, looks: int) -> None:
        super().__init__()
        self.looks = looks

    def wait(self, timeout: float | None = None) -> bool:
        self.looks -= 1
        return self.looks < 0


@pytest.mark.usefixtures("thawed")
def test_libraries_are_spared_once_and_again_only_after_many_more(monkeypatch: pytest.MonkeyPatch) -> None:
    frozen = []
    monkeypatch.setattr(gc, "freeze", lambda: frozen.append(len(gc.get_objects())))
    web._spare_libraries(Looks(3))
    assert len(frozen) == 1


@pytest.mark.usefixtures("thawed")
def test_what_is_spared_is_not_looked_through(monkeypatch: pytest.MonkeyPatch) -> None:
    there = len(gc.get_objects())
    web._spare_libraries(Looks(1))
    assert len(gc.get_objects()) < 0.05 * there
    assert gc.get_freeze_count() > 0.9 * there
