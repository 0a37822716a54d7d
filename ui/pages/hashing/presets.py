"""Initial values of a study's fields, and presets that answer a question: a first look, the thesis, …"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import streamlit as st

from engine.indexes import approximate_methods

_SMALL = 5000  # vectors: below this, short codes suffice
_IN_A_BUCKET = 4  # vectors, if they were random: fewer would find next to nothing
Fields = dict[str, Any]


def first_look(count: int) -> Fields:
    """Every method, with settings tuned on the data and with some common ones."""
    small = count < _SMALL
    return {
        "methods": approximate_methods(),
        "own": "",
        "bits": "4, 8, 12" if small else "8, 16, 24",
        "tables": "4, 16" if small else "4, 32",
        "probes": "",
        "parts": "",
        "functions": [],
        "lookup": "buckets",
        "automatic": True,
        "neighbours": 10 if small else 100,
        "queries": 200,
        "sizes": "",
        "folds": 1,
        "seed": 0,
    }


def thesis(count: int) -> Fields:
    """The tables of the thesis: methods with one table, LSH and RDH with many, five lengths of codes."""
    return first_look(count) | {
        "methods": ["lsh", "rdh"],
        "own": "pcah(tables=1) spectral(tables=1) itq(tables=1)",
        "bits": "8, 16, 24, 32, 64",
        "tables": "50, 100, 150, 200",
        "probes": "0",
        "parts": "10",
        "functions": ["same"],
        "automatic": False,
        "neighbours": 100,
        "queries": 100,
    }


def speed_up(count: int) -> Fields:
    """RDH on more and more parts."""
    return _lsh_and_rdh(count) | {"parts": "1, 2, 4, 8, 10"}


def size_up(count: int) -> Fields:
    """LSH and RDH over more and more of the vectors."""
    shares = [max(2, count * tenths // 10) for tenths in (1, 2, 5)]
    return _lsh_and_rdh(count) | {"sizes": ", ".join([*map(str, shares), "all"])}


def ten_fold(count: int) -> Fields:
    """Ten-fold cross-validation: nine tenths of the vectors are searched with queries from the last tenth."""
    return _lsh_and_rdh(count) | {"folds": 10}


def _lsh_and_rdh(count: int) -> Fields:
    return first_look(count) | {
        "methods": ["lsh", "rdh"],
        "bits": str(max(1, min(16, round(math.log2(count / _IN_A_BUCKET))))),
        "tables": "100",
        "probes": "0",
        "parts": "10",
        "functions": ["same"],
        "automatic": False,
    }


@dataclass(frozen=True)
class Preset:
    """A button that fills the fields."""

    title: str
    help: str
    fields: Callable[[int], Fields]


PRESETS = {
    "first": Preset("Quick", "All methods, with automatic and with usual settings.", first_look),
    "thesis": Preset(
        "Thesis preset",
        "PCAH, spectral hashing and ITQ with one table, LSH and RDH on ten parts with 50 to 200; 8 to 64 bits.",
        thesis,
    ),
    "speed": Preset("Speed-up", "RDH on 1, 2, 4, 8 and 10 parts: how much faster are more parts?", speed_up),
    "size": Preset("Size-up", "A tenth, a fifth, half and all of the vectors: how do the times grow?", size_up),
    "folds": Preset("10-fold", "Cross validation: means with their deviations over ten folds.", ten_fold),
}


def fill(count: int, name: str) -> None:
    """Fill the fields with a preset for `count` vectors."""
    for field, value in PRESETS[name].fields(count).items():
        st.session_state[f"study-{field}"] = value
