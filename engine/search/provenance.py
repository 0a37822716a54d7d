"""The provenance of an answer: enough to tell why another machine gives a different one."""

from __future__ import annotations

import platform
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from engine import VERSION
from engine.collections.collection import Images
from engine.encoders.encoder import EncoderInfo
from engine.texts.lexicon.lexicon import Lexicon, Meaning


@dataclass(frozen=True)
class Provenance:
    """What determines an answer besides recipe and query.

    Attributes:
        precision: of the encoder. depends: whether the machine decides that, as it does for networks.
        encoder: the fingerprint its vectors are stored under. weights: sha256 of the encoder's weights, "" for none.
        collection: digest of the contents of all its images. images: how many these are.
        versions: of Benzer, Python and the packages that compute.
    """

    precision: str
    depends: bool
    encoder: str
    weights: str
    collection: str
    images: int
    versions: dict[str, str]


def provenance_of(info: EncoderInfo, images: Images) -> Provenance:
    """The provenance of answers over these images by that encoder, on this machine."""
    encoder = info.computed_in, bool(info.precision), info.fingerprint, info.sha256
    return Provenance(*encoder, images.content_digest(), len(images), dict(_versions()))


COLUMNS = ("precision", "encoder fingerprint", "sha256 of the weights", "contents of the collection", "versions")


def provenance_cells(made_with: Mapping[str, Any] | None) -> list[str]:
    """The cells of a CSV under `COLUMNS`, from a provenance as a dictionary; empty if it was not recorded."""
    if not made_with:
        return [""] * len(COLUMNS)
    versions = " ".join(f"{name}={number}" for name, number in made_with["versions"].items())
    return [*(str(made_with[name]) for name in ("precision", "encoder", "weights", "collection")), versions]


@dataclass(frozen=True)
class WordsUsed:
    """How the words of a query were interpreted, and which network recognised their classes.

    Attributes:
        known: each known name with the kind it stands for. near: those of them that stand for the nearest kind only.
        unknown: words that mean nothing. classes: the names of the network's classes that were searched for.
        lexicon: sha256 of the dictionary.
        precision, encoder, weights: of the network, as in `Provenance`; "" if its classes were not used.
    """

    known: tuple[tuple[str, str], ...]
    near: tuple[str, ...]
    unknown: tuple[str, ...]
    classes: tuple[str, ...]
    lexicon: str
    precision: str = ""
    encoder: str = ""
    weights: str = ""


def words_used(words: Lexicon, meaning: Meaning, info: EncoderInfo | None) -> WordsUsed:
    """What a search by words used; `info` is that of the network, None if it was not used."""
    classes = tuple(words.classes[number] for number in meaning.weights.nonzero()[0].tolist())
    understood = meaning.known, tuple(name for name, _ in meaning.near), meaning.unknown, classes, words.fingerprint
    return WordsUsed(*understood, *((info.computed_in, info.fingerprint, info.sha256) if info else ()))


@cache
def _versions() -> dict[str, str]:
    packages = {name: _version(name) for name in ("torch", "numpy", "faiss-cpu")}
    return {"benzer": VERSION, "python": platform.python_version(), **packages}


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "unknown"
