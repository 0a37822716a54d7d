"""The provenance of an answer: enough to tell why another machine gives a different one."""

from __future__ import annotations

import platform
from dataclasses import dataclass
from functools import cache
from importlib.metadata import PackageNotFoundError, version

from engine import VERSION
from engine.collections.collection import Images
from engine.encoders.encoder import EncoderInfo


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


@cache
def _versions() -> dict[str, str]:
    packages = {name: _version(name) for name in ("torch", "numpy", "faiss-cpu")}
    return {"benzer": VERSION, "python": platform.python_version(), **packages}


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "unknown"
