"""A picture's local features aggregated into one vector over visual words fitted to the collection."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Self

import numpy as np
from numpy.typing import NDArray

from engine.collections.collection import Collection
from engine.collections.pixels import Decoded
from engine.core.distances import normalised
from engine.core.errors import BadParameter, Corrupt, NotFound, NoVectors
from engine.core.home import Home
from engine.core.progress import Reporter
from engine.encoders.descriptors import grey
from engine.encoders.encoder import COMPUTED, Encoder, EncoderChoice, EncoderInfo
from engine.encoders.keypoints.local_features import LOCAL_FEATURES, LocalFeature
from engine.encoders.keypoints.vocabulary import (
    Vocabulary,
    fit_words,
    keep_vocabulary,
    stored_vocabulary,
    summed,
    vocabulary_store,
)

if TYPE_CHECKING:
    from torch import Tensor


_VERSION = "1"  # changes whenever the vectors would
_SIZE = 256
_WORDS = {"words": 256, "vlad": 32}
_PICTURES = 200  # pictures to fit the words to
_OFFERED = ("sift-vlad", "orb-words")
_WAYS = {
    "words": ("bag of visual words", "How often each of 256 visual words occurs, wherever they are."),
    "vlad": ("VLAD", "How the local features of a picture differ from 32 typical ones, wherever they are."),
}
_GOOD_FOR = "The same object or page, moved, turned or partly hidden."


class VisualWords(Encoder):
    """SIFT, ORB or BRIEF as a bag of visual words (n, 256) or VLAD (n, 32 · width); zeros for a picture without points.

    The bag holds the square roots of shares, so that the Euclidean distance is Hellinger's. VLAD takes signed square
    roots and normalises each word's part.
    Sources: Sivic and Zisserman, "Video Google", 2003; Jégou et al., "Aggregating local descriptors into a compact
    image representation", 2010; Arandjelović and Zisserman, "All about VLAD", 2013.
    """

    name = "visual-words"
    rank = 35

    def __init__(self, name: str, vocabulary: Vocabulary | None = None) -> None:
        kind, self.way = name.rsplit("-", 1)
        self.feature = LOCAL_FEATURES[kind]
        self.vocabulary = vocabulary
        self.info = EncoderInfo(
            name=name,
            weights="",
            title=_title(self.feature, self.way),
            input_size=_SIZE,
            spatial=False,
            fingerprint=f"{name}-{_VERSION}-{vocabulary.digest[:32] if vocabulary else 'not fitted'}",
            source="visual words fitted to the collection",
            licence="none needed",
        )

    @classmethod
    def choices(cls, home: Home) -> list[EncoderChoice]:
        """Each feature as both kinds of vector; rarely used ones are only offered by name."""
        order = sorted(_names(), key=lambda name: name not in _OFFERED)
        return [_choice(name) for name in order]

    @classmethod
    def open(cls, name: str, weights: str, home: Home) -> Self:
        if name not in _names():
            raise NotFound(f"There is no encoder {name!r}.")
        if weights:
            raise BadParameter("weights", f"the encoder {name}", "left out: it has none", weights)
        return cls(name)

    def at(self, collection: Collection) -> VisualWords:
        return VisualWords(self.info.name, self._stored(collection))

    def made_from(self, collection: Collection) -> tuple[Path, ...]:
        return (vocabulary_store(collection, self.info.name).pointer,)

    def prepared(self, collection: Collection, reporter: Reporter) -> VisualWords:
        try:
            found = self._stored(collection)
        except Corrupt:  # vectors made with it have to be recomputed
            found = None
        return VisualWords(self.info.name, found or self._fitted(collection, reporter))

    def encode(self, images: Tensor) -> Tensor:
        import torch

        vocabulary = self.vocabulary
        if vocabulary is None:
            raise NoVectors(f"{self.info.title} has no visual words yet; preparing a collection fits them.")
        gather = bag_of_words if self.way == "words" else vlad
        vectors = [gather(self.feature.extract(picture), vocabulary) for picture in _pictures(images)]
        return torch.from_numpy(np.stack(vectors)).to(images.device)[:, :, None, None]

    def _stored(self, collection: Collection) -> Vocabulary | None:
        return stored_vocabulary(collection, self.info.name, binary=self.feature.binary)

    def _fitted(self, collection: Collection, reporter: Reporter) -> Vocabulary:
        """Fit and store words on the features of a sample of pictures, spread over the whole collection."""
        ids = collection.images().ids
        chosen = ids[np.linspace(0, len(ids) - 1, min(_PICTURES, len(ids))).astype(np.int64)]
        found, done = [np.zeros((0, self.feature.width), np.float32)], 0
        for some, pixels in Decoded(collection, chosen, _SIZE):
            found += [self.feature.extract(picture) for picture in _grey(pixels)]
            done += len(some)
            reporter.update("Fitting visual words", done, len(chosen), "pictures")
        features = np.concatenate(found)
        if not len(features):  # an empty vocabulary would be permanent
            raise BadParameter("pictures", self.info.title, "ones with corners or textures", "none that has any")
        means = fit_words(features, _WORDS[self.way], binary=self.feature.binary)
        return keep_vocabulary(collection, self.info.name, means, binary=self.feature.binary)


def bag_of_words(features: NDArray[np.float32], vocabulary: Vocabulary) -> NDArray[np.float32]:
    """The (k,) square roots of each word's share among (m, w) features; zeros without features."""
    counts = np.bincount(vocabulary.assign(features), minlength=len(vocabulary.means))
    return np.sqrt(counts / max(len(features), 1)).astype(np.float32)


def vlad(features: NDArray[np.float32], vocabulary: Vocabulary) -> NDArray[np.float32]:
    """The (k · w,) residuals of (m, w) features from their words, summed per word; of length 1, or zeros."""
    words = vocabulary.assign(features)
    sums = summed(features - vocabulary.means[words], words, len(vocabulary.means))
    sums = np.sign(sums) * np.sqrt(np.abs(sums))
    parts = normalised(sums).ravel()
    return normalised(parts[None])[0]


def _pictures(images: Tensor) -> NDArray[np.uint8]:
    levels: NDArray[np.uint8] = grey(images.float()).byte().cpu().numpy()
    return levels


def _grey(pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """(b, s, s, 3) decoded pictures in grey, by the same conversion as for encoding."""
    import torch

    return _pictures(torch.from_numpy(pixels).permute(0, 3, 1, 2).float().div_(255))


def _names() -> list[str]:
    return [f"{feature}-{way}" for way in ("vlad", "words") for feature in LOCAL_FEATURES]


def _title(feature: LocalFeature, way: str) -> str:
    return f"Local features ({feature.title}, {_WAYS[way][0]})"


def _choice(name: str) -> EncoderChoice:
    kind, way = name.rsplit("-", 1)
    help = f"{_WAYS[way][1]} Needs no training; the visual words are fitted to the collection once."
    title = _title(LOCAL_FEATURES[kind], way)
    return EncoderChoice(
        name, "", title, help, ready=True, rare=name not in _OFFERED, shelf=COMPUTED, good_for=_GOOD_FOR
    )
