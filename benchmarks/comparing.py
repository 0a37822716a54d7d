"""How long does it take to look at a thumbnail and to compare two, beside plain steps and OpenCV's SSIM?

    python -m benchmarks.comparing [--count 150]

Thumbnails of photographs of $BENZER_TEST_DATA and of drawn pictures, each compared with the next in its size. Plain are
the same steps in NumPy, OpenCV and Pillow, as Benzer did them before its loops were compiled; OpenCV's SSIM is that of
its quality module, which says less: it knows no exposure, no overlap and no quarter that agrees least. Benzer stops, as
in a search for duplicates, where half of the blocks prove that a pair will not be kept. Milliseconds of processor time,
one thread, the best of three rounds that take turns; the largest difference from the plain steps is over these pairs
and over each picture with a brighter copy aside, all compared to the end. Writes benchmarks/results/comparing.md.
"""

from __future__ import annotations

import argparse
import io
import time
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from benchmarks import _plain_agreement
from benchmarks._page import write_page
from benchmarks._thumbnails import pictures
from benchmarks.altered_photographs import DATA
from engine.core.home import PROJECT
from engine.duplicates.agreement import likeness
from engine.duplicates.pairs import LEAST
from engine.duplicates.prints import LONG_SIDE, look_at

RESULT = PROJECT / "benchmarks" / "results" / "comparing.md"
ROUNDS = 3
Grey = NDArray[np.uint8]
Pair = tuple[Grey, Grey, float]  # two pictures of one size, and by which factor the coarser was enlarged


def thumbnail(picture: Image.Image) -> bytes:
    """A thumbnail as at an import."""
    small = picture.convert("RGB")
    small.thumbnail((LONG_SIDE, LONG_SIDE), Image.Resampling.BICUBIC, reducing_gap=3.0)
    out = io.BytesIO()
    small.save(out, "WEBP", quality=82, method=1)
    return out.getvalue()


def plain_look(webp: bytes) -> Grey:
    """The brightness of a thumbnail in the size in which it is compared, by Pillow."""
    picture = Image.open(io.BytesIO(webp)).convert("L")
    scale = LONG_SIDE / max(picture.size)
    size = (max(8, round(picture.width * scale)), max(8, round(picture.height * scale)))
    return np.asarray(picture.resize(size, Image.Resampling.BICUBIC), dtype=np.uint8)


def paired(webps: list[bytes]) -> Iterator[Pair]:
    """Each picture and the next one in its size."""
    for one, other in pairwise(look_at(webp) for webp in webps):
        fitted: Any = cv2.resize(other.brightness, one.brightness.shape[::-1], interpolation=cv2.INTER_AREA)
        yield one.brightness, fitted, max(one.enlarged, other.enlarged)


def altered(pair: Pair) -> Pair:
    """The first of a pair and a brighter copy of it, two pixels aside."""
    copy = np.roll(np.minimum(pair[0] * 1.3, 255).astype(np.uint8), 2, axis=1)
    return pair[0], copy, pair[2]


def ours(pair: Pair, least: float = 0.0) -> float:
    return likeness(pair[0], pair[1], None, pair[2], least)


def plain(pair: Pair) -> float:
    return _plain_agreement.likeness(pair[0], pair[1], enlarged=pair[2])


def rounds(ways: dict[str, Callable[[], object]], count: int) -> dict[str, float]:
    """The milliseconds that each way takes for one of `count`."""
    best = dict.fromkeys(ways, float("inf"))
    for _ in range(ROUNDS):
        for way, work in ways.items():
            began = time.process_time()
            work()
            best[way] = min(best[way], 1000 * (time.process_time() - began) / count)
    return best


def measured(title: str, webps: list[bytes]) -> list[list[str]]:
    """A row for looking at thumbnails, and one for comparing pairs."""
    pairs = list(paired(webps))
    apart = max(abs(ours(pair) - plain(pair)) for pair in (*pairs, *map(altered, pairs)))
    quality: Any = cv2.quality
    looking: dict[str, Callable[[], object]] = {
        "ours": lambda: [look_at(webp) for webp in webps],
        "plain": lambda: [plain_look(webp) for webp in webps],
    }
    comparing: dict[str, Callable[[], object]] = {
        "ours": lambda: [ours(pair, LEAST) for pair in pairs],
        "plain": lambda: [plain(pair) for pair in pairs],
        "ssim": lambda: [quality.QualitySSIM_compute(one, other) for one, other, _ in pairs],
    }
    return [
        _row(f"{title}: look at a thumbnail", rounds(looking, len(webps)), ""),
        _row(f"{title}: compare two", rounds(comparing, len(pairs)), f"{apart:.0e}"),
    ]


def _row(title: str, took: dict[str, float], apart: str) -> list[str]:
    ssim = f"{took['ssim']:.2f}" if "ssim" in took else ""
    return [title, f"{took['ours']:.2f}", f"{took['plain']:.2f}", f"{took['plain'] / took['ours']:.1f}", ssim, apart]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=150, help="thumbnails of each kind")
    count: int = parser.parse_args().count
    cv2.setNumThreads(1)
    files: list[Path] = sorted((DATA / "animals").rglob("*.jpg"))
    photographs = [thumbnail(Image.open(path)) for path in files[:: max(1, len(files) // count)][:count]]
    drawn = [thumbnail(Image.open(io.BytesIO(jpeg))) for jpeg in list(pictures(0))[:count]]
    rows = [["work", "Benzer, ms", "plain, ms", "times as fast", "OpenCV's SSIM, ms", "largest difference"]]
    rows += [*measured("photographs", photographs), *measured("drawn, 32 pixels", drawn)]
    command = f"python -m benchmarks.comparing --count {count}"
    write_page(RESULT, "Comparing two pictures", command, rows)


if __name__ == "__main__":
    main()
