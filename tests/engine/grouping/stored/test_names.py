"""Names suggested for groups."""

from __future__ import annotations

import pytest

from engine.grouping.stored.names import common_value, distinct, folder_of


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([], ""),
        (["", ""], ""),
        (["cat"] * 6 + ["dog"] * 4, "cat"),
        (["cat"] * 5 + ["dog"] * 5, ""),
        (["cat"] * 5 + [""] * 5, ""),
    ],
)
def test_a_value_must_be_shared_by_sixty_percent(values: list[str], expected: str) -> None:
    assert common_value(values) == expected


def test_no_name_occurs_twice() -> None:
    assert distinct(["a", "a", "", "", "a"]) == ["a", "a 2", "", "", "a 3"]
    assert distinct(["a", "b"], taken=["a", "a 2"]) == ["a 3", "b"]


def test_the_innermost_folder() -> None:
    assert [folder_of(name) for name in ("x.png", "lake/x.png", "2019/lake/x.png")] == ["", "lake", "lake"]
