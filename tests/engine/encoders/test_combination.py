"""Two encoders as one: names that round-trip, vectors made of the parts' stored ones, and a list of those kept."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from engine.core.errors import BadParameter, BenzerError, NotFound, NoWeights
from engine.core.home import Home
from engine.core.progress import Reporter
from engine.core.recipe import Recipe
from engine.core.storage import write_json
from engine.encoders import choices, combination, knows, open_encoder
from engine.encoders import imported_vectors as own_vectors
from engine.encoders.combination import Combination, Pair
from engine.encoders.vectors.batches import embed_pictures
from engine.encoders.vectors.pipeline import embed_collection
from engine.encoders.vectors.store import state, stored
from tests.engine.encoders.conftest import Pile, picture
from tests.engine.rounding import of_sums

NAME = "colour-histogram+raw-pixels+20"


@pytest.mark.parametrize(
    ("name", "pair"),
    [
        ("hog+glcm", Pair(("hog", ""), ("glcm", ""))),
        ("model-4__default+hog+30", Pair(("model-4", "default"), ("hog", ""), 30)),
        ("timm-vit_tiny.x_in1k+hog", Pair(("timm-vit_tiny.x_in1k", ""), ("hog", ""))),
    ],
)
def test_names_round_trip(name: str, pair: Pair) -> None:
    assert Pair.parse(name) == pair
    assert str(pair) == name
    assert Recipe.parse(str(Recipe("animals", name))).encoder == name


@pytest.mark.parametrize(
    "name",
    ["hog", "hog+", "+hog", "hog+hog", "hog+glcm+0", "hog+glcm+100", "hog+glcm+50", "hog+glcm+07", "a+b+c+d", "a+b+c",
     "hog+" + "x" * 99, "../a+b", ""],
)  # fmt: skip
def test_names_that_are_none(name: str, home: Home) -> None:
    assert Pair.parse(name) is None
    assert combination.parts_of(name, "w") == ((name, "w"),)
    if "+" in name:
        with pytest.raises(NotFound):
            open_encoder(name, "", home)


def test_vectors_are_the_parts_side_by_side(pile: Any, home: Home) -> None:
    pile.pictures[99] = np.zeros((40, 40, 3), np.uint8)  # raw pixels give a vector of zeros
    parts = [open_encoder(part, "", home) for part in ("colour-histogram", "raw-pixels")]
    embed_collection(pile, parts[0], ["max"], Reporter())
    pile.decoded_ids.clear()
    encoder = open_encoder(NAME, "", home, pile)
    embed_collection(pile, encoder, ["max"], Reporter())
    assert len(pile.decoded_ids) == 51, "what is stored of a part is not encoded again"
    found, a, b = (stored(pile, part.info, "max") for part in (encoder, *parts))
    assert found.matrix.shape == (51, 192 + 3072)
    first, second = (part.matrix[0] / np.linalg.norm(part.matrix[0]) for part in (a, b))
    assert found.matrix[0, :192] == pytest.approx(first * 0.8**0.5, rel=of_sums(192))
    assert found.matrix[0, 192:] == pytest.approx(second * 0.2**0.5, rel=of_sums(3072))
    assert not found.matrix[-1, 192:].any()
    cosines = [_cosine(part.matrix[3], part.matrix[4]) for part in (a, b, found)]
    weighed = 0.8 * cosines[0] + 0.2 * cosines[1]
    assert cosines[2] == pytest.approx(weighed, abs=of_sums(192 + 3072)), "the shares weigh the cosines"
    again = embed_collection(pile, encoder, ["max"], Reporter())
    assert (again["encoded"], again["kept"]) == (0, 51)


def _cosine(a: np.ndarray, b: np.ndarray) -> float:
    return float(a @ b / np.linalg.norm(a) / np.linalg.norm(b))


@pytest.mark.parametrize("whole", ["orb-words+colour-histogram", NAME])
def test_a_query_is_combined_like_the_collection(whole: str, pile: Any, home: Home) -> None:
    pile.pictures = {id: pile.pictures[id] for id in range(3, 11)}
    embed_collection(pile, open_encoder(whole, "", home, pile), ["max"], Reporter())
    encoder = open_encoder(whole, "", home, pile)  # with the words that were fitted meanwhile
    assert state(pile, encoder.info, "max").ready
    both = embed_pictures(encoder, [pile.pictures[4], pile.pictures[6]], "max")
    bound = of_sums(both.shape[1], float(np.abs(both).max()))
    assert both[1] == pytest.approx(stored(pile, encoder.info, "max").matrix[3], abs=bound)
    assert both[1] == pytest.approx(embed_pictures(encoder, [pile.pictures[6]], "max")[0], abs=bound), "alone or not"
    assert both.dtype == np.float32
    assert np.linalg.norm(both, axis=1) == pytest.approx(np.ones(2), abs=1e-5)


def test_a_part_that_changes_changes_the_combination(pile: Any, home: Home) -> None:
    own_vectors.add(pile, "Mine", "a.npy", None, np.random.default_rng(0).random((50, 3)))
    pair = Pair(("own-mine", ""), ("hog", ""))
    parts = [own_vectors.OwnVectors("own-mine"), open_encoder("hog", "", home)]
    first = Combination(pair, parts).at(pile).info
    own_vectors.add(pile, "Mine", "a.npy", None, np.random.default_rng(1).random((50, 3)))
    assert Combination(pair, parts).at(pile).info.fingerprint != first.fingerprint
    shares = [Combination(Pair(*pair.parts, share), parts).at(pile).info.fingerprint for share in (30, 50)]
    assert shares[0] != shares[1]
    with pytest.raises(BenzerError, match="made elsewhere"):
        embed_pictures(Combination(pair, parts).at(pile), [pile.pictures[3]], "max")


def test_a_combination_has_no_latents(home: Home) -> None:
    with pytest.raises(BenzerError, match="has no latents"):
        open_encoder(NAME, "", home).encode(torch.zeros(1, 3, 64, 64))


def test_combinations_are_kept_and_forgotten(home: Home) -> None:
    assert knows(NAME, home), "a name can be used without being kept"
    assert NAME not in [choice.name for choice in choices(home)]
    assert NAME in [choice.name for choice in choices(home, also=NAME)]
    pair = Pair.parse(NAME)
    combination.keep(home, pair), combination.keep(home, pair)
    lines = [choice for choice in choices(home) if choice.name == NAME]
    assert [line.title for line in lines] == ["Colour histogram + Raw pixels (80 : 20)"]
    combination.forget(home, NAME)
    assert NAME not in [choice.name for choice in choices(home)]
    with pytest.raises(BadParameter, match="two encoders that can be used"):
        combination.keep(home, Pair(("hog", ""), ("nothing", "")))
    with pytest.raises(BadParameter, match="two different encoders"):
        Pair(("hog", ""), ("hog", ""))


def test_vectors_of_one_name_in_two_collections_are_combined_in_each(home: Home) -> None:
    for name in ("cats", "dogs"):
        pile = Pile(home.datasets / name, {id: picture(id) for id in range(4)})
        own_vectors.add(pile, "Mine", "a.npy", None, np.eye(4))
    assert open_encoder("own-mine+hog", "", home, pile).info.name == "own-mine+hog"
    combination.keep(home, Pair(("own-mine", ""), ("hog", "")))
    for name in ("cats", "dogs"):
        assert [line.name for line in choices(home, name) if "+" in line.name] == ["own-mine+hog"]
        assert [
            line.collection for line in choices(home, name, also="hog+own-mine") if line.name == "hog+own-mine"
        ] == [name]
    own_vectors.add(pile, "Theirs", "b.npy", None, np.eye(4))
    assert not [line for line in choices(home, "cats", also="own-mine+own-theirs") if "theirs" in line.name]


def test_many_that_are_kept_cost_one_look_at_the_encoders(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    for share in range(10, 20):
        combination.keep(home, Pair(("hog", ""), ("glcm", ""), share))
    looks = []
    listed = own_vectors.OwnVectors.choices
    monkeypatch.setattr(own_vectors.OwnVectors, "choices", lambda home: looks.append(1) or listed(home))
    assert sum("+" in choice.name for choice in choices(home)) == 10
    assert len(looks) == 2, "once for themselves and once for what can be combined"


def test_what_another_process_keeps_meanwhile_is_kept(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    class Late(combination.FileLock):  # type: ignore[misc,valid-type]
        def acquire(self, *args: Any, **kwargs: Any) -> Any:
            write_json(home.root / "combinations.json", ["hog+raw-pixels"])
            return super().acquire(*args, **kwargs)

    monkeypatch.setattr(combination, "FileLock", Late)
    combination.keep(home, Pair(("hog", ""), ("glcm", "")))
    assert combination.kept(home) == ["hog+raw-pixels", "hog+glcm"]


def test_a_name_that_is_too_long_says_so() -> None:
    with pytest.raises(BadParameter, match="at most 100 letters"):
        Pair(("own-" + "x" * 60, ""), ("own-" + "y" * 60, ""))


def test_a_damaged_list_is_an_empty_one(home: Home) -> None:
    combination.keep(home, Pair.parse(NAME))
    (home.root / "combinations.json").write_text("{")
    assert not combination.kept(home)
    assert open_encoder(NAME, "", home).info.name == NAME


def test_parts_that_are_missing(home: Home) -> None:
    line = next(choice for choice in choices(home, also="hog+resnet-50") if choice.name == "hog+resnet-50")
    assert not line.ready
    with pytest.raises(NoWeights, match="ResNet-50"):
        open_encoder("hog+resnet-50", "", home)
    with pytest.raises(NotFound, match="no encoder 'hog\\+model-4__gone'"):
        open_encoder("hog+model-4__gone", "", home)
    with pytest.raises(BadParameter, match="in its name"):
        open_encoder(NAME, "default", home)
