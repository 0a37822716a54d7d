"""Names of vectors and the pictures they belong to: spellings, copies, skipped files, and every name counted once."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.collections.catalogue import ImageRow
from engine.core.errors import BadParameter
from engine.encoders.vectors.matching import matched


def row(id: int, name: str, hash: str = "", status: str = "image") -> ImageRow:
    return ImageRow(id, name.encode(), name, hash=hash or f"of {id}", status=status)


ROWS = [
    row(1, "cats/1.png", "a"),
    row(2, "dogs/1.png"),
    row(3, "dogs/2.png"),
    row(4, "dogs/copy.png", "a", "copy"),
    row(5, "broken.jpg", status="rejected"),
    row(6, "Ha\u0308ngematte.png"),
]


@pytest.mark.parametrize(
    ("name", "id"),
    [
        ("cats/1.png", 1),
        (".\\cats\\1.png", 1),
        ("2.png", 3),
        ("/data/all/dogs/2.png", 3),
        ("C:\\all\\DOGS\\2.PNG", 3),
        ("dogs/2", 3),
        ("Hängematte.png", 6),
    ],
)
def test_systems_spell_one_name_differently(name: str, id: int) -> None:
    assert matched([name], ROWS, "f").rows == {id: 0}


def test_what_is_left_out_is_named_by_its_reason() -> None:
    names = ["dogs/2.png", "dogs/copy.png", "broken.jpg", "", "who.png", "1.png", "cats/1.png", "2.png"]
    found = matched(names, ROWS, "f")
    assert found.rows == {3: 0, 1: 6}
    assert found.left_out == {
        "copy": ["dogs/copy.png"],
        "rejected": ["broken.jpg"],
        "unknown": ["", "who.png"],
        "ambiguous": ["1.png"],
        "again": ["2.png"],
    }
    assert "1 vector left out as exact duplicates that were skipped at import: dogs/copy.png." in found.notes()


def test_the_vector_of_a_copy_counts_where_the_picture_has_none() -> None:
    assert matched(["dogs/copy.png"], ROWS, "f").rows == {1: 0}
    assert matched(["dogs/copy.png", "cats/1.png"], ROWS, "f").rows == {1: 1}, "whatever their order"


def test_names_without_any_picture_are_refused() -> None:
    with pytest.raises(BadParameter, match=r"must be those of pictures of the collection; got 'who\.png'"):
        matched(["who.png", "broken.jpg"], ROWS, "f")
    with pytest.raises(BadParameter, match=r"whole where two pictures share their ending; got '1\.png'"):
        matched(["1.png"], ROWS, "f")
    with pytest.raises(BadParameter, match="got 'none'"):
        matched([], ROWS, "f")


@given(st.lists(st.sampled_from([one.name for one in ROWS] + ["1.png", "who.png"]), max_size=12))
def test_every_name_is_taken_or_named_once(names: list[str]) -> None:
    try:
        found = matched(names, ROWS, "f")
    except BadParameter:
        assert not set(names) & {one.name for one in ROWS if one.status != "rejected"}
        return
    rest = [name for group in found.left_out.values() for name in group]
    assert sorted([names[place] for place in found.rows.values()] + rest) == sorted(names)


def test_many_names_are_matched_one_by_one() -> None:
    rows = [row(number, f"{number % 7}/{number}.png") for number in range(1, 20_001)]
    found = matched([one.name for one in rows] + ["5/5.png"], rows, "f")
    assert len(found.rows) == 20_000
    assert found.left_out == {"again": ["5/5.png"]}
