"""A file or folder that is replaced at any step on the way to it is read as it was, or not at all."""

from __future__ import annotations

from itertools import count

import pytest

from engine.collections.reading import regular_files
from engine.collections.reading.regular_files import entries, read_bytes
from engine.core.errors import UnreadableImage
from tests.engine.collections.swaps import SWAPS, System

pytestmark = pytest.mark.timeout(60)  # what waits on a pipe waits forever


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
