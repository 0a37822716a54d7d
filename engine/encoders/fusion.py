"""A trained classifier as an encoder: pictures and texts in, the vector before its class layer out.

An item's vector comes from its picture and its text, a query's from either or both: so a text alone finds pictures.
With both, `share` is the weight of the text in percent; without it they are fused as in training.

    classifiers/<run>/   a run (see `engine.runs.run`), and
        text.json        the fitted state of its text encoder (sealed), if it learns from the collection
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import NDArray

from engine.collections.collection import Collection
from engine.core.errors import BadParameter, BenzerError, NotTrained
from engine.core.home import Home
from engine.core.progress import Reporter
from engine.core.storage import digest_of, read_object
from engine.encoders import open_encoder
from engine.encoders.encoder import Encoder, EncoderChoice, EncoderInfo, ReadsTexts
from engine.encoders.examples.of_collection import examples_of, one_example, texts_of
from engine.encoders.fine_tuned import FineTunedEncoder
from engine.encoders.vectors.batches import embed_pictures
from engine.encoders.vectors.derived import Derivation, Derived
from engine.encoders.vectors.store import Vectors
from engine.runs.classifiers import classifier, classifiers
from engine.runs.run import Run
from engine.texts import TextEncoder, open_text_encoder
from engine.texts.plain import plain
from models.specs import FusionSpec

if TYPE_CHECKING:
    from torch import Tensor

    from engine.encoders.examples.examples import Examples
    from models.fusion import ExampleBatch, Fusion

NAME = "fused"
_GOOD_FOR = "Items with picture and text: search by either or by both."
_BATCH = 256

Floats = NDArray[np.float32]


@dataclass(frozen=True)
class Explanation:
    """Predictions for n items: (n, c) probabilities by picture alone, by text alone, and by both."""

    picture: NDArray[np.float64] | None
    text: NDArray[np.float64] | None
    fused: NDArray[np.float64]


class FusionEncoder(Derived, ReadsTexts):
    """A classifier with its two encoders; `weights` in a recipe is the classifier's run."""

    name = "fused"
    rank = 68

    def __init__(
        self,
        run: Run,
        network: Fusion,
        picture: Encoder | None,
        text: TextEncoder | None,
        texts: str = "",
        silent: bool = False,
    ) -> None:
        self.run, self.network, self.picture, self.text = run, network, picture, text
        self.silent = silent  # the collection has no texts
        card = run.card
        self.classes: tuple[str, ...] = tuple(card["classes"])
        self.embedding = str(card["embedding"])
        made_of = [picture.info.fingerprint if picture else "", text.info.fingerprint if text else ""]
        self.info = EncoderInfo(
            name=NAME,
            weights=run.name,
            title=_title(run),
            input_size=picture.info.input_size if picture else 224,
            spatial=False,
            fingerprint=digest_of("fused 1", run.digest, self.embedding, *made_of, texts),
            source="trained here",
            licence=picture.info.licence if picture else "none",
            sha256=" + ".join([run.digest, *([picture.info.sha256] if picture and picture.info.sha256 else [])]),
            precision=picture.info.precision if picture else "",
        )

    @classmethod
    def choices(cls, home: Home) -> list[EncoderChoice]:
        """Every trained classifier, newest first."""
        return [_choice(run) for run in classifiers(home) if run.state == "done" and run.ready]

    @classmethod
    def open(cls, name: str, weights: str, home: Home) -> Self:
        from models.fusion import Fusion
        from models.tunable import parted

        run = classifier(home, weights)
        card = run.card
        if not run.ready:
            raise NotTrained(f"The classifier {run.title!r} has no weights yet.", way_out="Train it first.")
        head, *learned = parted(run.load())
        picture, text = _picture(run, learned[0], home), _text(run, learned[1], home)
        network = Fusion(FusionSpec(**card["spec"]))
        network.load_state_dict(head)
        return cls(run, network.eval(), picture, text)

    def at(self, collection: Collection) -> FusionEncoder:
        """Its vectors also depend on the texts and change with them."""
        picture = self.picture.at(collection) if self.picture else None
        texts = texts_of(collection) if self.text else ()
        digest = digest_of(*texts) if self.text else ""
        return FusionEncoder(self.run, self.network, picture, self.text, digest, silent=not any(map(str.strip, texts)))

    def made_from(self, collection: Collection) -> tuple[Path, ...]:
        return self.picture.made_from(collection) if self.picture else ()

    def prepared(self, collection: Collection, reporter: Reporter) -> FusionEncoder:
        if self.picture:
            self.picture.prepared(collection, reporter)
        return self.at(collection)

    def items(self, collection: Collection, reporter: Reporter) -> Examples:
        """A collection's pictures and texts as input of this classifier."""
        return examples_of(collection, self.picture, self.embedding, self.text, reporter)

    def derive(self, collection: Collection, name: str, reporter: Reporter) -> Derivation:
        items = self.items(collection, reporter)
        matrix = self.hidden(items)
        source = Vectors(items.ids, [], matrix, "")
        there = np.flatnonzero(items.has_picture | items.has_text)
        rows = {int(items.ids[row]): (source, int(row)) for row in there}
        return Derivation(rows, matrix.shape[1], "Neither its picture nor its text could be read.")

    def embed(self, pictures: Sequence[Any], name: str) -> Floats:
        """(q, h) vectors of pictures alone."""
        return np.concatenate([self.embed_query(picture, None) for picture in pictures])

    def embed_query(self, picture: Any | None, text: str | None, share: int | None = None) -> Floats:
        """The (1, h) vector of a picture, a text, or both.

        Args:
            share: weight of the text in percent, from 0 to 100; None: as in training.

        Raises:
            BadParameter: neither, or a share out of range. BenzerError: the classifier knows none of the text's words,
                or sees no pictures at all; it looks for words in texts, and the collection has none.
        """
        if share is not None and not 0 <= share <= 100:
            raise BadParameter("share", "the query", "a whole number of percent from 0 to 100", share)
        if picture is None and self.silent and self.network.spec.fusion in ("text", "late"):
            raise BenzerError(
                f"{self.info.title} compares text with text, and this collection has no texts.",
                way_out="Search with a picture, or choose a classifier with early or intermediate fusion.",
            )
        both = self._item(picture, text)
        if share is None or not (both.has_picture[0] and both.has_text[0]):
            return self.hidden(both)
        seen, read = (self.hidden(self._item(picture, None)), self.hidden(self._item(None, text)))
        mixed = (100 - share) * seen + share * read
        return (mixed / max(float(np.linalg.norm(mixed)), 1e-12)).astype(np.float32)

    def judge(self, picture: Any | None, text: str | None) -> tuple[Explanation, list[tuple[str, float]]]:
        """The prediction for one item, and the attention to each word; empty without attention.

        A side that is missing, or contains only unknown words, yields no prediction.
        """
        item = self._item(picture, text)
        predicted = self.explain(item)
        seen, read = (
            (predicted.picture if item.has_picture[0] else None),
            (predicted.text if item.has_text[0] else None),
        )
        return Explanation(seen, read, predicted.fused), self._looked(item, text or "")

    def explain(self, items: Examples) -> Explanation:
        """The predictions for items."""
        return explain(self.network, items, np.arange(len(items)))

    def hidden(self, items: Examples) -> Floats:
        """(n, h) unit vectors of items."""
        import torch

        with torch.inference_mode():
            found = [self.network.hidden(pair).numpy() for pair in _pairs(items, np.arange(len(items)))]
        return np.concatenate(found) if found else np.empty((0, 1), np.float32)

    def _item(self, picture: Any | None, text: str | None) -> Examples:
        if picture is None and not text:
            raise BadParameter("query", "a classifier", "a picture, a text, or both", "neither")
        seen = embed_pictures(self.picture, [picture], self.embedding) if self.picture and picture is not None else None
        encoded = self.text.encode([plain(text)]) if self.text and text else None
        spec = self.network.spec
        item = one_example(seen, encoded, (spec.picture, spec.text, spec.words))
        if not (item.has_picture[0] or item.has_text[0]):
            raise self._not_understood(bool(text))
        return item

    def understands(self, text: str) -> bool:
        """Whether it knows any word of the text."""
        return self.text is not None and bool(np.linalg.norm(self.text.encode([plain(text)]).vectors) > 0)

    def _not_understood(self, asked_by_text: bool) -> BenzerError:
        if self.text is None:
            why, way_out = f"{self.info.title} was trained on pictures only.", "Search with a picture."
        elif not asked_by_text:
            why, way_out = f"{self.info.title} was trained on texts only.", "Search with text."
        else:
            why = f"None of these words occur in the texts that {self.info.title} was trained on."
            way_out = "Try other words or a picture." if self.picture else "Try other words."
        return BenzerError(why, way_out=way_out)

    def _looked(self, item: Examples, text: str) -> list[tuple[str, float]]:
        import torch

        if self.text is None or not item.has_text[0]:
            return []
        with torch.inference_mode():
            [pair] = _pairs(item, np.arange(1))
            weights = self.network.attention(pair)
        pieces = self.text.pieces(plain(text))
        return [] if weights is None else list(zip(pieces, weights[0].tolist(), strict=False))


