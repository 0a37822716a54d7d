"""What Python hands to the drawings and takes back from them."""

from __future__ import annotations

import base64
import json
from typing import Any

import numpy as np
import pytest

from engine.core.errors import BadParameter
from ui.widgets import dendrogram, distance_matrix, picture_map


@pytest.mark.parametrize("count", [0, 1, 7, 8, 9, 1000])
def test_a_selection_comes_back_as_it_went(count: int) -> None:
    marked = np.random.default_rng(count).random(count) < 0.3
    assert picture_map.unpack(picture_map.pack(marked), count).tolist() == np.flatnonzero(marked).tolist()


def test_bits_are_packed_in_the_order_that_the_browser_reads() -> None:
    bits = base64.b64decode(picture_map.pack(np.array([0, 0, 1, 0, 0, 0, 0, 0, 0, 1], dtype=bool)))
    assert bits == bytes([0b100, 0b10])


def test_a_selection_of_fifty_thousand_is_small() -> None:
    assert len(picture_map.pack(np.ones(50_000, dtype=bool))) < 8_400


@pytest.mark.parametrize("text", ["", "no base64 !", "AAA", "ü"])
def test_what_cannot_be_read_selects_nothing(text: str) -> None:
    assert picture_map.unpack(text, 10).tolist() == []


def test_a_message_begins_its_arrays_at_a_fourth_byte() -> None:
    data = picture_map._points_bytes(np.array([5, 6]), np.array([[0.5, 1], [2, 3]]), ["a\0b", "ü"])
    message = picture_map._message("abc", "points", data)
    length = int.from_bytes(message[:4], "little")
    assert length % 4 == 0
    assert json.loads(message[4 : 4 + length]) == {"digest": "abc", "part": "points"}
    body = message[4 + length :]
    assert np.frombuffer(body[:16], "<f4").tolist() == [0.5, 1, 2, 3]
    assert np.frombuffer(body[16:24], "<i4").tolist() == [5, 6]
    assert body[24:].decode().split("\0") == ["a b", "ü"]


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({"points": np.zeros((2, 2))}, "number of points"),
        ({"points": np.zeros((3, 3))}, "two finite numbers"),
        ({"points": np.full((3, 2), np.nan)}, "two finite numbers"),
        ({"colours": np.zeros(4)}, "number of colours"),
        ({"names": ["a"]}, "number of names"),
    ],
)
def test_a_map_of_wrong_parts_is_named(changed: dict[str, Any], told: str) -> None:
    parts = {"ids": np.arange(3), "points": np.zeros((3, 2)), "colours": np.zeros(3), "names": None} | changed
    with pytest.raises(BadParameter, match=told):
        picture_map.picture_map(key="m", title="Map", palette=[], **parts)


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({"matrix": np.zeros((3, 2))}, "matrix"),
        ({"names": list("abcd")}, "matrix"),
        ({"groups": [0]}, "one for each row"),
        ({"sources": ["a"]}, "one for each row"),
        ({"matrix": np.zeros((501, 501)), "names": ["a"] * 501}, "500 at most"),
    ],
)
def test_a_heat_map_of_wrong_parts_is_named(changed: dict[str, Any], told: str) -> None:
    parts: dict[str, Any] = {"matrix": np.zeros((3, 3)), "names": list("abc"), "groups": [0, 0, 1]} | changed
    with pytest.raises(BadParameter, match=told):
        distance_matrix.distance_matrix(key="x", **parts)


def test_numbers_of_numpy_become_plain_ones() -> None:
    assert json.dumps([dendrogram._plain(value) for value in (np.int64(3), np.float32(0.5), "a", None)])
