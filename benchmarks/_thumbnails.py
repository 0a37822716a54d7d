"""A folder of drawn thumbnails, as many as asked for: clouds in the colours of some kinds, a few of them twice."""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

SIDE = 32  # pixels
KINDS = 200  # each with a folder of its own
_COPIES = 100  # of so many pictures one is there twice, byte for byte, and one a little brighter
_COARSE = 6  # values along a side, between which a picture is smooth
_BLOCK = 1000  # pictures drawn together, and between two looks at what is there

Coarse = NDArray[np.uint8]


def draw(root: Path, count: int) -> None:
    """Draw what is missing of `count` pictures below `root`; what was drawn before stays."""
    for kind in range(KINDS):
        (root / f"kind-{kind:03d}").mkdir(parents=True, exist_ok=True)
    for block in range(-(-count // _BLOCK)):
        numbers = range(block * _BLOCK, min(count, (block + 1) * _BLOCK))
        if not _path(root, numbers[-1]).exists():
            for number, jpeg in zip(numbers, pictures(block), strict=False):
                _path(root, number).write_bytes(jpeg)


def pictures(block: int) -> Iterator[bytes]:
    """The files of a block, which depend on its number alone."""
    coarse = clouds(block)
    for place in range(_BLOCK):
        twice = place % _COPIES == 1  # the same as the one before
        brighter = 12 if place % _COPIES == 51 else 0
        yield _file(coarse[place - 1 if twice or brighter else place], brighter)


def _path(root: Path, number: int) -> Path:
    return root / f"kind-{number % KINDS:03d}" / f"{number:07d}.jpg"


def clouds(block: int) -> Coarse:
    """(_BLOCK, _COARSE, _COARSE, 3): the colours of each picture's kind, and coarse structure of its own."""
    kinds, own = np.random.default_rng(0), np.random.default_rng((1, block))
    colours, weights = kinds.integers(40, 216, (KINDS, 3)), kinds.uniform(0.3, 1, (KINDS, 3))
    kind = np.arange(block * _BLOCK, (block + 1) * _BLOCK) % KINDS
    middles = colours[kind] + own.normal(0, 12, (_BLOCK, 3))
    structure = own.normal(0, 45, (_BLOCK, _COARSE, _COARSE, 1)) * weights[kind][:, None, None]
    return (middles[:, None, None] + structure).clip(0, 243).astype(np.uint8)


def _file(coarse: Coarse, brighter: int) -> bytes:
    picture = Image.fromarray(coarse + np.uint8(brighter)).resize((SIDE, SIDE), Image.Resampling.BICUBIC)
    out = io.BytesIO()
    picture.save(out, "JPEG", quality=85)
    return out.getvalue()
