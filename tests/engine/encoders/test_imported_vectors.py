"""Vectors that were made elsewhere: matched to the collection's images, used like an encoder, and bad files named."""

from __future__ import annotations

import tracemalloc
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from engine.core.errors import BadParameter, BenzerError, Corrupt, NotFound
from engine.core.home import Home
from engine.core.progress import Reporter
from engine.encoders import choices, open_encoder
from engine.encoders import imported_vectors as own_vectors
from engine.encoders.vectors.batches import embed_pictures
from engine.encoders.vectors.files import Part, array_in
from engine.encoders.vectors.pipeline import embed_collection
from engine.encoders.vectors.store import state, stored

MATRIX = np.random.default_rng(0).random((50, 6)).astype(np.float32)
NAMES = [f"{id}.png" for id in range(3, 53)]


@pytest.fixture
def pile(home: Home, pile: Any) -> Any:
    """The collection where collections are: own vectors are listed from there."""
    pile.folder = home.datasets / "pile"
    pile.folder.mkdir(parents=True)
    return pile


def test_given_vectors_are_those_of_their_images(pile: Any, home: Home) -> None:
    shuffled = np.random.default_rng(1).permutation(50)
    card = own_vectors.add(pile, "From  DINO", "dino.npy", [NAMES[row] for row in shuffled], MATRIX[shuffled])
    assert (card.name, card.title, card.count, card.width) == ("own-from-dino", "From DINO", 50, 6)
    assert [(c.name, c.collection) for c in choices(home) if c.collection] == [("own-from-dino", "pile")]
    encoder = open_encoder("own-from-dino", "", home, pile)
    report = embed_collection(pile, encoder, ["max"], Reporter())
    assert (report["encoded"], report["kept"], report["left_out"]) == (50, 0, [])
    assert state(pile, encoder.info, "flatten").ready, "all embeddings are the same"
    assert np.array_equal(stored(pile, encoder.info, "max").matrix, MATRIX)
    assert embed_collection(pile, encoder, ["max"], Reporter())["kept"] == 50
    own_vectors.add(pile, "From DINO vector", "other.npy", None, MATRIX)
    embed_collection(pile, open_encoder("own-from-dino-vector", "", home, pile), ["max"], Reporter())
    own_vectors.remove(pile, card.name)
    assert [card.name for card in own_vectors.cards(pile)] == ["own-from-dino-vector"]
    [left] = (pile.folder / "vectors").iterdir()
    assert left.name.startswith("own-from-dino-vector-vector-")  # what was made of the removed ones is gone
    with pytest.raises(NotFound, match="no custom embeddings"):
        own_vectors.remove(pile, card.name)


def test_images_without_a_vector_are_left_out(pile: Any, home: Home) -> None:
    own_vectors.add(pile, "Some", "some.npy", NAMES[:30], MATRIX[:30])
    pile.pictures[5] = np.full((40, 40, 3), 9, np.uint8)  # changed since
    encoder = open_encoder("own-some", "", home, pile)
    report = embed_collection(pile, encoder, ["max"], Reporter())
    assert report["encoded"] == 29
    assert len(report["left_out"]) == 21
    found = state(pile, encoder.info, "max")
    assert found.ready
    assert "changed since" in dict(found.left_out)["5.png"]


def test_other_vectors_of_the_same_title_are_another_encoder(pile: Any, home: Home) -> None:
    own_vectors.add(pile, "Mine", "a.npy", None, MATRIX)
    first = open_encoder("own-mine", "", home, pile).info
    own_vectors.add(pile, "Mine", "a.npy", None, MATRIX + 1)
    second = open_encoder("own-mine", "", home, pile).info
    assert first.fingerprint != second.fingerprint
    assert state(pile, second, "max").missing == 50


def test_a_picture_from_outside_cannot_be_asked(pile: Any, home: Home) -> None:
    own_vectors.add(pile, "Mine", "a.npy", None, MATRIX)
    with pytest.raises(BenzerError, match="only whole pictures of the collection"):
        embed_pictures(open_encoder("own-mine", "", home, pile), [pile.pictures[3]], "max")


