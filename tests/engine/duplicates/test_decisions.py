"""What was said of many pictures at once, beside a slow naive version by pairs, and as it was written before."""

from __future__ import annotations

import itertools
import random
from pathlib import Path

import pytest
from PIL import Image

from engine.collections.collection import Collection
from engine.core.storage import read_object, write_json
from engine.duplicates.decisions import decisions_of, forget_apart, say_apart
from tests.engine.duplicates.scenes import imported


@pytest.fixture
def collection(tmp_path: Path) -> Collection:
    (tmp_path / "pictures").mkdir()
    Image.new("RGB", (8, 8)).save(tmp_path / "pictures" / "a.png")
    return imported(tmp_path / "home", tmp_path / "pictures").collection("scenes")


def pairs(contents: list[str]) -> set[tuple[str, str]]:
    return {*itertools.combinations(sorted(contents), 2)} if len(contents) > 1 else {(one, one) for one in contents}


def said_pairs(collection: Collection, alphabet: str) -> set[tuple[str, str]]:
    found = decisions_of(collection)
    return {pair for pair in itertools.combinations_with_replacement(alphabet, 2) if found.are_apart(*pair)}


@pytest.mark.parametrize("seed", range(8))
def test_sets_say_what_pairs_say(collection: Collection, seed: int) -> None:
    chance, naive, alphabet = random.Random(seed), set[tuple[str, str]](), "abcdefg"
    for _ in range(12):
        chosen = chance.sample(alphabet, chance.randint(1, 5))
        if chance.random() < 0.6:
            say_apart(collection, chosen)
            naive |= pairs(chosen)
        else:
            forget_apart(collection, chosen)
            naive = {pair for pair in naive if not set(pair) <= set(chosen)}
        assert said_pairs(collection, alphabet) == naive


def test_a_thousand_pictures_take_one_line(collection: Collection) -> None:
    contents = [f"{number:064x}" for number in range(1000)]
    say_apart(collection, contents)
    assert (collection.folder / "duplicates.json").stat().st_size < 100_000
    assert decisions_of(collection).are_apart(contents[0], contents[999])
    assert not decisions_of(collection).are_apart(contents[0], contents[0])


def test_pairs_that_were_written_before_are_read(collection: Collection) -> None:
    path = collection.folder / "duplicates.json"
    write_json(path, {"apart": [["a", "b"], ["c", "c"]], "protected": []})
    assert said_pairs(collection, "abc") == {("a", "b"), ("c", "c")}
    say_apart(collection, ["d"])
    assert ["c", "c"] in read_object(path, apart=list)["apart"]
