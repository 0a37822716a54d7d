"""A query under a recipe and its answer: the hits, and a receipt with their cost and quality."""

from __future__ import annotations

import hashlib
import json
import shlex
from collections.abc import Callable
from dataclasses import asdict, dataclass, field, fields
from functools import cached_property
from typing import TYPE_CHECKING, Any

from engine.core.humanize import count_of, percent, with_unit
from engine.core.recipe import Recipe
from engine.core.settings import check_whole
from engine.core.storage import json_text
from engine.core.tables import csv_text
from engine.search.calibration.calibration import CONFIDENCE, Calibration, Confidence
from engine.search.examples import (
    Crop,
    Example,
    check_bytes,
    check_parts,
    checked_crop,
    checked_examples,
    checked_id,
    print_examples,
)
from engine.search.provenance import COLUMNS, Provenance, WordsUsed, provenance_cells
from engine.search.showing import html_of, show_page

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class Query:
    """A query: an image of the collection or an external picture, whole or cropped; a text; or several examples.

    `crop` is (left, top, right, bottom) as shares of the upright picture's width and height. For a `text` with a
    picture, `share` is the weight of the text in percent, None for its weight in training. `stored` says whether the
    query is a whole image of the collection, whose vector is stored; `pictured`, whether it is one picture alone.
    """

    image_id: int | None = None
    data: bytes | None = field(default=None, repr=False)
    name: str = ""
    crop: Crop | None = None
    text: str = ""
    share: int | None = None
    sha256: str = ""  # of the picture's file
    examples: tuple[Example, ...] = ()  # in place of all others
    stored: bool = field(init=False, repr=False, compare=False)
    pictured: bool = field(init=False, repr=False, compare=False)
    image_ids: frozenset[int] = field(init=False, repr=False, compare=False)  # of the collection

    def __post_init__(self) -> None:
        check_parts(self, "the query")
        if self.share is not None:
            check_whole("share", "the query", self.share, 0, 100)
        whole = self.image_id is not None and self.data is None and self.crop is None and not self.text
        if self.examples:
            object.__setattr__(self, "examples", checked_examples(self.examples))
        object.__setattr__(self, "stored", whole)
        object.__setattr__(self, "pictured", not self.text and not self.examples)
        ids = {self.image_id, *(one.image_id for one in self.examples)}
        object.__setattr__(self, "image_ids", frozenset(ids - {None}))
        if self.data is not None:
            object.__setattr__(self, "sha256", hashlib.sha256(self.data).hexdigest())
        object.__setattr__(self, "crop", checked_crop(self.crop))

    @classmethod
    def image(cls, id: int, crop: Crop | None = None) -> Query:
        """An image of the collection, by its id."""
        return cls(image_id=checked_id(id, "the query"), name=str(id), crop=crop)

    @classmethod
    def picture(cls, data: bytes, name: str = "picture", crop: Crop | None = None) -> Query:
        """An external picture, as the bytes of its file."""
        check_bytes(data, "the query")
        return cls(data=data, name=name, crop=crop)

    @classmethod
    def of(cls, *examples: Example) -> Query:
        """Several pictures and words, to be like and not to be like; one alone is the plain query of it."""
        examples = checked_examples(examples)
        if len(examples) == 1 and examples[0].weight == 1:
            [one] = examples
            return cls(image_id=one.image_id, data=one.data, name=one.name or one.text, crop=one.crop, text=one.text)
        return cls(name=print_examples(examples), examples=tuple(examples))

    @property
    def texts(self) -> list[str]:
        """The texts of the query."""
        return [text for text in (self.text, *(one.text for one in self.examples)) if text]


@dataclass(frozen=True)
class Hit:
    """One similar image: rank 1 is the nearest; a smaller distance means nearer."""

    rank: int
    id: int
    name: str
    label: str
    text: str
    distance: float
    sha256: str = ""  # of its file


@dataclass(frozen=True)
class Receipt:
    """The cost and the quality of an answer.

    Attributes:
        milliseconds: the search alone. encode_milliseconds: encoding the query picture, 0 for stored vectors.
        examined: how many vectors were compared with the query, out of `pool`; -1 if not counted.
        total: how many images were eligible: without the query, and with the requested label.
        recall: the share of the true nearest neighbours in the answer; `estimated` if measured on other queries.
        wanted: how many hits were requested.
        share: of the collection that was searched; less than 1 if a part of a distributed index was lost.
    """

    milliseconds: float
    encode_milliseconds: float
    examined: int
    pool: int
    total: int
    recall: float
    estimated: bool
    wanted: int
    share: float = 1.0