@pytest.mark.parametrize(
    ("names", "matrix", "sentence"),
    [
        (NAMES[:9], MATRIX[:8], "number of vectors of f.npy must be that of the names, 9; got 8"),
        (None, MATRIX[:8], "must be that of the pictures of the collection, 50; got 8"),
        (["nobody.png"], MATRIX[:1], "must be those of pictures of the collection; got 'nobody.png'"),
        (None, np.full((50, 2), np.nan), "finite numbers; got 'something else in row 1'"),
        (None, np.full((50, 2), 1e300), "finite numbers"),
        (None, MATRIX[0], "one row per picture; got '6 float32'"),
        (None, np.zeros((50, 0)), "one row per picture"),
        (None, np.full((50, 2), "a"), "one row per picture"),
        (None, np.full((50, 2), 1j), "one row per picture"),
    ],
)
def test_vectors_that_do_not_fit(names: Any, matrix: Any, sentence: str, pile: Any) -> None:
    with pytest.raises(BadParameter) as error:
        own_vectors.add(pile, "Mine", "f.npy", names, matrix)
    assert sentence in str(error.value)
    assert not own_vectors.cards(pile)


def test_a_title_that_is_written_otherwise_replaces_nothing(pile: Any) -> None:
    own_vectors.add(pile, "Set (1)", "a.npy", None, MATRIX)
    with pytest.raises(BadParameter, match=r"more unlike 'Set \(1\)', or just that to replace them; got 'set-1'"):
        own_vectors.add(pile, "set-1", "b.npy", None, MATRIX[:, :2])
    own_vectors.add(pile, " Set  (1)", "b.npy", None, MATRIX[:, :2])
    assert [(card.title, card.width) for card in own_vectors.cards(pile)] == [("Set (1)", 2)]


def test_a_title_needs_a_letter(pile: Any) -> None:
    with pytest.raises(BadParameter, match="title of custom embeddings"):
        own_vectors.add(pile, "…", "f.npy", None, MATRIX)


def test_damaged_own_vectors_are_named(pile: Any, home: Home) -> None:
    own_vectors.add(pile, "Mine", "a.npy", None, MATRIX)
    path = next((pile.folder / "own_vectors").rglob("matrix.npy"))
    path.write_bytes(path.read_bytes()[:-9])
    with pytest.raises(Corrupt, match=r"matrix\.npy.*Add the vectors again"):
        embed_collection(pile, open_encoder("own-mine", "", home, pile), ["max"], Reporter())
    (path.parent / "manifest.json").unlink()
    with pytest.raises(Corrupt, match="Add the vectors again"):
        open_encoder("own-mine", "", home, pile)
    assert [choice.name for choice in choices(home, "pile") if choice.collection] == ["own-mine"]


def test_a_file_is_not_read_into_memory_as_a_whole(tmp_path: Path, pile: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    wide = np.random.default_rng(0).random((50, 100_000), dtype=np.float32)
    np.save(tmp_path / "a.npy", wide)
    monkeypatch.setattr(own_vectors, "_ROWS_CHECKED_AT_ONCE", 10)
    tracemalloc.start()
    own_vectors.add(pile, "Wide", "a.npy", None, array_in(Part("a.npy", tmp_path / "a.npy")))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < wide.nbytes / 4
    assert np.array_equal(np.load(next(pile.folder.rglob("matrix.npy"))), wide)
    wide[31, 7] = np.inf
    with pytest.raises(BadParameter, match="something else in row 32"):
        own_vectors.add(pile, "Wide", "a.npy", None, wide)


def test_what_is_left_out_is_named_in_the_card(pile: Any) -> None:
    card = own_vectors.add(pile, "Some", "a.npy", ["3.png", "x.png", "4.png", "3.PNG"], MATRIX[:4])
    assert card.count == 2
    assert card.notes == (
        "1 vector left out for names that no picture of the collection has: x.png.",
        "1 vector left out for pictures that were listed before; the first one counts: 3.PNG.",
        "48 pictures of the collection have no vector: 5.png, 6.png, 7.png and 45 more.",
    )
    assert np.array_equal(np.load(next(pile.folder.rglob("matrix.npy"))), MATRIX[[0, 2]])
    assert own_vectors.add(pile, "All", "a.npy", NAMES, MATRIX).notes == ()


def test_sentences_name_the_array_and_not_its_list_of_names(pile: Any, tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("\n".join(NAMES))
    np.save(tmp_path / "b.npy", np.full((50, 2), np.nan))
    parts = [Part(name, tmp_path / name) for name in ("a.txt", "b.npy")]
    with pytest.raises(BadParameter, match=r"vectors of b.npy must be finite numbers"):
        own_vectors.import_vectors(pile, parts, "Mine", Reporter())
