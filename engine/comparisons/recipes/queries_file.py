"""The figures of each query of a row on disk: one file of arrays, which the row names by its sha256."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load, save

from engine.core.storage import write_bytes
from engine.evaluation.single_queries import FIGURES, SingleQueries


def write_queries(path: Path, queries: SingleQueries) -> str:
    """Store the figures of each query atomically; the sha256 of the file. StorageFull: the disk is full."""
    arrays = {"ids": queries.ids, "answers": queries.answers, **queries.figures}
    data = save({name: np.ascontiguousarray(values) for name, values in arrays.items()})
    write_bytes(path, data)
    return hashlib.sha256(data).hexdigest()


def read_queries(path: Path, sha256: str) -> SingleQueries | None:
    """The figures of each query; None if there is no such file, or another one than was written."""
    try:
        data = path.read_bytes()
    except OSError:
        return None
    if hashlib.sha256(data).hexdigest() != sha256:
        return None
    try:
        arrays = load(data)
        figures = {name: arrays[name] for name in FIGURES if name in arrays}
        return SingleQueries(arrays["ids"], arrays["answers"], figures)
    except (SafetensorError, KeyError):
        return None
