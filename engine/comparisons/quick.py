"""Which encoder suits a collection best, in about a minute: every ready encoder on the same few hundred pictures.

With labels it is judged by precision@8, without by how often an augmented copy finds its original first. An encoder
that is decidedly better than the default by labels becomes the default of the collection.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from engine.collections.collection import Collection, Images
from engine.collections.label_sources import own_labels
from engine.collections.pixels import Decoded
from engine.core.distances import cosine
from engine.core.errors import BadParameter, BenzerError
from engine.core.home import Home
from engine.core.progress import Reporter
from engine.encoders import choices, open_encoder
from engine.encoders.best import MeasuredBest, keep_best
from engine.encoders.choosing import default_choice
from engine.encoders.encoder import Encoder, EncoderChoice
from engine.encoders.networks.table import BACKBONES
from engine.encoders.pooling import ROOT
from engine.encoders.vectors.batches import Chunk, encoded
from engine.encoders.vectors.centring import fit_centring
from engine.encoders.vectors.derived import Derived
from engine.encoders.vectors.store import state, stored
from engine.evaluation.retrieval import evaluate
from engine.evaluation.statistics.decision import holm
from engine.evaluation.statistics.lead import lead
from engine.evaluation.statistics.paired import paired_difference
from engine.evaluation.statistics.proportion import mean_share_interval

if TYPE_CHECKING:
    from torch import Tensor

K = 8
_PICTURES = 400  # that every encoder encodes
_SECONDS = 45.0  # after which no further encoder starts, and none is waited for
_POOLINGS = ("avg", "max", "gem")
_LEAST_CUT = 0.6  # of the side, in an augmented copy

# measured by benchmarks/quick.py
RELIABILITY = (
    "Without labels: how often a cut, mirrored and recoloured copy of a picture finds the picture first. It ranks "
    "encoders roughly as precision@8 does (rank correlation .67 to .90 on four collections)."
)

Matrix = NDArray[np.float32]
Figures = NDArray[np.float64]
Measured = tuple[EncoderChoice, str, Figures]  # an encoder, its embedding, and a figure for each query


@dataclass(frozen=True)
class QuickRow:
    """An encoder with an embedding.

    Attributes:
        encoder: as in a recipe. figure: between 0 and 1, with its 95 % bootstrap interval.
        behind: the lead of the best row over the same queries, as a 95 % interval; (0, 0) for the best. decided:
            whether that lead is, by a paired permutation test that is corrected for all pairs of rows.
    """

    encoder: str
    title: str
    embedding: str
    figure: float
    interval: tuple[float, float]
    behind: tuple[float, float]
    decided: bool


@dataclass(frozen=True)
class QuickComparison:
    """All rows, best first; `left_out` are the encoders that were not measured, each with the reason.

    Attributes:
        better: what is decidedly better than the default of the collection, and is its default from now on.
        comparable: whether the default itself was measured.
    """

    collection: str
    pictures: int
    labelled: bool
    rows: tuple[QuickRow, ...]
    left_out: tuple[tuple[str, str], ...]
    seconds: float
    better: MeasuredBest | None = None
    comparable: bool = True

    @property
    def judged_by(self) -> str:
        """The name of the measure."""
        return f"precision@{K}" if self.labelled else "altered pictures found"

    def conclusion(self) -> str:
        """What the figures say: how far they can be trusted without labels, and whether the default changes."""
        if not self.labelled:
            return RELIABILITY
        if not self.comparable:
            return "The default of the collection stays: it could not be measured itself."
        if self.better is None:
            return "The default of the collection stays: nothing is decidedly better."
        low, high = self.better.lead
        name = f"{self.better.encoder} with {self.better.embedding}"
        return f"From now on the default of the collection is {name}: {low:.3f} to {high:.3f} ahead."

    def as_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return asdict(self) | {"judged_by": self.judged_by, "verdict": self.conclusion()}


def compare_quickly(home: Home, collection: Collection, reporter: Reporter) -> QuickComparison:
    """Compare every ready encoder on the same pictures of a collection, with the poolings that cost nothing extra.

    Labels that a classifier wrote do not count: they would favour the encoder that it sees with.

    Raises:
        BadParameter: too few pictures. Stopped: on request.
    """
    images = replace(collection.images(), labels=own_labels(collection))
    began, sample = time.monotonic(), sample_of(images)
    if len(sample.ids) <= K:
        raise BadParameter("number of pictures", "a quick comparison", f"more than {K}", len(sample.ids))
    measured, left_out = _measured(home, collection, sample, began + _SECONDS, reporter)
    usual = _of_default(home, collection, measured)
    better = _better(collection, usual, measured) if sample.labelled and usual is not None else None
    rows, seconds = _ranked(measured), round(time.monotonic() - began, 1)
    facts = (collection.name, len(sample.ids), sample.labelled, rows, tuple(left_out), seconds)
    return QuickComparison(*facts, better, comparable=usual is not None)


def _measured(
    home: Home, collection: Collection, sample: Sample, until: float, reporter: Reporter
) -> tuple[list[Measured], list[tuple[str, str]]]:
    """What could be measured of each ready encoder, and the titles of the others with the reason."""
    lines = _in_order(choices(home, collection.name))
    measured, left_out = list[Measured](), list[tuple[str, str]]()
    for number, choice in enumerate(lines):
        reporter.update("Comparing encoders", number, len(lines), "encoders", note=choice.title)
        try:
            if time.monotonic() > until:
                raise BenzerError("There was no time left.")
            if choice.learned_labels and choice.trained_on == collection.name and sample.labelled:
                raise BenzerError("It learned the labels by which it would be judged.")
            encoder = open_encoder(choice.name, choice.weights, home, collection)
            found = list(figures_of(collection, encoder, choice, sample, until=until))
            measured += [(choice, *figures) for figures in found]
        except BenzerError as error:
            left_out.append((choice.title, error.message))
    reporter.update("Comparing encoders", len(lines), len(lines), "encoders")
    return measured, left_out


def _of_default(home: Home, collection: Collection, measured: list[Measured]) -> Measured | None:
    """The line of the default of a collection that nobody has measured; None if it is not among these."""
    default = default_choice(home, collection.name, measured=False)
    key = (default.name, default.weights, default.embedding)
    return next((line for line in measured if (line[0].name, line[0].weights, line[1]) == key), None)


def _better(collection: Collection, usual: Measured, measured: list[Measured]) -> MeasuredBest | None:
    """What is decidedly better than the default, now kept as the default; None if nothing is."""
    choice, embedding, figures = max(measured, key=lambda line: line[2].mean())
    [found] = holm(
        [paired_difference(figures, usual[2])], pairs=len(measured) - 1
    )  # the best of many leads by chance, too
    names, compared = (choice.name, choice.weights, embedding), f"{usual[0].name}/{usual[1]}"
    best = MeasuredBest(*names, float(figures.mean()), found.interval, compared) if found.decided else None
    keep_best(collection.folder, best)
    return best


def _in_order(lines: Sequence[EncoderChoice]) -> list[EncoderChoice]:
    """The ready encoders: the first network, then the cheap ones, and the other networks last."""
    ready = [line for line in lines if line.ready and not line.rare and line.pictures]
    networks = [line for line in ready if line.name in BACKBONES]
    return sorted(ready, key=lambda line: line in networks[1:])


@dataclass(frozen=True)
class Sample:
    """Some pictures of a collection with their labels, "" for none."""

    ids: NDArray[np.int64]
    labels: list[str]

    @property
    def labelled(self) -> bool:
        """Whether labels can be used: at least two, and one of them shared."""
        kinds = {label: self.labels.count(label) for label in set(self.labels) - {""}}
        return len(kinds) > 1 and max(kinds.values()) > 1 and sum(kinds.values()) > K


def sample_of(images: Images, most: int = _PICTURES) -> Sample:
    """At most that many pictures spread evenly over the collection; only labelled ones, if there are enough."""
    everything = np.arange(len(images.ids))
    with_labels = everything[[bool(label) for label in images.labels]] if len(everything) else everything
    rows = with_labels if len(with_labels) >= min(most, len(everything)) / 2 else everything
    rows = rows[np.unique(np.linspace(0, len(rows) - 1, min(most, len(rows))).astype(np.int64))]
    return Sample(images.ids[rows], [images.labels[row] for row in rows.tolist()])


def figures_of(
    collection: Collection, encoder: Encoder, choice: EncoderChoice, sample: Sample, *, until: float = np.inf
) -> Iterator[tuple[str, Figures]]:
    """For each embedding one figure per query; BenzerError if the encoding is not done at that monotonic time."""
    names = list(_POOLINGS) if encoder.info.spatial else ["flatten"]
    plain = _stored(collection, encoder, names, sample.ids) if sample.labelled else None
    altered: dict[str, Matrix] = {}
    if plain is None:
        if isinstance(encoder, Derived) or type(encoder).prepared is not Encoder.prepared:
            raise BenzerError("It has to be prepared for this collection first.")
        plain, altered = _encoded(collection, encoder, names, sample, until)
    for name in names:
        shown = name if encoder.info.spatial else choice.embedding.removesuffix(ROOT)
        yield shown, _judged(plain[name], altered.get(name), sample)
        root = fit_centring(plain[name])
        others = root(altered[name]) if name in altered else None
        yield f"{shown}{ROOT}", _judged(root(plain[name]), others, sample)


def _stored(
    collection: Collection, encoder: Encoder, names: Sequence[str], ids: NDArray[np.int64]
) -> dict[str, Matrix] | None:
    """The sample's vectors, if the whole collection has them already."""
    found = {}
    for name in names:
        vectors = stored(collection, encoder.info, name) if state(collection, encoder.info, name).ready else None
        if vectors is None or not np.isin(ids, vectors.ids).all():
            return None
        found[name] = vectors.matrix[np.searchsorted(vectors.ids, ids)]
    return found


