"""Hundreds of damaged pictures and some good ones: no crash, no hang, every file accounted for, every good one in."""

import time

import numpy as np
import pytest

from engine.collections.collection import Collection
from engine.collections.pixels import Decoded
from engine.collections.sources.importing import import_folder

FORMATS = {
    "JPEG": {"quality": 85},
    "PNG": {},
    "WEBP": {"quality": 80},
    "GIF": {},
    "BMP": {},
    "TIFF": {"compression": "tiff_lzw"},
    "AVIF": {"speed": 10},
    "HEIF": {},
    "PPM": {},
}
STAGES = {"look", "header", "decode", "worker"}


def damaged(data: bytes, other: bytes, kind: int, random: np.random.Generator) -> bytes:
    """The bytes cut off, with flipped bits, with a foreign beginning, or with a piece of noise in them."""
    copy = bytearray(data)
    if kind == 0:
        return data[: int(random.integers(1, len(data)))]
    if kind == 1:
        for place in random.integers(0, len(copy), int(random.integers(1, 20))):
            copy[place] ^= 1 << random.integers(8)
    if kind == 2:
        cut = int(random.integers(4, 60))
        return other[:cut] + data[cut:]
    if kind == 3:
        place = int(random.integers(0, len(copy)))
        copy[place : place + 16] = random.bytes(16)
    return bytes(copy)


@pytest.mark.slow
def test_torture(home, tmp_path, encoded, reporter, times):
    random = np.random.default_rng(2024)
    originals = [
        encoded(number, format, (64, 48), **options) for number, (format, options) in enumerate(FORMATS.items())
    ]
    root = tmp_path / "torture"
    root.mkdir()
    for number in range(320 * times):
        data, other = originals[number % 9], originals[int(random.integers(9))]
        (root / f"bad{number:04d}.jpg").write_bytes(damaged(data, other, number // 9 % 4, random))
    for number in range(20 * times):
        format = list(FORMATS)[number % 9]
        (root / f"good{number:02d}.png").write_bytes(encoded(1000 + number, format, (64, 48), **FORMATS[format]))
    began = time.monotonic()
    report = import_folder(home, "Torture", root, reporter)
    assert time.monotonic() - began < 60
    assert report.inputs == report.added + report.copies + len(report.rejects) == 340 * times
    collection = Collection.open(home, "torture")
    assert sum(name.startswith("good") for name in collection.images().names) == 20 * times
    assert 60 * times < len(report.rejects) < 320 * times
    for reject in report.rejects:
        assert reject.path.startswith("bad")
        assert reject.stage in STAGES
        assert reject.code
        assert reject.message.endswith(".")
    # What was accepted can also be decoded for use.
    decoded = Decoded(collection, collection.images().ids, 32)
    assert sum(len(ids) for ids, _ in decoded) == report.added
    assert decoded.failures == []


@pytest.mark.slow
def test_the_test_images_of_an_imaging_library(home, data, reporter):
    root = data / "odd-images"
    files = sum(path.is_file() for path in root.rglob("*"))
    began = time.monotonic()
    report = import_folder(home, "Odd", root, reporter)
    assert time.monotonic() - began < 60
    assert report.inputs == files == report.added + report.copies + len(report.rejects)
    assert report.added > 600
    assert not [reject for reject in report.rejects if reject.stage == "worker"]
