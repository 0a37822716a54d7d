"""What an opened recipe answers: the hits, what is left out, and an honest receipt."""

from __future__ import annotations

import csv
import io
import json
import shlex
import time
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

from engine.cli.parser import parser
from engine.cluster import Lost
from engine.collections.images import Images
from engine.core.distances import cosine
from engine.core.errors import BadParameter, NotFound, NothingKnown
from engine.core.recipe import Recipe
from engine.indexes import Index, Neighbours, make_index
from engine.search.answer import Query
from engine.search.limits import Limits
from engine.search.searcher import Searcher

COUNT = 60


def searcher(method: str = "exact", metric: str = "cosine", **settings: int) -> Searcher:
    rng = np.random.default_rng(0)
    ids = np.arange(COUNT, dtype=np.int64) * 3 + 5
    matrix = rng.normal(size=(COUNT, 16)).astype(np.float32)
    labels = [["cat", "dog", ""][row % 3] for row in range(COUNT)]
    names = [f"img_{row}.png" for row in range(COUNT)]
    images = Images(ids, [""] * COUNT, labels, names, [""] * COUNT)
    vectors = SimpleNamespace(ids=ids, matrix=matrix, digest="d", hashes=[""] * COUNT)
    recipe = Recipe("c", "model-1", "w", metric=metric, method=method, options=tuple(settings.items()))
    index = make_index(method, metric, **settings).build(ids, matrix)
    exact = index if method == "exact" else make_index("exact", metric).build(ids, matrix)
    return Searcher(recipe, images, vectors, index, exact)  # type: ignore[arg-type]


def ask(opened: Searcher, id: int = 5, k: int = 8, **limits):
    recipe = opened.recipe.but(k=k)
    return opened.answer(Query.image(id), opened.vector(id), recipe, Limits(**limits), encode_milliseconds=0.0)


def test_the_hits_are_those_of_the_slow_way() -> None:
    opened = searcher()
    answer = ask(opened, 5)
    distances = cosine(opened.vectors.matrix[:1], opened.vectors.matrix)[0]
    order = [row for row in np.argsort(distances) if row != 0][:8]
    assert [hit.id for hit in answer.hits] == [int(opened.vectors.ids[row]) for row in order]
    assert [hit.rank for hit in answer.hits] == list(range(1, 9))
    assert [hit.distance for hit in answer.hits] == pytest.approx([distances[row] for row in order], abs=1e-5)
    assert answer.receipt.recall == 1
    assert answer.receipt.total == COUNT - 1


def test_the_time_is_without_that_of_compiling(monkeypatch: pytest.MonkeyPatch) -> None:
    opened, compiled = searcher("lsh"), []
    search = type(opened.index).search

    def compiling(index: Index, queries: np.ndarray, k: int) -> Neighbours:
        if not compiled:
            compiled.append(time.sleep(0.5))
        return search(index, queries, k)

    monkeypatch.setattr("engine.search.searcher._SEARCHED", set())
    monkeypatch.setattr(type(opened.index), "search", compiling)
    answer = ask(opened, 5)
    assert compiled
    assert 0 < answer.receipt.milliseconds < 400


def test_the_query_is_in_the_answer_when_wanted() -> None:
    opened = searcher()
    assert 5 not in [hit.id for hit in ask(opened).hits]
    answer = ask(opened, include_query=True)
    assert answer.hits[0].id == 5
    assert answer.hits[0].distance == pytest.approx(0, abs=1e-5)
    assert "--include-query" in answer.command()


def test_a_label_narrows_the_search_and_the_total() -> None:
    opened = searcher()
    answer = ask(opened, label="dog", k=30)
    assert {hit.label for hit in answer.hits} == {"dog"}
    assert len(answer.hits) == answer.receipt.total == COUNT // 3
    assert answer.sentence().startswith("All 20 pictures")
    assert ask(opened, 5, label="cat").receipt.total == COUNT // 3 - 1
    with pytest.raises(NothingKnown, match="'bird'"):
        ask(opened, label="bird")


@pytest.mark.parametrize("method", ["lsh", "kmeans", "hnsw"])
def test_a_label_narrows_other_methods_too(method: str) -> None:
    answer = ask(searcher(method), label="dog")
    assert {hit.label for hit in answer.hits} == {"dog"}
    assert 0 <= answer.receipt.recall <= 1