def _encoded(
    collection: Collection, encoder: Encoder, names: Sequence[str], sample: Sample, until: float
) -> tuple[dict[str, Matrix], dict[str, Matrix]]:
    """The sample's vectors and, without labels, those of its augmented copies, by embedding."""
    source = Decoded(collection, sample.ids, encoder.info.input_size)
    chunks = list(source)
    if source.failures:
        raise BenzerError(f"{source.failures[0].path} can no longer be read.")
    plain = _vectors(encoder, chunks, names, until)
    return plain, {} if sample.labelled else _vectors(encoder, [_altered(chunk) for chunk in chunks], names, until)


def _vectors(encoder: Encoder, chunks: list[Chunk], names: Sequence[str], until: float) -> dict[str, Matrix]:
    made = []
    for batch in encoded(encoder, chunks, names):
        made.append(batch)
        if time.monotonic() > until and len(made) * len(batch[0]) < sum(len(ids) for ids, _ in chunks):
            raise BenzerError("There was no time left.")
    return {name: np.concatenate([vectors[name] for _, vectors in made]) for name in names}


def _altered(chunk: Chunk) -> Chunk:
    """Mirrored, cropped and recoloured copies; the same for every encoder of that input size."""
    import torch

    from engine.training.augment import cut, mirrored, recoloured

    random = torch.Generator().manual_seed(int(chunk[0][0]))
    images: Tensor = torch.from_numpy(chunk[1]).permute(0, 3, 1, 2).float() / 255
    images = recoloured(cut(mirrored(images, random), random, _LEAST_CUT), random)
    return chunk[0], (255 * images).round().byte().permute(0, 2, 3, 1).contiguous().numpy()


def _judged(plain: Matrix, altered: Matrix | None, sample: Sample) -> Figures:
    """(q,) precision@8 of each labelled picture, or whether each augmented copy finds its original first."""
    if sample.labelled or altered is None:
        return evaluate(plain, sample.labels, "cosine", K).precisions
    return (cosine(altered, plain).argmin(1) == np.arange(len(plain))).astype(np.float64)


def _ranked(measured: list[Measured]) -> tuple[QuickRow, ...]:
    ordered = sorted(measured, key=lambda line: -line[2].mean())
    if not ordered:
        return ()
    found, rows = lead([figures for *_, figures in ordered]), []
    for place, (choice, name, figures) in enumerate(ordered):
        one = found.against.get(place)
        behind = (one.interval, one.decided) if one else ((0.0, 0.0), False)
        rows.append(
            QuickRow(choice.key, choice.title, name, float(figures.mean()), mean_share_interval(figures), *behind)
        )
    return tuple(rows)