@dataclass(frozen=True)
class Answer:
    """The hits of a query under a recipe; `missed` are the ids that exact search finds and the answer lacks."""

    recipe: Recipe
    query: Query
    hits: tuple[Hit, ...]
    receipt: Receipt
    missed: tuple[int, ...] = ()
    label: str | None = None
    include_query: bool = False
    note: str = ""  # on the index or the words, besides the receipt
    provenance: Provenance | None = None
    written: tuple[Hit, ...] = ()  # hits by names, labels and texts, if the query is words
    where: str = ""  # the filter, as `parse_where` reads it
    words: WordsUsed | None = None  # how the words were understood, if no encoder of texts was asked
    local_scaling: bool = False  # whether results are ranked by distances relative to the reach of each picture
    thumbnail: Callable[[int], bytes] | None = field(default=None, repr=False, compare=False)  # by id, as WebP
    calibrated: Calibration | None = field(default=None, repr=False, compare=False)  # of the distances, if known

    @cached_property
    def calibration(self) -> Confidence | None:
        """How far the results can be trusted: a verdict, and how likely chance is for each of them.

        None where distances say nothing of it: of words and of several examples, or while it is still being computed.
        """
        if self.calibrated is None:
            return None
        own = next((place for place, hit in enumerate(self.hits) if hit.id == self.query.image_id), None)
        return self.calibrated.judge([hit.distance for hit in self.hits], own if self.query.crop is None else None)

    def __repr__(self) -> str:
        return f"<{type(self).__name__}: {self.sentence()}>"

    def to_frame(self) -> pd.DataFrame:
        """One row for each hit, the nearest first: rank, id, name, label, text, distance and sha256.

        Where results are calibrated also `percentile`, the share of random pairs of pictures that are as near,
        `expected_by_chance`, how many pictures of the collection are, and with labels `probability`, that the label is
        the query's.
        """
        import pandas as pd

        frame = pd.DataFrame([asdict(hit) for hit in self.hits], columns=[column.name for column in fields(Hit)])
        if (found := self.calibration) is not None:
            frame = frame.assign(percentile=found.percentiles, expected_by_chance=found.expected)
            frame = frame.assign(probability=found.alike) if found.alike else frame
        return frame

    def show(self) -> None:
        """Show the hits as pictures: in a notebook below the cell, else in the browser."""
        show_page(self)

    def _repr_html_(self) -> str:
        return html_of(self.hits, self.sentence(), self.thumbnail)

    def sentence(self) -> str:
        """The receipt in one line, e.g. "8 nearest of 4,738 pictures · 3.2 ms · compared with 2 % · same 8 as exact
        search", or "Exact search over 4,738 pictures · 0.5 ms".
        """
        receipt = self.receipt
        parts = [self._scope(), _milliseconds(receipt.milliseconds)]
        parts += [] if self._exact else [self._compared()]
        if receipt.share < 1:
            parts.append(f"only {percent(receipt.share)} of the collection was searched")
        return " · ".join(filter(None, [*parts, self._quality(), self.note]))

    def to_csv(self) -> str:
        """One row per hit: rank, id, name, label, text, distance, sha256, how sure it is, and what made the answer.

        How sure: the columns of `to_frame`, empty where nothing is known of it.
        """
        made_with = provenance_cells(asdict(self.provenance) if self.provenance else None)
        sure = self.calibration.cells() if self.calibration is not None else [[""] * len(CONFIDENCE)] * len(self.hits)
        return csv_text(
            ["rank", "id", "name", "label", "text", "distance", "sha256", *CONFIDENCE, *COLUMNS],
            [
                [h.rank, h.id, h.name, h.label, h.text, f"{h.distance:.6f}", h.sha256, *cells, *made_with]
                for h, cells in zip(self.hits, sure, strict=True)
            ],
        )

    def to_json(self) -> str:
        """Recipe, query, receipt and hits; what the command line prints with --json."""
        return json_text(self.as_dict(), indent=2)

    def as_dict(self) -> dict[str, Any]:
        """Plain values for JSON; see `to_json`."""
        return {
            "recipe": self.recipe.as_dict(),
            "recipe_text": str(self.recipe),
            "query": self._asked(),
            "label": self.label,
            "include_query": self.include_query,
            "made_with": asdict(self.provenance) if self.provenance else None,
            "receipt": asdict(self.receipt),
            "hits": [asdict(h) for h in self.hits],
            "missed": list(self.missed),
        } | self._if_any()

    def _if_any(self) -> dict[str, Any]:
        """Entries that only some answers have; words as lists, as they are read back from JSON."""
        written = {"written": [asdict(h) for h in self.written]} if self.written else {}
        words = {"words": json.loads(json.dumps(asdict(self.words)))} if self.words else {}
        found = self.calibration
        calibration: dict[str, Any] = {"calibration": found.as_dict()} if found is not None else {}
        calibration |= {"local_scaling": True} if self.local_scaling else {}
        return written | words | ({"where": self.where} if self.where else {}) | calibration

    def _asked(self) -> dict[str, Any]:
        """The query: an image by its id, the file's name and sha256; and the text, if any."""
        query = self.query
        asked: dict[str, Any] = {
            "image": query.image_id,
            "name": query.name,
            "sha256": query.sha256,
            "crop": query.crop,
        }
        asked |= {"examples": [one.as_dict() for one in query.examples]} if query.examples else {}
        return asked | ({"text": query.text, "share": query.share} if query.text else {})

    def command(self, kept: bool = False) -> str:
        """The command line that gives the same answer.

        Args:
            kept: whether an external picture is kept as an upload and thus named by its sha256, else by its file.
        """
        recipe = self.recipe
        words = ["python", "-m", "engine", "search", "--collection", recipe.collection, "--encoder", recipe.encoder]
        words += ["--weights", recipe.weights] if recipe.weights else []
        words += ["--pooling", recipe.embedding, "--metric", recipe.metric, "--method", recipe.method_text]
        words += ["--k", str(recipe.k)]
        words += [f"--label={self.label}"] if self.label else []  # a label may begin with a dash
        words += [f"--where={self.where}"] if self.where else []
        words += ["--crop", ",".join(f"{side:.4f}" for side in self.query.crop)] if self.query.crop else []
        words += ["--precision", self.provenance.precision] if self.provenance and self.provenance.depends else []
        words += ["--include-query"] if self.include_query else []
        words += ["--local-scaling"] if self.local_scaling else []
        words += [f"--words={self.query.text}"] if self.query.text else []
        words += ["--share", str(self.query.share)] if self.query.text and self.query.share is not None else []
        if self.query.examples:
            return shlex.join([*words, "--", *_terms(self.query.examples)])
        if self.query.text and self.query.image_id is None and self.query.data is None:
            return shlex.join(words)
        if self.query.image_id is not None:
            return shlex.join([*words, "--image", str(self.query.image_id)])
        upload = kept and self.query.data is not None
        return shlex.join([*words, "--", str(Example(data=self.query.data)) if upload else self.query.name])

    @property
    def _exact(self) -> bool:
        return self.recipe.method == "exact"

    def _scope(self) -> str:
        found, receipt = len(self.hits), self.receipt
        pictures = count_of(receipt.total, "picture")
        if found == receipt.total < receipt.wanted:
            return f"All {pictures}"
        if found < receipt.wanted:
            return f"Only {found} of {receipt.wanted} results among {pictures}"
        return f"Exact search over {pictures}" if self._exact else f"{found} nearest of {pictures}"

    def _compared(self) -> str:
        if self.receipt.examined < 0:
            return "number compared: not available"
        share = 100 * self.receipt.examined / max(self.receipt.pool, 1)
        if self.receipt.examined >= self.receipt.pool:
            return "compared with all"
        return "compared with " + with_unit(f"{share:.0f}" if share >= 1 else f"{share:.1g}", "%")

    def _quality(self) -> str:
        receipt, found = self.receipt, len(self.hits)
        if receipt.estimated:
            return f"recall about {percent(receipt.recall)} (measured on a sample of queries)"
        if not found:
            return "no results"
        if self.missed:
            return f"missed {len(self.missed)} of the {min(receipt.wanted, receipt.total)} that exact search finds"
        return "" if self._exact else f"same {found} as exact search"


def _terms(examples: tuple[Example, ...]) -> list[str]:
    """The words of the command line for several examples."""
    signed = [("+" if one.weight > 0 else "-", str(one)) for one in examples]
    words = [word for pair in signed for word in pair]
    return words[1:] if words[0] == "+" else words


def _milliseconds(value: float) -> str:
    return with_unit(f"{value:.1f}" if value < 100 else f"{value:,.0f}", "ms")