def test_a_label_is_looked_for_while_a_graph_is_walked(monkeypatch: pytest.MonkeyPatch) -> None:
    opened = searcher("hnsw")
    monkeypatch.setattr(opened.index, "search", lambda *_: pytest.fail("the label was sifted out afterwards"))
    answer = ask(opened, 5, label="cat", k=8)
    truth = ask(searcher(), 5, label="cat", k=8)
    assert [hit.id for hit in answer.hits] == [hit.id for hit in truth.hits]
    assert 0 < answer.receipt.examined <= COUNT


class Lazy:
    """An index that only ever finds every second image: what it misses is known."""

    name = "lazy"

    def __init__(self, opened: Searcher) -> None:
        self.opened = opened
        self.size = COUNT

    def search(self, queries: np.ndarray, k: int) -> Neighbours:
        answer = self.opened.exact.search(queries, min(2 * k, COUNT))
        return Neighbours(answer.ids[:, ::2], answer.distances[:, ::2], np.array([COUNT // 2]))

    search_among = Index.search_among


def test_a_rare_label_is_found_by_every_method() -> None:
    """Asking a whole index for more and more ends somewhere; the few that carry the label are then looked at."""
    for method in ("lsh", "kmeans", "hnsw"):
        opened = searcher(method)
        labels = ["rare" if row in (7, 50) else "common" for row in range(COUNT)]
        opened.images = replace(opened.images, labels=labels)
        opened.index = Blind(opened)  # type: ignore[assignment]
        answer = ask(opened, label="rare")
        assert {hit.id for hit in answer.hits} == {5 + 3 * 7, 5 + 3 * 50}
        assert answer.receipt.recall == 1.0
        assert answer.receipt.examined == 12
        assert answer.receipt.pool == COUNT
        assert "compared with 20\xa0%" in answer.sentence()


def test_images_without_a_vector_are_neither_found_nor_counted() -> None:
    opened = searcher()
    ids = opened.images.ids
    there = np.ones(COUNT, bool)
    there[[1, COUNT - 1]] = False  # one in the middle and the last one, both with a label
    vectors = SimpleNamespace(ids=ids[there], matrix=opened.vectors.matrix[there], digest="d", hashes=[])
    exact = make_index("exact", "cosine").build(vectors.ids, vectors.matrix)
    partial = Searcher(opened.recipe, opened.images, vectors, exact, exact)  # type: ignore[arg-type]
    assert ask(partial, k=100).receipt.total == COUNT - 3
    answer = ask(partial, label="dog", k=100)
    assert answer.receipt.total == len(answer.hits) == COUNT // 3 - 1
    for hit in answer.hits:
        wanted = cosine(opened.vectors.matrix[:1], opened.vectors.matrix[(hit.id - 5) // 3][None])[0, 0]
        assert hit.distance == pytest.approx(wanted, abs=1e-5)
    with pytest.raises(NotFound, match="could not be read"):
        partial.vector(int(ids[1]))


def test_recall_is_estimated_for_each_k_beyond_the_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("engine.search.searcher.COMPUTED_UP_TO", 10)
    opened = searcher("lsh", bits=6, tables=1)
    few, many = ask(opened, k=2), ask(opened, k=40)
    assert few.receipt.estimated
    assert many.receipt.estimated
    assert few.receipt.recall != many.receipt.recall
    assert "measured on a sample" in few.sentence()
    assert not ask(searcher(), k=2).receipt.estimated


def test_a_thousand_neighbours_beside_the_query_itself() -> None:
    rng = np.random.default_rng(0)
    ids, matrix = np.arange(1100, dtype=np.int64), rng.normal(size=(1100, 4)).astype(np.float32)
    images = Images(ids, [""] * 1100, [""] * 1100, ["x"] * 1100, [""] * 1100)
    vectors = SimpleNamespace(ids=ids, matrix=matrix, digest="d", hashes=[])
    exact = make_index("exact", "cosine").build(ids, matrix)
    answer = ask(Searcher(Recipe("c", "e"), images, vectors, exact, exact), 5, k=1000)  # type: ignore[arg-type]
    assert len(answer.hits) == 1000


class Blind:
    """An index that looks at ten vectors and only ever finds the first image."""

    name = "blind"

    def __init__(self, opened: Searcher) -> None:
        self.opened = opened
        self.size = COUNT

    def search(self, queries: np.ndarray, k: int) -> Neighbours:
        return Neighbours(np.array([[5]]), np.zeros((1, 1), np.float32), np.array([10]))

    search_among = Index.search_among


def test_what_was_missed_is_counted_and_named() -> None:
    opened = searcher()
    truth = [hit.id for hit in ask(opened, include_query=True).hits]
    opened.index, opened.recipe = Lazy(opened), opened.recipe.but(method="lsh")  # type: ignore[assignment]
    answer = ask(opened, include_query=True)
    assert list(answer.missed) == truth[1::2]
    assert answer.receipt.recall == 0.5
    assert "compared with 50\xa0%" in answer.sentence()
    assert "missed 4 of the 8 that exact search finds" in answer.sentence()


def test_equally_near_images_do_not_count_as_missed() -> None:
    opened = searcher()
    opened.vectors.matrix[:] = 1.0
    opened.exact.build(opened.vectors.ids, opened.vectors.matrix)
    opened.index = Lazy(opened)  # type: ignore[assignment]
    assert ask(opened).receipt.recall == 1.0


def test_an_answer_of_a_part_of_the_collection_says_so() -> None:
    opened = searcher("rdh", parts=3)
    assert "was searched" not in ask(opened).sentence()
    lost = opened.index._built.pieces[0]  # type: ignore[attr-defined]
    opened.index._built.workers.ask = lambda calls, seconds=None: [  # type: ignore[attr-defined]
        Lost("gone") if handle in lost.handles else getattr(handle, name)(*words) for handle, name, words in calls
    ]
    answer = ask(opened)
    assert answer.receipt.share == pytest.approx(2 / 3)
    assert "only 67\xa0% of the collection was searched" in answer.sentence()
    assert json.loads(answer.to_json())["receipt"]["share"] == pytest.approx(2 / 3)


def test_fewer_images_than_k_are_all_shown_and_said_so() -> None:
    answer = ask(searcher(), k=100)
    assert len(answer.hits) == COUNT - 1
    assert "All 59 pictures" in answer.sentence()


def test_an_image_that_is_gone_is_named() -> None:
    with pytest.raises(NotFound, match="Picture 6"):
        searcher().vector(6)


def test_csv_and_json_hold_the_whole_answer() -> None:
    answer = ask(searcher())
    rows = list(csv.DictReader(io.StringIO(answer.to_csv())))
    assert [int(row["id"]) for row in rows] == [hit.id for hit in answer.hits]
    body = json.loads(answer.to_json())
    assert Recipe.from_dict(body["recipe"]) == answer.recipe
    assert [hit["name"] for hit in body["hits"]] == [hit.name for hit in answer.hits]
    assert body["receipt"]["total"] == COUNT - 1


@pytest.mark.parametrize(
    "query", [Query.image(5), Query.image(5, (0.1, 0.2, 0.9, 1.0)), Query.picture(b"x", "-my 'odd' $(name).png")]
)
def test_the_shown_command_is_valid_on_the_command_line(query: Query) -> None:
    opened = searcher("lsh", bits=6, tables=4)
    opened.images = replace(opened.images, labels=["-dog"] * COUNT)
    limits = Limits(include_query=True, label="-dog")
    answer = opened.answer(query, opened.vector(5), opened.recipe, limits, encode_milliseconds=1.0)
    words = shlex.split(answer.command())
    assert words[:4] == ["python", "-m", "engine", "search"]
    parsed = parser().parse_args(words[3:])
    assert parsed.method == "lsh(bits=6,tables=4)"
    assert parsed.label == "-dog"
    assert parsed.include_query
    assert (parsed.image == 5) if query.data is None else (parsed.picture == [query.name])
    kept = parser().parse_args(shlex.split(answer.command(kept=True))[3:])
    assert kept.picture == ([] if query.data is None else [f"upload:{query.sha256[:16]}"])


@pytest.mark.parametrize("crop", [(0, 0, 0, 1), (0.5, 0, 0.4, 1), (-0.1, 0, 1, 1), (0, 0, 1, 1.1), (0, 1, 1, 1)])
def test_a_crop_of_nothing_is_refused(crop: tuple[float, float, float, float]) -> None:
    with pytest.raises(BadParameter, match="crop of the query"):
        Query.image(1, crop)
