"""Vectors that were made elsewhere: matched to the collection's images, used like an encoder, and bad files named."""

from __future__ import annotations

import io
import time
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
from engine.encoders.vectors.files import read_names, read_vectors
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


def test_the_ending_of_a_name_is_enough_where_it_is_clear() -> None:
    known = ["cats/1.png", "dogs/1.png", "dogs/2.png"]
    find = own_vectors._rows_of
    assert find(["2.png", ".\\cats\\1.png"], known, "f").tolist() == [2, 0]
    with pytest.raises(BadParameter, match=r"whole where two pictures share their ending; got '1\.png'"):
        find(["1.png"], known, "f")


@pytest.mark.parametrize(
    ("names", "matrix", "sentence"),
    [
        (NAMES[:9], MATRIX[:8], "number of vectors of f.npy must be that of the names, 9; got 8"),
        (None, MATRIX[:8], "must be that of the pictures of the collection, 50; got 8"),
        (["nobody.png"], MATRIX[:1], "must be those of pictures of the collection; got 'nobody.png'"),
        (["3.png", "3.png"], MATRIX[:2], "different from each other; got '3.png'"),
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


def test_files_are_read(tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", MATRIX)
    names, found = read_vectors(tmp_path / "a.npy", "a.npy")
    assert names is None
    assert np.array_equal(found, MATRIX)
    assert read_names(b'\xef\xbb\xbfname,label\r\na.png,cat\r\n"b,c.png",dog\r\n\r\n') == ["a.png", "b,c.png"]
    assert read_names("ü.png\nb.png".encode()) == ["ü.png", "b.png"]


@pytest.mark.parametrize("lists", [True, False])
def test_parquet_is_read(lists: bool, tmp_path: Path) -> None:
    import pyarrow
    from pyarrow.parquet import write_table

    columns: dict[str, Any] = {"label": ["x"] * 50, "file": NAMES}
    columns |= {"vector": MATRIX.tolist()} if lists else {f"v{i}": MATRIX[:, i] for i in range(6)}
    write_table(pyarrow.table(columns), tmp_path / "a.parquet")
    with open(tmp_path / "a.parquet", "rb") as file:
        names, found = read_vectors(file, "a.parquet")
    assert names == NAMES
    assert found == pytest.approx(MATRIX)


def parquet(**columns: Any) -> io.BytesIO:
    import pyarrow
    from pyarrow.parquet import write_table

    file = io.BytesIO()
    write_table(pyarrow.table(columns), file)
    file.seek(0)
    return file


def test_columns_that_are_no_part_of_a_vector_are_passed_over() -> None:
    rows = parquet(name=["a", "b"], x=[1.0, 2.0], y=[3.0, 4.0], __index_level_0__=[17, 905])
    assert read_vectors(rows, "a.parquet")[1].tolist() == [[1, 3], [2, 4]], "the numbers of pandas' rows"
    tagged = parquet(name=["a", "b"], tags=[["x"], ["y", "z"]], v=[[1.0, 2.0], [3.0, 4.0]])
    assert read_vectors(tagged, "a.parquet")[1].tolist() == [[1, 2], [3, 4]]


def test_a_file_is_not_read_into_memory_as_a_whole(tmp_path: Path, pile: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    wide = np.random.default_rng(0).random((50, 100_000), dtype=np.float32)
    np.save(tmp_path / "a.npy", wide)
    monkeypatch.setattr(own_vectors, "_ROWS_CHECKED_AT_ONCE", 10)
    tracemalloc.start()
    own_vectors.add(pile, "Wide", "a.npy", None, read_vectors(tmp_path / "a.npy", "a.npy")[1])
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < wide.nbytes / 4
    assert np.array_equal(np.load(next(pile.folder.rglob("matrix.npy"))), wide)
    wide[31, 7] = np.inf
    with pytest.raises(BadParameter, match="something else in row 32"):
        own_vectors.add(pile, "Wide", "a.npy", None, wide)


@pytest.mark.parametrize("from_disk", [True, False])
def test_a_header_that_promises_terabytes_is_no_whole_file(from_disk: bool, tmp_path: Path) -> None:
    path = tmp_path / "a.npy"
    with open(path, "wb") as file:
        header = {"descr": "<f4", "fortran_order": False, "shape": (10**9, 10**4)}
        np.lib.format.write_array_header_1_0(file, header)
    with pytest.raises(BadParameter, match=r"a whole \.npy file"):
        read_vectors(path if from_disk else io.BytesIO(path.read_bytes()), "a.npy")


def test_lists_of_names_by_other_hands() -> None:
    assert read_names(b"a.png\rb.png\r") == ["a.png", "b.png"], "lines of an old Macintosh"
    with pytest.raises(BadParameter, match="one name a line"):
        read_names(b'"' + b"x" * 200_000)


def test_a_name_given_twice_is_found_at_once() -> None:
    names = [f"{number}.png" for number in range(20_000)]
    began = time.perf_counter()
    with pytest.raises(BadParameter, match=r"'19999\.png'"):
        own_vectors._rows_of([*names, names[-1]], names, "f")
    assert time.perf_counter() - began < 2


def test_files_that_cannot_be_used(tmp_path: Path) -> None:
    import pyarrow
    from pyarrow.parquet import write_table

    pickled = io.BytesIO()
    np.save(pickled, np.array([{"a": 1}], dtype=object), allow_pickle=True)
    for name, data in (("a.npy", pickled.getvalue()), ("a.npy", b"rubbish"), ("a.parquet", b"rubbish"), ("a.txt", b"")):
        with pytest.raises(BadParameter, match="file of custom embeddings"):
            read_vectors(io.BytesIO(data), name)
    for columns in ({"v": [1.0]}, {"name": ["a"]}, {"name": ["a", "b"], "v": [[1.0], [1.0, 2.0]]}):
        write_table(pyarrow.table(columns), tmp_path / "b.parquet")
        with pytest.raises(BadParameter, match=r"b\.parquet"):
            read_vectors(tmp_path / "b.parquet", "b.parquet")
