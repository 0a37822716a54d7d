"""A picture encoder fine-tuned together with a classifier: a ready-made network or one of Models 1–4.

Its weights are in the classifier's run, beside those of the head (see `models.tunable.parted`).
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Self

from engine.core.errors import NotFound
from engine.core.home import Home
from engine.core.storage import digest_of
from engine.encoders import open_encoder
from engine.encoders.encoder import Encoder, EncoderChoice
from engine.encoders.networks.table import BACKBONES
from engine.runs.classifiers import classifier, classifiers
from engine.runs.run import Run

if TYPE_CHECKING:
    from torch import Tensor


NAME = "tuned"
_GOOD_FOR = "Telling apart the classes that it was trained on."


class FineTunedEncoder(Encoder):
    """The network that a classifier started from, with its fine-tuned weights."""

    name = NAME
    rank = 69

    def __init__(self, inner: Encoder, run: Run) -> None:
        self.inner, self.run = inner, run
        self.info = replace(
            inner.info,
            name=NAME,
            weights=run.name,
            title=f"{inner.info.title}, fine-tuned · {run.title}",
            fingerprint=digest_of("tuned 1", run.digest, inner.info.fingerprint),
            source="trained here",
            sha256=run.digest,
        )

    @classmethod
    def choices(cls, home: Home) -> list[EncoderChoice]:
        """One choice for every classifier with a fine-tuned picture encoder, newest first."""
        return [_choice(run) for run in classifiers(home) if run.state == "done" and run.ready and _tuned(run)]

    @classmethod
    def open(cls, name: str, weights: str, home: Home) -> Self:
        from models.tunable import parted

        run = classifier(home, weights)
        if not _tuned(run):
            raise NotFound(f"The encoder of pictures of the classifier {run.title!r} was not fine-tuned.")
        return cls.of(run, parted(run.load())[1], home)

    @classmethod
    def of(cls, run: Run, weights: dict[str, Tensor], home: Home) -> Self:
        """The encoder with weights read from the classifier's run."""
        begun_with = open_encoder(run.card["picture"]["encoder"], run.card["picture"]["weights"], home)
        return cls(begun_with.with_weights(weights), run)

    def encode(self, images: Tensor) -> Tensor:
        return self.inner.encode(images)


def _tuned(run: Run) -> bool:
    return "picture" in run.card.get("tuned", ())


def _choice(run: Run) -> EncoderChoice:
    name, place = run.card["picture"]["encoder"], run.card["collection"]
    title = BACKBONES[name].title if name in BACKBONES else name
    help = f"{title}, trained further to tell {len(run.card['classes'])} classes of {place['title']} apart."
    learned_from = str(place.get("name", ""))
    line = f"{title}, fine-tuned · {run.title}"
    return EncoderChoice(
        NAME, run.name, line, help, ready=True, rare=True, learned_from=learned_from, good_for=_GOOD_FOR
    )
