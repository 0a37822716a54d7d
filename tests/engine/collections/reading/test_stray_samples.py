"""Hot and dead pixels among wide samples: the others are shown as if these were not there, and nothing else is cut."""

from __future__ import annotations

import io

import numpy as np
import pytest
import tifffile
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image

from engine.collections.reading.safely import open_picture
from engine.collections.reading.value_range import as_bytes

SHAPE = (40, 50, 1)  # of 2,000 samples, two may be stray


def ramp(dtype: str, low: float, high: float) -> NDArray[np.generic]:
    values = np.linspace(low, high, int(np.prod(SHAPE))).reshape(SHAPE)
    return values.astype(dtype) if dtype.startswith("f") else np.rint(values).astype(dtype)


def with_strays(values: NDArray[np.generic], *strays: float) -> NDArray[np.generic]:
    copy = values.copy()
    for number, stray in enumerate(strays):
        copy[10 + number, 20] = stray
    return copy


@pytest.mark.parametrize(
    ("dtype", "used", "strays"),
    [
        ("u2", (0, 1000), [65535]),
        ("u2", (100, 4000), [65535, 65535]),
        ("u2", (60000, 62000), [0]),
        ("u2", (30000, 31000), [0, 65535]),
        ("u4", (0, 100_000), [2**32 - 1]),
        ("i2", (-500, 500), [-32768, 32767]),
        ("i4", (0, 250), [2**31 - 1]),
        ("f4", (0, 1), [70_000]),
        ("f4", (0, 1), [1e30, 100]),  # of several magnitudes
        ("f4", (200, 300), [-1e30]),
        ("f8", (1200, 1350), [65535, 1e6]),
    ],
)
def test_few_stray_samples_change_nothing_else(dtype: str, used: tuple[float, float], strays: list[float]) -> None:
    values = ramp(dtype, *used)
    shown, expected = as_bytes(with_strays(values, *strays)), as_bytes(values)
    for number, stray in enumerate(strays):
        assert shown[10 + number, 20, 0] == (255 if stray > used[1] else 0)
        expected[10 + number, 20] = shown[10 + number, 20]
    assert np.array_equal(shown, expected)


def test_a_hot_pixel_in_a_file() -> None:
    values = ramp("u2", 100, 1000)[..., 0]
    written = io.BytesIO()
    tifffile.imwrite(written, with_strays(values, 65535))
    png = io.BytesIO()
    Image.fromarray(with_strays(values, 65535)).save(png, "PNG")
    for data in (written.getvalue(), png.getvalue()):
        shown = np.asarray(open_picture(data))[..., 0]
        assert (shown[10, 20], shown[-1, -1]) == (255, 249)


@pytest.mark.parametrize("count", [3, 100])
def test_more_than_one_in_a_thousand_is_part_of_the_picture(count: int) -> None:
    values = ramp("u2", 0, 1000)
    values.reshape(-1)[1000 : 1000 + count] = 60_000
    assert np.array_equal(as_bytes(values), np.rint(values / 65535 * 255))


def test_what_uses_much_of_the_range_is_shown_whole() -> None:
    values = with_strays(ramp("u2", 0, 8000), 65535)
    assert np.array_equal(as_bytes(values), np.rint(values / 65535 * 255))


def test_few_samples_on_an_empty_ground_are_the_picture() -> None:
    values = with_strays(np.zeros(SHAPE, np.uint16), 20_000, 60_000)
    assert as_bytes(values)[10:12, 20, 0].tolist() == [78, 233]
    floats = with_strays(np.full(SHAPE, 7, np.float32), 1000, 2000)
    assert as_bytes(floats)[[0, 10, 11], [0, 20, 20], 0].tolist() == [0, 127, 255]


def test_samples_without_a_value_are_not_counted() -> None:
    values = ramp("f4", 0, 1)
    values[20:] = np.nan
    assert np.array_equal(as_bytes(with_strays(values, 7e4))[:10], as_bytes(values)[:10])
    assert not as_bytes(with_strays(values, 7e4, 7e4))[:10].any()  # two of a thousand


@settings(deadline=None)
@given(st.sampled_from(["u2", "u4", "u8", "i2", "i4", "i8", "f2", "f4", "f8"]), st.data())
def test_larger_values_are_never_darker(dtype: str, data: st.DataObject) -> None:
    info = None if dtype.startswith("f") else np.iinfo(dtype)
    high = 6e4 if dtype == "f2" else 1e37
    numbers = st.floats(-high, high) if info is None else st.integers(int(info.min), int(info.max))
    values = with_strays(ramp(dtype, 0, 100), *data.draw(st.lists(numbers, max_size=4)))
    shown = as_bytes(values).ravel().astype(int)
    assert (np.diff(shown[np.argsort(values.ravel(), kind="stable")]) >= 0).all()
