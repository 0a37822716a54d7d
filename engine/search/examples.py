r"""Several examples as one query: pictures and words that results should be like or unlike, each with a weight.

    #12 + "striped" + upload:1f3a09c2@0.5 - people.jpg

The vectors are joined by the formula of Rocchio, "Relevance feedback in information retrieval" (1971); with three or
more of each kind a logistic regression tells them apart.
"""

from __future__ import annotations

import hashlib
import math
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.core.distances import normalised
from engine.core.errors import BadParameter
from engine.core.settings import check_text, is_number, is_whole

Matrix = NDArray[np.float32]
Crop = tuple[float, float, float, float]

MOST = 100  # examples of a query
LEARNED_FROM = 3  # examples of each kind from which a model is trained
_WEIGHT_MOST = 100.0
_PLUS, _MINUS = 2.0, 1.0  # Rocchio's β and γ; they differ by 1, so that the result stays among the vectors
_SIGNS = {"+": 1.0, "-": -1.0}
_UPLOAD = "upload:"
_TERM = re.compile(r'(?P<what>"(?:[^"\\]|\\.)*"|\S+?)(?:@(?P<weight>\d+(?:\.\d+)?))?(?:\[(?P<crop>[\d.,]+)\])?')
_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"\S*|\S+')
_SHOWN = 16  # digits of an upload's hash
_PICTURE = re.compile(r".*\.[A-Za-z0-9]{2,5}")


@dataclass(frozen=True)
class Example:
    """A picture of the collection, an external picture, or words; a negative `weight` means unlike it.

    `crop` is (left, top, right, bottom) as shares of the upright picture; `sha256` is of the picture's file.
    """

    image_id: int | None = None
    data: bytes | None = None
    name: str = ""
    text: str = ""
    crop: Crop | None = None
    weight: float = 1.0
    sha256: str = ""

    def __post_init__(self) -> None:
        check_parts(self, "an example")
        if (self.image_id is not None) + (self.data is not None) + bool(self.text) != 1:
            raise BadParameter("example", "the query", "one picture or some words", self.name or "nothing")
        weight = abs(self.weight) if is_number(self.weight) else math.nan
        if not 0 < weight <= _WEIGHT_MOST:
            raise BadParameter("weight", "an example", f"a number above 0, at most {_WEIGHT_MOST:g}", self.weight)
        if self.data is not None:
            object.__setattr__(self, "sha256", hashlib.sha256(self.data).hexdigest())
        object.__setattr__(self, "crop", checked_crop(self.crop))

    def __str__(self) -> str:
        """The term of this example, without its sign."""
        if self.image_id is not None:
            what = f"#{self.image_id}"
        else:
            what = _quoted(self.text) if self.text else _UPLOAD + self.sha256[:_SHOWN]
        weight = f"@{_plain(abs(self.weight))}" if abs(self.weight) != 1 else ""
        crop = "[" + ",".join(_plain(float(f"{side:.4g}")) for side in self.crop) + "]" if self.crop else ""
        return what + weight + crop

    def as_dict(self) -> dict[str, Any]:
        """For an export: what was asked, without the bytes."""
        return {
            "image": self.image_id,
            "name": self.name,
            "sha256": self.sha256,
            "text": self.text,
            "crop": self.crop,
            "weight": self.weight,
        }


def check_parts(part: Any, thing: str) -> None:
    """BadParameter unless what a query or an example is made of has the types that its fields name.

    An id of NumPy becomes an int.
    """
    if not (isinstance(part.name, str) and isinstance(part.text, str)):  # asked here, as every click comes by
        check_text("name", thing, part.name)
        check_text("text", thing, part.text)
    if part.data is not None and not isinstance(part.data, bytes):
        check_bytes(part.data, thing)
    if part.image_id is not None and type(part.image_id) is not int:
        object.__setattr__(part, "image_id", checked_id(part.image_id, thing))


def check_bytes(data: object, thing: str) -> None:
    """BadParameter unless the data are bytes."""
    if not isinstance(data, bytes):
        raise BadParameter("data", thing, "the bytes of a picture file", type(data).__name__)


