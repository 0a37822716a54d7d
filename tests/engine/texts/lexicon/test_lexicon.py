"""What words mean in pictures, and how the lexicon is made."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import numpy as np
import pytest

from engine.texts.lexicon.build import lexicon as built
from engine.texts.lexicon.lexicon import CLASSES, FILE, Lexicon, lexicon

TOLERANCE = CLASSES * float(np.finfo(np.float32).eps)


def names_of(weights: np.ndarray) -> set[str]:
    return {lexicon().classes[number] for number in np.flatnonzero(weights)}


def test_a_kind_weighs_the_classes_below_it_evenly() -> None:
    meaning = lexicon().meaning("dog")
    assert (meaning.weights > 0).sum() == 118  # ImageNet's dogs
    assert meaning.weights.sum() == pytest.approx(1, abs=TOLERANCE)
    assert len(set(meaning.weights[meaning.weights > 0].tolist())) == 1
    assert {"beagle", "pug"} <= names_of(meaning.weights)
    cats = names_of(lexicon().meaning("cat").weights)
    assert {"tabby", "Siamese cat"} <= cats
    assert not cats & {"lion", "beagle"}  # "cat" is first of all the domestic and wild small ones


@pytest.mark.parametrize("text", ["dogs", "DOG", "a dog", "the  dog!"])
def test_forms_of_a_word_mean_the_same(text: str) -> None:
    assert np.array_equal(lexicon().meaning(text).weights, lexicon().meaning("dog").weights)


@pytest.mark.parametrize(
    ("text", "classes"),
    [("polar bear", {"ice bear"}), ("sorrel", {"sorrel"}), ("horse", {"sorrel"}), ("buses", None), ("kites", {"kite"})],
)
def test_names_of_several_words_and_plurals(text: str, classes: set[str] | None) -> None:
    found = names_of(lexicon().meaning(text).weights)
    assert found == classes if classes is not None else "school bus" in found


@pytest.mark.parametrize("text", ["happiness", "Istanbul", "xqz", "", "   ", "the of a", "猫", "☃", "x" * 10_000])
def test_what_it_cannot_know_means_nothing(text: str) -> None:
    meaning = lexicon().meaning(text)
    assert not meaning.weights.any()
    assert not meaning.known


def test_known_and_unknown_words_are_distinguished() -> None:
    meaning = lexicon().meaning("a striped dog and happiness, happiness")
    assert meaning.known == (("dog", "dog"),)
    assert meaning.unknown == ("striped", "happiness")


def test_two_kinds_count_alike() -> None:
    both, dog, panda = (lexicon().meaning(text).weights for text in ("dog and panda", "dog", "panda"))
    assert both == pytest.approx((dog + panda) / 2, abs=TOLERANCE)


@pytest.mark.parametrize(
    ("text", "kind", "one"),
    [("giraffe", "ruminant", "ox"), ("beach", "geological formation", "seashore"), ("crow", "corvine bird", "magpie")],
)
def test_a_word_that_names_no_class_means_the_nearest_kind(text: str, kind: str, one: str) -> None:
    meaning = lexicon().meaning(text)
    assert meaning.near == meaning.known == ((text, kind),)
    assert one in names_of(meaning.weights)


@pytest.mark.parametrize(
    ("texts", "classes"),
    [
        (["T-shirt", "tshirts", "t shirt", "tee shirt", "jersey", "shirt"], {"jersey"}),  # no fabric
        (["flip-flop", "flip flops", "flipflops"], {"sandal"}),
        (["volcanoes", "volcano"], {"volcano"}),
        (["tank", "army tank"], {"tank"}),  # no water tank
        (["crane bird"], {"crane bird"}),
    ],
)
def test_a_class_has_its_own_sense_in_every_spelling(texts: list[str], classes: set[str]) -> None:
    for text in texts:
        assert names_of(lexicon().meaning(text).weights) == classes


@pytest.mark.parametrize(("text", "name"), [("handbags", "purse"), ("TV", "television"), ("wharf", "pier")])
def test_a_word_means_the_class_that_a_synonym_names(text: str, name: str) -> None:
    meaning = lexicon().meaning(text)
    assert meaning.near == ((text.lower(), name),)
    assert names_of(meaning.weights) == {name}


@pytest.mark.parametrize(
    "text", ["bat", "Istanbul", "love", "music", "city", "man", "number", "style", "drip painting", "colour fields"]
)
def test_nothing_near_enough_is_nothing(text: str) -> None:
    assert lexicon().meaning(text).known == ()


def test_the_narrowest_kind_names_a_group() -> None:
    shares = np.zeros(CLASSES)
    dogs = np.flatnonzero(lexicon().meaning("dog").weights)
    shares[dogs] = 0.8 / len(dogs)
    assert lexicon().best_name(shares) == ("dog", pytest.approx(0.8))
    shares[:] = 0
    shares[dogs[3]] = 0.9
    [name, share] = lexicon().best_name(shares)
    assert names_of(lexicon().meaning(name).weights) == {lexicon().classes[dogs[3]]}
    assert share == pytest.approx(0.9)
    assert lexicon().best_name(np.full(CLASSES, 1 / CLASSES)) is None


def test_a_name_tells_a_group_from_the_others() -> None:
    classes = {word: np.flatnonzero(lexicon().meaning(word).weights) for word in ("cat", "dog")}
    cats, dogs = np.zeros(CLASSES), np.zeros(CLASSES)
    cats[classes["cat"]], cats[classes["dog"]] = 0.5 / len(classes["cat"]), 0.15 / len(classes["dog"])
    dogs[classes["dog"]] = 0.9 / len(classes["dog"])
    assert lexicon().best_name(cats)[0] not in ("cat", "dog"), "a wide kind alone covers three fifths"
    assert lexicon().best_name(cats, others=dogs) == ("cat", pytest.approx(0.5))
    assert lexicon().best_name(dogs, others=cats)[0] == "dog"
    assert lexicon().best_name(dogs, others=dogs)[0] == "dog", "what is like the others keeps its name"


class Nouns:
    """Three animals: a tabby and a lion are cats, a cat and a wren are animals; 'cat' is also a whip."""

    words = {1: ["animal"], 5: ["cat"], 6: ["tabby"], 7: ["lion", "king of beasts"], 8: ["wren"], 9: ["cat", "whip"]}
    parents = {1: [], 5: [1], 6: [5], 7: [5], 8: [1], 9: []}
    senses = {"animal": [1], "cat": [9, 5], "tabby": [6], "lion": [7], "king of beasts": [7], "wren": [8], "whip": [9]}

    def above(self, offset: int) -> set[int]:
        return {offset}.union(*(self.above(parent) for parent in self.parents[offset]))


def test_a_lexicon_of_three_classes(tmp_path: Path) -> None:
    made = built(Nouns(), ["tabby", "lion", "wren bird"], [6, 7, 8])
    (tmp_path / "lexicon.json.gz").write_bytes(gzip.compress(json.dumps(made).encode()))
    found = Lexicon(tmp_path / "lexicon.json.gz")
    assert found.meaning("cats").known == ()  # covers more than half of all classes
    assert found.meaning("king of beasts").weights.tolist() == [0, 1, 0]
    assert found.meaning("wren bird").weights.tolist() == found.meaning("wren").weights.tolist() == [0, 0, 1]
    assert found.meaning("whip").known == ()
    assert found.meaning("animal").known == ()  # covers everything, tells nothing


def test_the_file_that_ships_has_its_licence_beside_it() -> None:
    assert "WordNet" in (FILE.parent / "NOTICE").read_text(encoding="utf-8")
    assert len(lexicon()) > 3000
    assert len(lexicon().classes) == CLASSES
