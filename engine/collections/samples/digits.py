"""Handwritten digits: the 1,797 real ones (8×8 pixels) that scikit-learn carries, enlarged to smooth ink on paper."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from engine.collections.samples.drawing import SIZE
from engine.collections.samples.sample import DrawnImage, Sample

PAPER = (250, 246, 236)
INK = (34, 40, 78)
DARKEST = 16  # the grey levels of the original run from 0 to 16
BORDER = 1  # empty cells that are added around the 8×8 original


def _tones() -> list[list[int]]:
    """For each channel, the colour of each of 256 amounts of ink; steep in the middle, so that edges are crisp."""
    ink = 1 / (1 + np.exp(-20 * (np.arange(256) / 255 - 0.45)))
    return [np.rint(paper + (dark - paper) * ink).astype(int).tolist() for paper, dark in zip(PAPER, INK, strict=True)]


def enlarged(cells: NDArray[np.float64]) -> Image.Image:
    """The digit (8, 8), 0 to 16, as a 256×256 RGB picture: smoothly interpolated, then its edges made crisp."""
    grey = np.rint(np.pad(cells, BORDER) * 255 / DARKEST).astype(np.uint8)
    large = Image.fromarray(grey).resize((SIZE, SIZE), Image.Resampling.BICUBIC)
    return Image.merge("RGB", [large.point(tones) for tones in _tones()])


def draw() -> Iterator[DrawnImage]:
    """All the digits in the order of the original; the label is the digit."""
    from sklearn.datasets import load_digits

    images, labels = load_digits(return_X_y=True)
    for number, (cells, label) in enumerate(zip(images.reshape(-1, 8, 8), labels, strict=True)):
        yield DrawnImage(f"digit-{number:04d}.png", str(label), "", enlarged(cells))


SAMPLE = Sample(
    "digits",
    "Handwritten digits",
    "1,797 real handwritten digits, 0 to 9 (UCI, carried by scikit-learn), enlarged.",
    1797,
    draw,
)
