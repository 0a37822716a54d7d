"""A file or folder that is replaced at any step on the way to it is read as it was, or not at all."""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import partial
from itertools import count
from typing import Any

import pytest

from engine.collections.reading import regular_files
from engine.collections.reading.regular_files import entries, read_bytes
from engine.core.errors import UnreadableImage
from tests.engine.collections.swaps import SWAPS

pytestmark = pytest.mark.timeout(60)  # what waits on a pipe waits forever
ASKED = ("lstat", "open", "fstat", "readlink", "stat", "scandir")  # of the system, on the way to a file


class System:
    """The module `os`, but `act` is done right before the question of that number is asked of it."""

    def __init__(self, number: int, act: Callable[[], object], no_proc: bool = False) -> None:
        self.left, self.act, self.no_proc = number, act, no_proc

    def __getattr__(self, name: str) -> Any:
        return partial(self._asked, name) if name in ASKED else getattr(os, name)

    def _asked(self, name: str, *arguments: Any, **options: Any) -> Any:
        self.left -= 1
        if self.left == -1:
            self.act()
        if name == "readlink" and self.no_proc:
            raise FileNotFoundError(2, "No such file or directory")
        return getattr(os, name)(*arguments, **options)


@pytest.mark.parametrize("no_proc", [False, True], ids=["linux", "elsewhere"])
@pytest.mark.parametrize("swap", SWAPS)
def test_a_file_that_is_replaced_at_any_step_is_read_as_it_was_or_not_at_all(
    fresh, encoded, monkeypatch, swap, no_proc
) -> None:
    codes = set()
    for step in count():
        (root, outside), name = fresh(), "cats/1.png"
        system = System(step, lambda: SWAPS[swap](root / name, outside / name), no_proc)  # noqa: B023
        with monkeypatch.context() as patch:
            patch.setattr(regular_files, "os", system)
            try:
                assert read_bytes(root / name, root) == encoded(1)
            except UnreadableImage as error:
                codes.add(error.code)
        if system.left >= 0:
            break
    assert step > 3
    assert codes


@pytest.mark.parametrize("no_proc", [False, True], ids=["linux", "elsewhere"])
def test_a_folder_that_becomes_a_link_at_any_step_is_listed_as_it_was_or_not_at_all(
    fresh, monkeypatch, no_proc
) -> None:
    refused = 0
    for step in count():
        root, outside = fresh()
        system = System(step, lambda: SWAPS["a link"](root / "cats", outside / "cats"), no_proc)  # noqa: B023
        with monkeypatch.context() as patch:
            patch.setattr(regular_files, "os", system)
            try:
                with entries(root / "cats", root) as inside:
                    assert {entry.name for entry in inside} <= {"1.png"}
            except UnreadableImage:
                refused += 1
        if system.left >= 0:
            break
    assert refused