def explain(network: Fusion, items: Examples, rows: NDArray[np.int64]) -> Explanation:
    """A network's predictions for the items of these rows."""
    import torch

    where = str(next(network.parameters()).device)
    parts: list[list[NDArray[np.float64]]] = [[], [], []]
    with torch.inference_mode():
        for pair in _pairs(items, rows, where):
            for place, predicted in zip(parts, network.predictions(pair), strict=True):
                if predicted is not None:
                    place.append(predicted.double().softmax(1).cpu().numpy())
    picture, text, fused = (np.concatenate(part) if part else None for part in parts)
    if fused is None:
        fused = np.empty((0, network.spec.classes))
    return Explanation(picture, text, fused)


def _pairs(items: Examples, rows: NDArray[np.int64], where: str = "cpu") -> Iterator[ExampleBatch]:
    from engine.encoders.examples.examples import Features

    source = Features(items, where)
    for start in range(0, len(rows), _BATCH):
        yield source.take(rows[start : start + _BATCH])


def _picture(run: Run, weights: dict[str, Tensor], home: Home) -> Encoder | None:
    """The picture encoder, with its fine-tuned weights if it was trained with the classifier."""
    given = run.card["picture"]
    if weights:
        return FineTunedEncoder.of(run, weights, home)
    return open_encoder(given["encoder"], given["weights"], home) if given else None


def _text(run: Run, weights: dict[str, Tensor], home: Home) -> TextEncoder | None:
    if not run.card["text"]:
        return None
    found = open_text_encoder(run.card["text"], home).restored(_state(run))
    return found.with_weights(weights, digest_of("tuned 1", run.digest, found.info.fingerprint)) if weights else found


def _state(run: Run) -> Any:
    try:
        return read_object(run.folder / "text.json")
    except FileNotFoundError:
        return None


def _choice(run: Run) -> EncoderChoice:
    card = run.card
    seen = " and ".join(filter(None, [card["picture"] and card["picture"]["encoder"], card["text"]]))
    help = (
        f"Tells {len(card['classes'])} classes of {card['collection']['title']} by {seen}; searches by either or both."
    )
    learned_from = str(card["collection"].get("name", ""))
    line = EncoderChoice(
        NAME, run.name, _title(run), help, ready=True, rare=True, learned_from=learned_from, good_for=_GOOD_FOR
    )
    return replace(line, pictures=bool(card["picture"]), words=bool(card["text"]))


def _title(run: Run) -> str:
    card = run.card
    sees = " and ".join(filter(None, ["picture" if card["picture"] else "", "text" if card["text"] else ""]))
    return f"{sees.capitalize()} · {run.title}"
