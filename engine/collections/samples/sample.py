"""What a drawn sample collection is: a name, a few words and a way to draw its pictures."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from PIL import Image


@dataclass(frozen=True)
class DrawnImage:
    """One picture of a sample: file name, label, describing text ("" where none) and an RGB picture."""

    name: str
    label: str
    text: str
    picture: Image.Image


@dataclass(frozen=True)
class Sample:
    """One sample collection; `draw()` yields its pictures one after the other, the same on every run."""

    name: str
    title: str
    summary: str
    count: int
    draw: Callable[[], Iterator[DrawnImage]]
