"""Distances, discovery, names, tables, errors and the shelf."""

from __future__ import annotations

import csv
import doctest
import importlib
import io
import pickle
import threading
import time
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from engine.core import distances, errors, home
from engine.core.cache import Cache
from engine.core.errors import BadParameter, BenzerError
from engine.core.tables import csv_text, text_table

MATRICES = arrays(np.float32, (5, 3), elements=st.floats(-100, 100, width=32))


@pytest.mark.parametrize(
    "module", ["engine.core.errors", "engine.core.home", "engine.core.recipe", "engine.core.tables"]
)
def test_the_examples_in_the_docstrings_hold(module: str) -> None:
    result = doctest.testmod(importlib.import_module(module))
    assert result.attempted > 0
    assert result.failed == 0


def test_known_distances() -> None:
    a = np.array([[1, 0], [0, 0]], np.float32)
    b = np.array([[1, 0], [0, 2], [-3, 0]], np.float32)
    assert np.allclose(distances.cosine(a, b), [[0, 1, 2], [1, 1, 1]])
    assert np.allclose(distances.euclidean(a, b), [[0, 5**0.5, 4], [1, 2, 3]])


def test_distances_among_rows_are_those_between_them_and_equal_rows_are_at_0() -> None:
    rows = np.array([[3, 4], [0, 0], [4, -3], [0, 0], [3, 4]], dtype=np.float32)
    for name in distances.METRICS:
        among = distances.pairwise_distances(rows, name)
        assert np.array_equal(among, among.T)
        assert among[0, 4] == pytest.approx(0, abs=1e-6)
        assert not among.diagonal().any()
        assert among[1, 3] == 0
        assert among[0, 2] == pytest.approx(1 if name == "cosine" else 50**0.5)
    far = rows + np.float32(4096)
    assert np.allclose(
        distances.pairwise_distances(far, "euclidean"), distances.pairwise_distances(rows, "euclidean"), atol=1e-3
    )


@given(MATRICES, MATRICES)
def test_distances_equal_the_slow_way(a: np.ndarray, b: np.ndarray) -> None:
    wide = np.array([[np.linalg.norm(x.astype(float) - y) for y in b.astype(float)] for x in a])
    assert np.allclose(distances.euclidean(a, b), wide, atol=0.3)  # the fast form cancels for near rows
    for i, x in enumerate(a.astype(float)):
        for j, y in enumerate(b.astype(float)):
            lengths = np.linalg.norm(x) * np.linalg.norm(y)
            wanted = 1 - x @ y / lengths if lengths > 1e-6 else None
            if wanted is not None:
                assert distances.cosine(a, b)[i, j] == pytest.approx(wanted, abs=1e-4)


def test_an_unknown_metric_is_one_sentence() -> None:
    with pytest.raises(
        BadParameter, match="The metric of the search must be one of cosine, euclidean; got 'manhattan'"
    ):
        distances.metric("manhattan")


def test_a_title_in_other_letters_has_a_name_of_its_own() -> None:
    names = [home.slug(title) for title in ("日本語", "猫", "Москва")]
    assert len(set(names)) == 3
    assert names == [home.slug(title) for title in ("日本語", "猫", "Москва")]
    assert all(home.slug(name) == name for name in names)


@pytest.mark.parametrize("title", ["", "!!!", "…", "../.."])
def test_a_title_of_which_nothing_is_left_is_refused(title: str) -> None:
    with pytest.raises(BadParameter):
        home.slug(title)


@given(st.text(max_size=200))
def test_a_slug_is_always_one_safe_folder_name(title: str) -> None:
    try:
        name = home.slug(title)
    except BadParameter:
        return
    assert Path(name).name == name
    assert home.slug(name) == name
    assert len(name) <= 60


def test_home_follows_the_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("BENZER_HOME", str(tmp_path))
    assert home.Home.default().datasets == tmp_path / "datasets"
    monkeypatch.delenv("BENZER_HOME")
    assert home.Home.default().root == home.PROJECT


def test_an_installed_package_stores_nothing_beside_its_code(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("BENZER_HOME", raising=False)
    monkeypatch.setattr(home, "PROJECT", tmp_path / "site-packages" / "benzer")
    monkeypatch.setattr(home, "user_data_path", lambda name, appauthor: tmp_path / "data" / name)
    assert home.Home.default().root == tmp_path / "data" / "benzer"


@given(st.lists(st.lists(st.text(), min_size=2, max_size=2), max_size=5))
def test_csv_holds_every_text_and_no_formula(rows: list[list[str]]) -> None:
    read = list(csv.reader(io.StringIO(csv_text(["a", "b"], rows), newline="")))
    assert len(read) == len(rows) + 1
    for row, back in zip(rows, read[1:], strict=True):
        for cell, got in zip(row, back, strict=True):
            assert got in (cell, "'" + cell)
            assert not got.startswith(("=", "+", "-", "@", "\t", "\r"))


def test_numbers_in_csv_stay_numbers() -> None:
    assert csv_text(["x"], [[-1.5]]) == "x\r\n-1.5\r\n"


def test_a_terminal_table_cannot_be_hijacked_by_a_file_name() -> None:
    assert text_table(["n", "m"], [[None, 0.5], [12, None]]).splitlines()[2:] == ["    0.5000", "12"]
    table = text_table(["name", "n"], [["a\x1b[2Jb\nc", 3]])
    assert "\x1b" not in table
    assert len(table.splitlines()) == 3


def test_every_error_is_in_the_tree_and_survives_a_pipe() -> None:
    tree = errors.__doc__ or ""
    for name, kind in vars(errors).items():
        if isinstance(kind, type) and issubclass(kind, BenzerError):
            assert name in tree
    first = errors.UnreadableImage("header", "too-large", "Too large.")
    again = pickle.loads(pickle.dumps(first))
    assert (again.stage, again.code, again.message) == ("header", "too-large", "Too large.")
    for one in (
        errors.BadParameter("k", "the search", "a whole number", 0, way_out="Try 1."),
        errors.MissingPackage("HNSW search", "faiss-cpu"),
        errors.NoWeights("None here.", 12, way_out="Fetch them."),
        errors.Stopped(),
    ):
        again = pickle.loads(pickle.dumps(one))
        assert (type(again), str(again), vars(again)) == (type(one), str(one), vars(one))


def test_the_cache_makes_each_value_once_and_drops_the_oldest() -> None:
    shelf: Cache[int] = Cache(2)
    made: list[int] = []

    def make(number: int) -> int:
        made.append(number)
        time.sleep(0.02)
        return number

    threads = [threading.Thread(target=lambda: shelf.get("a", lambda: make(1))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert made == [1]
    shelf.get("b", lambda: make(2))
    shelf.get("a", lambda: make(9))
    shelf.get("c", lambda: make(3))
    assert len(shelf) == 2
    assert shelf.get("a", lambda: make(9)) == 1
    assert shelf.get("b", lambda: make(4)) == 4


def test_the_shelf_does_not_keep_failures() -> None:
    shelf: Cache[int] = Cache(2)
    with pytest.raises(ValueError, match="once"):
        shelf.get("a", lambda: (_ for _ in ()).throw(ValueError("once")))
    assert shelf.get("a", lambda: 5) == 5
