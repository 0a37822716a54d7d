"""What the grid of pictures sends to the browser."""

from __future__ import annotations

import numpy as np

from engine.collections.collection import Images
from ui.widgets.picture_grid import Picture, picture_of


def images(shapes: np.ndarray | None = None) -> Images:
    more = {} if shapes is None else {"shapes": shapes}
    return Images(np.array([4, 9]), ["ab" * 32, "cd" * 32], ["", "cat"], ["x.png", "a/b/y.jpg"], ["", ""], **more)


def test_a_picture_has_the_name_of_its_file_and_its_own_proportions() -> None:
    found = picture_of("pets", images(np.array([[30, 20], [400, 600]], np.int32)), 1, second="cat")
    assert (found.id, found.name, found.path, found.size) == (9, "y.jpg", "a/b/y.jpg", (400, 600))
    assert found.src == "/thumbs/pets/9.webp?v=cdcdcdcdcdcd"


def test_unknown_proportions_are_a_square() -> None:
    assert picture_of("pets", images(), 0).size == (1, 1)
    assert picture_of("pets", images(np.zeros((2, 2), np.int32)), 0).size == (1, 1)


def test_empty_entries_are_left_out_and_distances_are_short() -> None:
    data = Picture(1, "/t", "x.png", distance=0.123456).as_data()
    assert data["distance"] == "0.123"
    assert "second" not in data
    assert "same" not in data
    assert Picture(1, "/t", "x.png", distance=123456.0).as_data()["distance"] == "1.23e+05"
    assert Picture(1, "/t", "x.png", same=False).as_data()["same"] is False
