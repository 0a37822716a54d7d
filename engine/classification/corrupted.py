"""The items of a classification under a corruption: a side missing, pictures blurred, words dropped.

Vectors of frozen encoders are the same for every fold; those of blurred pictures are stored with the collection.
Fine-tuned encoders differ in every fold: they encode the fold's own items only, and nothing of it is stored.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from engine.classification.corruptions import Corruption, dropped
from engine.classification.fine_tuning import LearnedEncoders
from engine.classification.task import Task
from engine.collections.pixels import Decoded
from engine.core.progress import Reporter
from engine.core.storage import digest_of, load_array
from engine.core.store import Store
from engine.encoders.encoder import Encoder
from engine.encoders.examples.of_collection import words_or_texts
from engine.encoders.vectors.batches import embed_pictures
from engine.evidence.alterations import blurred
from engine.texts import TextEncoder

if TYPE_CHECKING:
    from engine.classification.training.fine_tuned import FineTunable
    from engine.encoders.examples.examples import Examples

Rows = NDArray[np.int64]
Floats = NDArray[np.float32]

_BLURRED_AT_ONCE = 32  # pictures
_BLUR_OF = 224  # a blur's radius is told in pixels of a picture so wide


@dataclass
class Corrupted:
    """The items of a task under every condition; `tunable` if encoders are fine-tuned."""

    task: Task
    items: Examples
    reporter: Reporter
    tunable: FineTunable | None = None
    made: dict[str, Examples] = field(default_factory=dict)  # by condition

    def of(self, condition: Corruption, rows: Rows, learned: LearnedEncoders) -> Examples:
        """The items of some rows, as seen by fine-tuned encoders, or by the frozen ones."""
        if condition.name not in self.made:
            self.made[condition.name] = self._under(condition)
        found = self.made[condition.name].of(rows)
        if learned.picture is not None:
            found = replace(found, picture=self._seen(condition, found, rows, learned.picture))
        if learned.text is not None:
            has_text = found.has_text
            found = self._read(condition, found, learned.text)
            found = replace(found, has_text=found.has_text & has_text)
        return found

    def _under(self, condition: Corruption) -> Examples:
        items = self.items
        if condition.missing:
            gone = np.zeros(len(items), bool)
            by_picture = condition.side == "picture"
            return replace(items, has_picture=gone) if by_picture else replace(items, has_text=gone)
        learn = self.tunable  # what is seen by encoders that learn is made fold by fold
        if condition.blur and self.task.picture is not None and (learn is None or learn.picture is None):
            return replace(items, picture=self._blurred(condition))
        if condition.drop and self.task.text is not None and (learn is None or learn.text is None):
            self.reporter.update("Dropping words", 0, len(items), "texts")
            return self._read(condition, items, self.task.text)
        return items

    def _read(self, condition: Corruption, items: Examples, encoder: TextEncoder) -> Examples:
        """The items with the vectors of their texts, of which some words may be dropped."""
        texts = self.task.texts(items.ids)
        if condition.drop:
            pairs = zip(items.ids.tolist(), texts, strict=True)
            texts = [dropped(text, condition.drop, self.task.plan.seed + id) for id, text in pairs]
        found = encoder.encode(texts)
        words, starts = words_or_texts(found.vectors, found)
        there = np.linalg.norm(found.vectors, axis=1) > 0
        return replace(items, text=found.vectors, words=words, starts=starts, has_text=there)

    def _seen(self, condition: Corruption, items: Examples, rows: Rows, encoder: Encoder) -> Floats:
        """(n, p) vectors of some pictures by a fine-tuned encoder, blurred on request."""
        assert self.tunable is not None
        vectors = items.picture.copy()
        places = self.tunable.places[rows]
        there = np.flatnonzero(items.has_picture & (places >= 0))
        for some in _parts(there):
            pixels = self.tunable.pixels[places[some]]
            pictures = _pictures(pixels, condition.blur)
            vectors[some] = embed_pictures(encoder, pictures, self.task.plan.embedding)
            self.reporter.stop_if_asked()
        return vectors

    def _blurred(self, condition: Corruption) -> Floats:
        """(n, p) vectors of the pictures, blurred; made once and kept with the collection."""
        assert self.task.picture is not None
        info, embedding = self.task.picture.info, self.task.plan.embedding
        images = self.task.collection.images()
        hashes = dict(zip(images.ids.tolist(), images.hashes, strict=True))
        key = digest_of(info.name, info.fingerprint, embedding, *map(hashes.get, self.items.ids.tolist()))
        place = self.task.collection.folder / "blurred_vectors" / f"{info.name}-{condition.blur}-{key}"
        store = Store(place, format="blurred vectors", version=1)
        snapshot = store.open()
        if snapshot is None:
            vectors = self._blur(condition)
            snapshot = store.publish(lambda folder: np.save(folder / "matrix.npy", vectors, allow_pickle=False), {})
        matrix: Floats = load_array(snapshot.folder / "matrix.npy")
        return matrix

    def _blur(self, condition: Corruption) -> Floats:
        encoder, items = self.task.picture, self.items
        assert encoder is not None
        vectors, done = items.picture.copy(), 0
        place = {id: row for row, id in enumerate(items.ids.tolist())}
        wanted = items.ids[items.has_picture]
        for ids, pixels in Decoded(self.task.collection, wanted, encoder.info.input_size):
            for some in _parts(np.arange(len(ids))):
                pictures = _pictures(pixels[some], condition.blur)
                rows = [place[id] for id in ids[some].tolist()]
                vectors[rows] = embed_pictures(encoder, pictures, self.task.plan.embedding)
                done += len(rows)
                self.reporter.update("Blurring pictures", done, len(wanted), "pictures")
        return vectors


def _parts(rows: Rows) -> Iterator[Rows]:
    for start in range(0, len(rows), _BLURRED_AT_ONCE):
        yield rows[start : start + _BLURRED_AT_ONCE]


def _pictures(pixels: NDArray[np.uint8], blur: int) -> list[Image.Image]:
    """Decoded pictures, blurred by a radius in pixels at a width of 224."""
    found = [Image.fromarray(one) for one in pixels]
    return [blurred(one, 100 * blur / _BLUR_OF) for one in found] if blur else found
