"""What is known of a study before it is measured is what the measuring then says."""

from __future__ import annotations

import numpy as np
import pytest

from engine.comparisons.hashing.foreseen import foreseen
from engine.comparisons.hashing.plan import StudyPlan
from engine.core.errors import BadParameter
from engine.core.recipe import parse_method
from engine.indexes import make_index


def plan(*methods, sizes=(None,)):
    return StudyPlan("Try", "file:/a.npy", "euclidean", methods=methods, sizes=sizes)


@pytest.mark.parametrize(
    ("method", "wrong"),
    [
        ("pcah(bits=9,lookup=buckets,tables=1)", True),
        ("pcah(bits=8,lookup=buckets,tables=1)", False),
        ("itq(bits=9,lookup=buckets,tables=1)", True),
        ("lsh(bits=9,tables=2)", False),
        ("rdh(parts=41)", True),
        ("rdh(parts=40)", False),
        ("rdh(bits=9,parts=2,runs=itq,tables=1)", True),
        ("exact", False),
        ("hnsw", False),
    ],
)
def test_what_is_foreseen_happens(method, wrong):
    assert bool(foreseen(plan(method), 40, 8)) == wrong
    name, options = parse_method(method)
    index = make_index(name, "euclidean", **dict(options))
    vectors = np.random.default_rng(0).random((40, 8), dtype=np.float32)
    if wrong:
        with pytest.raises(BadParameter):
            index.build(np.arange(40), vectors)
    else:
        assert index.build(np.arange(40), vectors).size == 40


def test_a_size_beyond_the_vectors_and_settings_that_cannot_be_are_named_once():
    found = foreseen(plan("lsh", "rdh(parts=30)", sizes=(20, 50)), 40, 8)
    assert found == [
        "There are 40 vectors, fewer than 50.",
        "RDH (parts): 20 vectors cannot be split into 30 parts.",
    ]
    assert foreseen(plan("pcah(bits=900)"), 40, None) != []
    assert foreseen(plan("pcah(bits=90)"), 40, None) == []
