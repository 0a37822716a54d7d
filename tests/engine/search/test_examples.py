"""Several examples: their written form, Rocchio's arithmetic against a slow one, the learned model, bad input."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.core.errors import BadParameter, NotFound
from engine.search.answer import Query
from engine.search.examples import Example, combined, learned_distances, parse_examples, print_examples, teaches


def none_kept(digits: str) -> Example:
    raise NotFound(digits)


def of_file(name: str) -> Example:
    return Example(data=name.encode(), name=name)


def test_terms_are_read_with_signs_weights_and_crops() -> None:
    found = parse_examples('#12 + "red \\"shoe\\""@0.5 - #3@2[0,0.5,1,1]', none_kept)
    assert [(one.image_id, one.text, one.weight, one.crop) for one in found] == [
        (12, "", 1.0, None),
        (None, 'red "shoe"', 0.5, None),
        (3, "", -2.0, (0.0, 0.5, 1.0, 1.0)),
    ]


def test_on_the_command_line_terms_are_files_or_words() -> None:
    words = ["beach.jpg", "+", "striped shirt@2", "-", "photos/people"]
    found = parse_examples(words, none_kept, files=of_file)
    assert [(one.name, one.text, one.weight) for one in found] == [
        ("beach.jpg", "", 1.0),
        ("", "striped shirt", 2.0),
        ("photos/people", "", -1.0),
    ]
    assert parse_examples(["-", "#1", "+", "#2"], none_kept)[1].weight == 1


@pytest.mark.parametrize("text", ["", "#1 #2", "#1 +", "+ + #1", "#1 - - #2", "beach.jpg", "#1[1,2]", "#1@0", "- #1"])
def test_other_forms_are_refused(text: str) -> None:
    with pytest.raises(BadParameter, match=r"of (the query|an example) must be"):
        parse_examples(text, none_kept)


def test_too_many_and_empty_examples_are_refused() -> None:
    with pytest.raises(BadParameter, match="from 1 to 100; got 101"):
        Query.of(*[Example(image_id=n) for n in range(101)])
    with pytest.raises(BadParameter, match="one picture or some words"):
        Example()


PICTURES = st.builds(Example, image_id=st.integers(0, 10**9), weight=st.sampled_from([1.0, -1.0, 0.5, -2.0]))
WORDS = st.builds(Example, text=st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=9))


@given(st.lists(PICTURES | WORDS, max_size=5))
def test_what_is_printed_is_read_back(examples: list[Example]) -> None:
    examples = [Example(text="first"), *examples]
    found = parse_examples(print_examples(examples), none_kept)
    assert [(one.image_id, one.text, one.weight) for one in found] == [
        (one.image_id, one.text, one.weight) for one in examples
    ]


def test_small_weights_and_crops_are_printed_without_an_exponent() -> None:
    example = Example(image_id=1, weight=0.00002, crop=(0.00001234, 0.0, 0.5, 1.0))
    assert str(example) == "#1@0.00002[0.00001234,0,0.5,1]"
    [found] = parse_examples(str(example), none_kept)
    assert (found.weight, found.crop) == (example.weight, example.crop)


@pytest.mark.parametrize("metric", ["cosine", "euclidean"])
def test_the_arithmetic_is_that_of_the_slow_way(metric: str) -> None:
    rng = np.random.default_rng(0)
    vectors = rng.normal(size=(5, 4)).astype(np.float32)
    weights = np.array([1, 2, -1, 0.5, -3], np.float32)
    rows = [row / np.linalg.norm(row) if metric == "cosine" else row for row in vectors.astype(float)]
    plus = (1 * rows[0] + 2 * rows[1] + 0.5 * rows[3]) / 3.5
    minus = (1 * rows[2] + 3 * rows[4]) / 4
    assert combined(vectors, weights, metric)[0] == pytest.approx(2 * plus - minus, abs=1e-5)


def test_one_example_and_examples_without_minus_stay_their_mean() -> None:
    vectors = np.array([[2, 0], [4, 2]], np.float32)
    assert combined(vectors, np.ones(2, np.float32), "euclidean").tolist() == [[3, 1]]
    assert combined(vectors[:1], np.ones(1, np.float32), "euclidean").tolist() == [[2, 0]]


def test_three_examples_of_each_class_train_a_model_that_separates_them() -> None:
    rng = np.random.default_rng(2)
    near, far = rng.normal(3, 0.3, (40, 6)), rng.normal(-1, 0.3, (60, 6))
    vectors = np.concatenate([near, far]).astype(np.float32)
    rows, weights = np.array([0, 1, 2, 40, 41, 42]), np.array([1, 1, 1, -1, -1, -1], np.float32)
    assert teaches(weights)
    assert not teaches(weights[1:])
    for metric in ("cosine", "euclidean"):
        distances = learned_distances(vectors[rows], weights, vectors, metric)
        assert set(np.argsort(distances)[:40].tolist()) == set(range(40))
        assert distances[:40].max() < 0.5 < distances[40:].min()


def test_the_weight_of_an_example_counts_in_the_model() -> None:
    vectors = np.array([[0.0], [1.0], [2.0], [3.0], [4.0], [5.0]], np.float32)
    even = np.array([1, 1, 1, -1, -1, -1], np.float32)
    middle = np.array([[2.5]], np.float32)
    heavy = learned_distances(vectors, even * np.array([1, 1, 9, 1, 1, 1]), middle, "euclidean")
    assert heavy[0] < learned_distances(vectors, even, middle, "euclidean")[0]