def checked_id(id: Any, thing: str) -> int:
    """The id of a picture as an int; BadParameter unless it is a whole number."""
    if not is_whole(id):
        raise BadParameter("id of the picture", thing, "a whole number", id)
    return int(id)


def checked_crop(crop: Crop | None) -> Crop | None:
    """The crop as a tuple, or None; BadParameter unless it is a part of the picture."""
    if crop is None:
        return None
    four = isinstance(crop, list | tuple) and len(crop) == 4 and all(map(is_number, crop))
    left, top, right, bottom = crop if four else (math.nan,) * 4
    if not (0 <= left < right <= 1 and 0 <= top < bottom <= 1):
        raise BadParameter("crop", "the query", "left < right and top < bottom, all from 0 to 1", crop)
    return left, top, right, bottom


def checked_examples(examples: Sequence[Example]) -> tuple[Example, ...]:
    """The examples, at least one of which must be positive; else BadParameter."""
    if isinstance(examples, str) or not isinstance(examples, Sequence):
        raise BadParameter("examples", "the query", "values of Example", examples)
    for one in examples:
        if not isinstance(one, Example):
            raise BadParameter("examples", "the query", "values of Example", one)
    if not 1 <= len(examples) <= MOST:
        raise BadParameter("number of examples", "the query", f"from 1 to {MOST}", len(examples))
    if not any(one.weight > 0 for one in examples):
        raise BadParameter("examples", "the query", "at least one that results should be like", "none with a plus")
    return tuple(examples)


# ── the written form ─────────────────────────────────────────────────────────────────────────────────────────────────


def print_examples(examples: Iterable[Example]) -> str:
    """The written form, which `parse_examples` reads."""
    text = "".join(f" {'+' if one.weight > 0 else '-'} {one}" for one in examples)
    return text.removeprefix(" + ").strip()


def parse_examples(
    words: str | Sequence[str], picture: Callable[[str], Example], *, files: Callable[[str], Example] | None = None
) -> tuple[Example, ...]:
    """The examples of a text, or of the words of a command line, joined by + and -.

    A term is `#12` (a picture of the collection), `upload:1f3a…`, words in quotes, or a file; it may end in a weight
    and a crop: `#12@0.5[0,0,1,0.5]`. On the command line other words need no quotes.

    Args:
        picture: the example of an upload, by the digits of its hash. files: of a file; None where none may be named.

    Raises:
        BadParameter: a term that is none of these. NotFound: no such upload.
    """
    terms = _TOKEN.findall(words) if isinstance(words, str) else list(words)
    terms = terms if terms[:1] in (["+"], ["-"]) else ["+", *terms]
    signs, named = terms[::2], terms[1::2]
    wrong = [term for term in signs if term not in _SIGNS] + [term for term in named if term in _SIGNS]
    if wrong or len(signs) != len(named):
        raise _bad(wrong[0] if wrong else " ".join(terms[1:]))
    return checked_examples(
        [_parsed(term, _SIGNS[sign], picture, files) for sign, term in zip(signs, named, strict=True)]
    )


def _parsed(
    token: str, sign: float, picture: Callable[[str], Example], files: Callable[[str], Example] | None
) -> Example:
    if files is not None and Path(token).expanduser().is_file():
        return _but(files(token), sign)
    term = _TERM.fullmatch(token)
    if term is None:
        term = re.fullmatch(r"(?P<what>.+?)(?:@(?P<weight>\d+(?:\.\d+)?))?(?P<crop>)", token, re.DOTALL)
    if term is None:
        raise _bad(token)
    what, weight = term["what"], sign * float(term["weight"] or 1)
    crop = parse_crop(term["crop"]) if term["crop"] else None
    if re.fullmatch(r"#\d{1,18}", what):
        return Example(image_id=int(what[1:]), name=what[1:], crop=crop, weight=weight)
    if what.startswith(_UPLOAD):
        return _but(picture(what.removeprefix(_UPLOAD)), weight, crop)
    if what.startswith('"') and what.endswith('"') and len(what) > 2:
        return Example(text=re.sub(r"\\(.)", r"\1", what[1:-1]), weight=weight)
    if files is None:
        raise _bad(token)
    if "/" in what or _PICTURE.fullmatch(what):
        return _but(files(what), weight, crop)
    return Example(text=what, weight=weight)


