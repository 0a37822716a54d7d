"""Wrong values of queries, examples, recipes and indexes: each gets one sentence that names it."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from engine import indexes
from engine.core.errors import BadParameter
from engine.core.home import Home
from engine.core.recipe import Recipe
from engine.search.answer import Query
from engine.search.examples import Example

HISTOGRAM = "pile/colour-histogram/flatten/euclidean/exact/3"
POINTS = np.eye(4, dtype=np.float32)
WRONG_VALUES: list[tuple[str, Callable[..., Any], tuple[Any, ...], dict[str, Any]]] = [
    ("id of the picture", Query.image, ("one",), {}),
    ("id of the picture", Query.image, (None,), {}),
    ("id of the picture", Query.image, (1.5,), {}),
    ("id of the picture", Query.image, (True,), {}),
    ("id of the picture", Query, (), {"image_id": "1"}),
    ("data of the query", Query.picture, ("beach.jpg",), {}),
    ("data of the query", Query.picture, (None,), {}),
    ("data of the query", Query.picture, (np.zeros((4, 4)),), {}),
    ("name of the query", Query, (1,), {"name": 3}),
    ("text of the query", Query, (), {"text": ["dog"]}),
    ("share of the query", Query, (1,), {"text": "dog", "share": 0.5}),
    ("share of the query", Query, (1,), {"text": "dog", "share": 300}),
    ("crop of the query", Query.image, (1, (0, 0)), {}),
    ("crop of the query", Query.image, (1, 3), {}),
    ("crop of the query", Query.image, (1, "0,0,1,1"), {}),
    ("crop of the query", Query.image, (1, ("a", "b", "c", "d")), {}),
    ("number of examples", Query.of, (), {}),
    ("examples of the query", Query.of, (1, 2), {}),
    ("examples of the query", Query.of, ("dog",), {}),
    ("examples of the query", Query.of, ([Example(1), Example(2)],), {}),
    ("examples of the query", Query, (), {"examples": 3}),
    ("weight of an example", Example, (1,), {"weight": "much"}),
    ("weight of an example", Example, (1,), {"weight": None}),
    ("weight of an example", Example, (1,), {"weight": True}),
    ("data of an example", Example, (), {"data": "beach.jpg"}),
    ("text of an example", Example, (), {"text": 3}),
    ("id of the picture of an example", Example, ("1",), {}),
    ("text of a recipe", Recipe.parse, (3,), {}),
    ("text of a recipe", Recipe.parse, (b"pile",), {}),
    ("choices of a recipe", Recipe.from_dict, (None,), {}),
    ("collection of a recipe", Recipe.from_dict, ({},), {}),
    ("encoder of a recipe", Recipe.from_dict, ({"collection": "pile"},), {}),
    ("key of a recipe", Recipe.from_dict, ({1: 2, "a": 3},), {}),
    ("key of a recipe", Recipe.parse(HISTOGRAM).but, (), {"kk": 3}),
    ("options of a recipe", Recipe.parse(HISTOGRAM).but, (), {"options": 3}),
    ("options of a recipe", Recipe.parse(HISTOGRAM).but, (), {"options": "bits=8"}),
    ("options of a recipe", Recipe.parse(HISTOGRAM).but, (), {"options": {1: 2}}),
    ("weights of a recipe", Recipe, ("pile", "model-4", None), {}),
    ("metric of the search", indexes.LSH, (["cosine"],), {}),
    ("bits of the method lsh", indexes.LSH, ("cosine",), {"bits": 0}),
    ("bits of the method lsh", indexes.LSH, ("cosine",), {"bits": 1.5}),
    ("bits of the method lsh", indexes.LSH, ("cosine", 4, np.nan), {}),
    ("bits of the method lsh", indexes.LSH, ("cosine",), {"bits": "x"}),
    ("bits of the method lsh", indexes.LSH, ("cosine",), {"bits": True}),
    ("bits of the method lsh", indexes.LSH, ("cosine",), {"bits": 8.0}),
    ("selection of the method lsh", indexes.LSH, ("cosine",), {"selection": "none"}),
    ("selection of the method lsh", indexes.LSH, ("cosine",), {"selection": None}),
    ("largest of the method lsh", indexes.LSH, ("cosine",), {"largest": -1}),
    ("bits of the method itq", indexes.ITQ, ("cosine",), {"bits": -3}),
    ("clusters of the method kmeans", indexes.KMeansIndex, ("cosine", "x"), {}),
    ("links of the method hnsw", indexes.HNSW, ("cosine", 0), {}),
    ("parts of the method rdh", indexes.RDH, ("cosine", 0), {}),
    ("method of the search", indexes.make_index, (["lsh"], "cosine"), {}),
    ("ids of the index", indexes.Exact("cosine").build, (np.arange(4) + 0.5, POINTS), {}),
    ("ids of the index", indexes.Exact("cosine").build, (list("abcd"), POINTS), {}),
    ("ids of the index", indexes.Exact("cosine").build, (None, POINTS), {}),
    ("ids of the index", indexes.Exact("cosine").build, ([1, [2, 3]], POINTS), {}),
    ("ids of the index", indexes.Exact("cosine").build(range(4), POINTS).remove, (["1"],), {}),
    ("values of the vectors", indexes.Exact("cosine").build, ([1, 2], [["1", "2"], ["3", "4"]]), {}),
    ("values of the vectors", indexes.Exact("cosine").build, ([1, 2], [[1, 2], [3]]), {}),
    ("values of the vectors", indexes.Exact("cosine").build, (range(4), POINTS + 1j), {}),
    ("values of the queries", indexes.Exact("cosine").build(range(4), POINTS).search, ("abc", 1), {}),
    ("k of the search", indexes.Exact("cosine").build(range(4), POINTS).search, (POINTS, "3"), {}),
]


@pytest.mark.parametrize(("named", "make", "given", "options"), WRONG_VALUES)
def test_a_wrong_value_gets_one_sentence_that_names_it(
    named: str, make: Callable[..., Any], given: tuple[Any, ...], options: dict[str, Any]
) -> None:
    with pytest.raises(BadParameter) as caught:
        make(*given, **options)
    assert re.match(rf"The {named}.* must be .+; got .+\.$", str(caught.value)), str(caught.value)


def test_values_of_numpy_and_lists_are_as_good() -> None:
    assert Query.image(np.int64(3)) == Query.image(3)
    assert Example(np.int32(3), weight=np.float32(0.5)) == Example(3, weight=0.5)
    assert Query.image(1, [0, 0, 0.5, 1]).crop == (0, 0, 0.5, 1)  # type: ignore[arg-type]
    assert Recipe("pile", "lsh", options={"bits": 8}).options == (("bits", 8),)  # type: ignore[arg-type]
    assert Home("~/pictures").root == Path.home() / "pictures"  # type: ignore[arg-type]
    found = indexes.Exact("euclidean").build(range(4), POINTS.tolist()).search(POINTS.tolist(), 1)
    assert found.ids.ravel().tolist() == [0, 1, 2, 3]
