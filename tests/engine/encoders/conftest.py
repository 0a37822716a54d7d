"""A small collection without a catalogue, and runs with fresh weights."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from engine.collections import pixels
from engine.collections.catalogue import ImageRow
from engine.collections.collection import Collection
from engine.collections.images import Images
from engine.core.home import Home
from engine.encoders import visual_words
from engine.encoders.vectors import pipeline
from engine.encoders.vectors.batches import squared
from engine.runs import listing as runs
from engine.runs.run import Run
from models.autoencoder import Autoencoder
from models.residual import ResidualNetwork
from models.specs import RESIDUAL


@dataclass(frozen=True)
class Reject:
    path: str
    message: str


class Decoded:
    """Chunks of the pictures asked for; those whose content is in `broken` fail."""

    def __init__(self, pile: Pile, ids: Sequence[int], size: int) -> None:
        self.pile, self.ids, self.size = pile, list(ids), size
        self.failures: list[Reject] = []

    def __iter__(self) -> Iterator[tuple[NDArray[np.int64], NDArray[np.uint8]]]:
        for start in range(0, len(self.ids), self.pile.chunk):
            good = []
            for id in self.ids[start : start + self.pile.chunk]:
                if id in self.pile.broken:
                    self.failures.append(Reject(f"{id}.png", "The file is cut off."))
                else:
                    good.append(id)
                    self.pile.decoded_ids.append(id)
            if good:
                yield np.array(good), np.stack([squared(self.pile.pictures[id], self.size) for id in good])


@dataclass
class Pile:
    """Pictures by id, with the methods that embedding needs of a collection."""

    folder: Path
    pictures: dict[int, NDArray[np.uint8]]
    broken: set[int] = field(default_factory=set)
    decoded_ids: list[int] = field(default_factory=list)
    chunk: int = 7
    title: str = "A pile"

    def __post_init__(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)

    def images(self) -> Images:
        ids = sorted(self.pictures)
        hashes = [hashlib.sha256(self.pictures[id].tobytes()).hexdigest() for id in ids]
        names, nothing = [f"{id}.png" for id in ids], [""] * len(ids)
        return Images(np.array(ids, dtype=np.int64), hashes, nothing, names, nothing)

    def rows(self, status: str = "") -> list[ImageRow]:
        found = self.images()
        columns = zip(found.ids.tolist(), found.names, found.hashes, strict=True)
        return [ImageRow(id, name.encode(), name, hash=hash, status="image") for id, name, hash in columns]

    def decoded(self, ids: Sequence[int], size: int) -> Decoded:
        return Decoded(self, ids, size)


def decoded(collection: Pile | Collection, ids: Sequence[int], size: int) -> Decoded | pixels.Decoded:
    """A pile decodes its own pictures; a collection does so as ever."""
    return collection.decoded(ids, size) if isinstance(collection, Pile) else pixels.Decoded(collection, ids, size)


pipeline.Decoded = visual_words.Decoded = decoded  # here, and in the processes that import this file


def picture(seed: int) -> NDArray[np.uint8]:
    return np.random.default_rng(seed).integers(0, 256, (40, 40, 3), dtype=np.uint8)


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path / "home")


@pytest.fixture
def pile(tmp_path: Path) -> Pile:
    return Pile(tmp_path / "pile", {id: picture(id) for id in range(3, 53)})


@pytest.fixture
def small_run(home: Home) -> Run:
    """A run of the small residual network with fresh weights."""
    config = {"model": 4, "network": "small-resnet", "size": 64}
    run = runs.create(home, "small", config, {"title": "Small ResNet, made for a test"})
    run.keep(ResidualNetwork(RESIDUAL["small-resnet"]).initialise(0).state_dict())
    run.end("done")
    return run


@pytest.fixture
def make_run(home: Home) -> Callable[..., Run]:
    def make(number: int = 1, name: str = "mine", size: int = 64, weights_of: int | None = None) -> Run:
        run = runs.create(home, name, {"model": number, "size": size}, {"title": f"Model {number}, made for a test"})
        run.keep(Autoencoder(weights_of or number).initialise(0).state_dict())
        run.end("done")
        return run

    return make