def _but(example: Example, weight: float, crop: Crop | None = None) -> Example:
    return Example(data=example.data, name=example.name, crop=crop or example.crop, weight=weight)


def parse_crop(text: str) -> Crop:
    """The crop written as left,top,right,bottom; BadParameter unless these are four numbers."""
    try:
        left, top, right, bottom = (float(side) for side in text.split(","))
    except ValueError:
        raise BadParameter("crop", "the query", "four numbers: left,top,right,bottom from 0 to 1", text) from None
    return left, top, right, bottom


def _plain(number: float) -> str:
    """A number without an exponent, which `parse_examples` would not read.

    >>> _plain(0.5), _plain(2.0), _plain(0.00001)
    ('0.5', '2', '0.00001')
    """
    return np.format_float_positional(number, trim="-")


def _quoted(text: str) -> str:
    return '"' + re.sub(r'(["\\])', r"\\\1", text) + '"'


def _bad(token: str) -> BadParameter:
    return BadParameter("examples", "the query", 'terms like #12, upload:… or "words", joined by + and -', token)


# ── the arithmetic ───────────────────────────────────────────────────────────────────────────────────────────────────


def combined(vectors: Matrix, weights: NDArray[np.float32], metric: str) -> Matrix:
    """(1, d) 2 · mean of the plus vectors − mean of the minus vectors; the mean alone where there are none of these.

    For cosine each vector is first scaled to length 1, so that only directions count.

    Args:
        vectors: (n, d). weights: (n,), negative for minus; means are weighted by their sizes.
    """
    vectors = normalised(vectors) if metric == "cosine" else vectors
    like = _mean(vectors, np.maximum(weights, 0))
    unlike = np.maximum(-weights, 0)
    return like if not unlike.any() else (_PLUS * like - _MINUS * _mean(vectors, unlike)).astype(np.float32)


def _mean(vectors: Matrix, weights: NDArray[np.float32]) -> Matrix:
    return (weights[None, :] @ vectors / weights.sum()).astype(np.float32)


def teaches(weights: NDArray[np.float32]) -> bool:
    """Whether there are enough examples of both kinds to train a model."""
    return bool((weights > 0).sum() >= LEARNED_FROM and (weights < 0).sum() >= LEARNED_FROM)


def learned_distances(examples: Matrix, weights: NDArray[np.float32], vectors: Matrix, metric: str) -> Matrix:
    """(n,) 1 − the probability that each vector is like the plus and not like the minus examples.

    By a logistic regression with the usual L2 penalty, both kinds counting the same in total.

    Args:
        examples: (m, d). weights: (m,), negative for minus. vectors: (n, d) to be judged.
    """
    from sklearn.linear_model import LogisticRegression

    examples = normalised(examples) if metric == "cosine" else examples
    centre, spread = examples.mean(axis=0), float(np.linalg.norm(examples.std(axis=0))) or 1.0
    model = LogisticRegression(class_weight="balanced", max_iter=1000)
    model.fit((examples - centre) / spread, weights > 0, sample_weight=np.abs(weights))
    direction = (model.coef_[0] / spread).astype(np.float32)
    scores = vectors @ direction  # no second matrix of the size of the collection is made
    if metric == "cosine":
        lengths = np.sqrt(np.einsum("ij,ij->i", vectors, vectors))
        scores = scores / np.where(lengths > 0, lengths, 1)
    scores = scores - centre @ direction + model.intercept_[0]
    return (1 / (1 + np.exp(np.clip(scores, -60, 60)))).astype(np.float32)


def described(weights: NDArray[np.float32]) -> str:
    """How the examples were joined, for the receipt."""
    plus, minus = int((weights > 0).sum()), int((weights < 0).sum())
    if teaches(weights):
        return f"logistic regression over {plus} plus and {minus} minus examples"
    return f"2 × mean of {plus} plus − mean of {minus} minus" if minus else f"mean of {plus} examples"
