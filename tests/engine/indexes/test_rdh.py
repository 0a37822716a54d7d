"""RDH: parts against one index, in this process; and on a real Ray with two parts, one of which is killed."""

from __future__ import annotations

import gc
import os
import time
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest

from engine import cluster
from engine.cluster import Lost
from engine.core.errors import BadParameter, BenzerError, MissingPackage
from engine.indexes import make_index
from engine.indexes.distributed.part import Part
from engine.indexes.distributed.partition import merged
from engine.indexes.hashing.hyperplanes import draw_hyperplanes
from engine.indexes.lsh import LSH
from engine.indexes.rdh import RDH

HAS_RAY = find_spec("ray") is not None


def made(count: int = 800, dimensions: int = 16, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    middles = rng.normal(size=(8, dimensions)) * 2
    vectors = middles[rng.integers(0, 8, count)] + rng.normal(size=(count, dimensions))
    return 5 * np.arange(count), vectors.astype(np.float32)


def test_exact_parts_answer_as_one_exact_index() -> None:
    ids, vectors = made()
    one = make_index("exact", "euclidean").build(ids, vectors).search(vectors[:20], 9)
    many = RDH("euclidean", parts=7, runs="exact").build(ids, vectors).search(vectors[:20], 9)
    assert np.array_equal(one.ids, many.ids)
    assert np.allclose(one.distances, many.distances, atol=1e-5)
    assert (many.examined == 800).all()
    assert many.share == 1.0


@pytest.mark.parametrize("parts", [2, 5])
def test_with_the_same_functions_the_candidates_are_those_of_one_lsh(parts: int) -> None:
    """The price is the number of candidates; equal prices and answers for every query need equal candidates."""
    ids, vectors = made(3000)
    planes = draw_hyperplanes(vectors, "euclidean", 6, 3, 0)
    one = LSH("euclidean", probes=0, planes=planes).build(ids, vectors)
    many = RDH("euclidean", parts=parts, tables=6, bits=3, probes=0).build(ids, vectors)
    a, b = one.search(vectors[:50], 5), many.search(vectors[:50], 5)
    assert np.array_equal(a.ids, b.ids)
    assert np.array_equal(a.examined, b.examined)
    assert a.examined.max() < 3000


@pytest.mark.parametrize("parts", [1, 6])
def test_small_buckets_have_the_candidates_of_one_lsh_also_where_it_looks_further(parts: int) -> None:
    ids, vectors = made(2000)
    queries = vectors[:40] + np.float32(0.3)
    planes = draw_hyperplanes(vectors, "euclidean", 2, 12, 0)
    one = LSH("euclidean", probes=0, planes=planes, further="no").build(ids, vectors).search(queries, 30)
    own, more = (
        RDH("euclidean", parts=parts, tables=2, bits=12, probes=0, further=further)
        .build(ids, vectors)
        .search(queries, 30)
        for further in ("no", "yes")
    )
    assert np.array_equal(one.ids, own.ids)
    assert np.array_equal(one.examined, own.examined)
    whole = (own.ids >= 0).all(axis=1)
    assert 0 < whole.sum() < 40
    further = LSH("euclidean", probes=0, planes=planes).build(ids, vectors).search(queries, 30)
    assert np.array_equal(further.ids, more.ids)
    assert np.array_equal(further.examined, more.examined)
    assert np.array_equal(more.examined > own.examined, ~whole)


@pytest.mark.parametrize("k", [5, 60, 150])
def test_numbers_that_are_not_given_are_those_of_one_lsh(k: int, tmp_path: Path) -> None:
    ids, vectors = made(3000, dimensions=12)
    queries = vectors[:40] + np.float32(0.01)
    one = make_index("lsh", "euclidean").build(ids, vectors)
    many = RDH("euclidean", parts=3).build(ids, vectors)
    names = ("tables", "bits", "probes")
    assert [many.chosen[name] for name in names] == [one.chosen[name] for name in names]
    wanted = one.search(queries, k)
    many.save(tmp_path)
    for found in (many.search(queries, k), RDH("euclidean", parts=3).load(tmp_path).search(queries, k)):
        assert found.examined.tolist() == wanted.examined.tolist()
        assert found.ids.tolist() == wanted.ids.tolist()


def test_with_different_functions_each_part_draws_its_own() -> None:
    ids, vectors = made(2000)
    same, different = (
        RDH("euclidean", parts=3, tables=4, bits=6, probes=0, functions=functions).build(ids, vectors)
        for functions in ("same", "different")
    )
    found = same.search(vectors[:40], 5), different.search(vectors[:40], 5)
    assert not np.array_equal(found[0].examined, found[1].examined)
    assert (found[1].ids[:, 0] == ids[:40]).all()


def test_merging_takes_the_nearest_of_all_and_the_smaller_id_of_equals() -> None:
    one = np.array([[7, 3, -1]]), np.array([[0.1, 0.5, np.inf]], dtype=np.float32), np.array([4])
    two = np.array([[2, 9, 1]]), np.array([[0.1, 0.2, 0.9]], dtype=np.float32), np.array([6])
    found = merged([one, two], 4, 0.5)
    assert found.ids.tolist() == [[2, 7, 9, 3]]
    assert found.examined.tolist() == [10]
    assert found.share == 0.5
    assert merged([one, (*two[:2], np.array([-1]))], 4, 1.0).examined.tolist() == [-1]


def test_the_seconds_of_each_part_are_reported() -> None:
    ids, vectors = made(400)
    built = RDH("euclidean", parts=3, runs="exact").build(ids, vectors)
    assert np.isnan(built.part_seconds).all()
    began = time.perf_counter()
    built.search(vectors[:5], 3)
    taken = time.perf_counter() - began
    assert built.part_seconds.shape == (3,)
    assert (built.part_seconds > 0).all()
    assert built.part_seconds.sum() < taken
    assert built._built.workers.title == "this process"


def test_more_parts_than_vectors_are_refused() -> None:
    ids, vectors = made(3)
    with pytest.raises(BadParameter, match="at most 3, the number of vectors"):
        RDH("cosine", parts=4).build(ids, vectors)


def test_one_vector_is_one_part_where_no_number_is_given(tmp_path: Path) -> None:
    ids, vectors = made(1)
    built = RDH("cosine").build(ids, vectors)
    assert built.search(vectors, 3).ids.tolist() == [[ids[0], -1, -1]]
    built.save(tmp_path)
    assert RDH("cosine").load(tmp_path).search(vectors, 1).ids.tolist() == [[ids[0]]]
    with pytest.raises(BadParameter, match="at most 1, the number of vectors"):
        RDH("cosine", parts=3).build(ids, vectors)


def test_mapped_vectors_are_read_from_their_file_and_a_slice_of_them_is_not(tmp_path: Path) -> None:
    ids, vectors = made(400)
    np.save(tmp_path / "v.npy", vectors)
    mapped = np.load(tmp_path / "v.npy", mmap_mode="r")
    changed = np.load(tmp_path / "v.npy", mmap_mode="c")
    changed[:] = vectors[::-1]
    for some in (mapped, mapped[100:300], mapped[::-1], changed):
        built = RDH("euclidean", parts=3, runs="exact").build(ids[: len(some)], some)
        assert (built.search(np.ascontiguousarray(some[:5]), 1).ids[:, 0] == ids[:5]).all()


class Flaky(cluster.InThisProcess):
    """Workers of which some do not answer."""

    def __init__(self) -> None:
        self.gone: list[object] = []

    def ask(self, calls, seconds=None):  # type: ignore[no-untyped-def]
        return [Lost("gone") if call[0] in self.gone else super(Flaky, self).ask([call])[0] for call in calls]


def test_a_lost_part_is_not_passed_over_in_silence(monkeypatch: pytest.MonkeyPatch) -> None:
    workers = Flaky()
    monkeypatch.setattr("engine.indexes.distributed.parts.workers", lambda: workers)
    ids, vectors = made(900)
    built = RDH("euclidean", parts=3, runs="exact").build(ids, vectors)
    lost = built._built.pieces[1]
    workers.gone = [*lost.handles]
    found = built.search(vectors[:30], 4)
    assert found.share == pytest.approx(2 / 3)
    assert np.isnan(built.part_seconds).tolist() == [False, True, False]
    assert not np.isin(found.ids, lost.ids).any()
    with pytest.raises(Lost):
        built.add(np.array([1, 2]), vectors[:2]) if lost is min(built._built.pieces, key=lambda p: len(p.ids)) else (
            built.remove(lost.ids[:1])
        )
    workers.gone = [handle for piece in built._built.pieces for handle in piece.handles]
    with pytest.raises(BenzerError, match="No part of the index answers"):
        built.search(vectors[:1], 4)


def test_a_copy_answers_for_a_lost_one(monkeypatch: pytest.MonkeyPatch) -> None:
    workers = Flaky()
    monkeypatch.setattr("engine.indexes.distributed.parts.workers", lambda: workers)
    ids, vectors = made(300)
    built = RDH("euclidean", parts=2, copies=2, runs="exact").build(ids, vectors)
    workers.gone = [built._built.pieces[0].handles[0], built._built.pieces[1].handles[1]]
    for _ in range(4):
        found = built.search(vectors[:10], 1)
        assert found.share == 1.0
        assert (found.ids[:, 0] == ids[:10]).all()


def test_parts_come_back_from_their_folders() -> None:
    ids, vectors = made(200)
    built = RDH("euclidean", parts=2, runs="exact").build(ids, vectors)
    built.add(np.array([3, 4]), vectors[:2] + 100)
    built.remove(ids[:50])
    for piece in built._built.pieces:
        piece.handles = [type(old)(str(folder), "", "exact", "euclidean", {}) for old, folder in zip(
            piece.handles, piece.folders, strict=True)]  # fmt: skip
    found = built.search(vectors[:2] + 100, 1)
    assert found.ids.ravel().tolist() == [3, 4]
    assert sum(piece.handles[0].size() for piece in built._built.pieces) == 152


def test_nothing_is_left_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BENZER_RAY_FOLDER", str(tmp_path))
    built = RDH("cosine").build(*made(50))
    built.search(made(50)[1][:2], 3)
    assert len(list(tmp_path.iterdir())) == 1
    gc.disable()  # parts end with the last reference to the index, not when garbage is collected some time
    try:
        del built
        assert not list(tmp_path.iterdir())
    finally:
        gc.enable()


def test_a_folder_for_the_parts_that_is_not_there_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BENZER_RAY_FOLDER", str(tmp_path / "nowhere"))
    with pytest.raises(BenzerError, match=r"cannot be kept in .*nowhere \(no such file"):
        RDH("cosine").build(*made(50))


def test_a_node_that_does_not_see_a_folder_says_so_and_makes_none(tmp_path: Path) -> None:
    part, ids = Part(str(tmp_path / "part"), "", "exact", "euclidean", {}), np.arange(3)
    with pytest.raises(BenzerError, match="does not see the folder"):
        part.build(str(tmp_path / "elsewhere" / "vectors.npy"), ids, ids, 0)
    np.save(tmp_path / "vectors.npy", np.eye(3, dtype=np.float32))
    part.build(str(tmp_path / "vectors.npy"), ids, ids, 0)
    with pytest.raises(BenzerError, match="does not see the folder"):
        part.save(str(tmp_path / "elsewhere" / "part-0000"))
    assert not (tmp_path / "elsewhere").exists()
    part.save(str(tmp_path / "part-0000"))
    assert (tmp_path / "part-0000" / "vectors.npy").exists()


def test_who_does_not_answer_to_a_change_is_looked_after(monkeypatch: pytest.MonkeyPatch) -> None:
    workers = Flaky()
    monkeypatch.setattr("engine.indexes.distributed.parts.workers", lambda: workers)
    ids, vectors = made(60)
    built = RDH("euclidean", parts=2, runs="exact").build(ids, vectors)
    [handle] = built._built.pieces[0].handles
    workers.gone = [handle]
    with pytest.raises(Lost):
        built.remove(built._built.pieces[0].ids[:1])
    assert handle in built._built._watch
    workers.gone = []


# ── Ray ──────────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_an_address_where_nobody_is_fails_soon_and_in_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    if not HAS_RAY:
        pytest.skip("Ray is not installed")
    monkeypatch.setenv("BENZER_RAY", "127.0.0.1:9")
    began = time.monotonic()
    with pytest.raises(BenzerError, match=r"No Ray cluster answers at '127\.0\.0\.1:9'"):
        RDH("cosine").build(*made(10))
    assert time.monotonic() - began < 10


def test_without_ray_the_line_that_installs_it_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "ray", None)
    monkeypatch.setenv("BENZER_RAY", "local")
    with pytest.raises(MissingPackage, match=r'pip install "ray>=2\.52"'):
        RDH("cosine").build(*made(10))


@pytest.fixture
def on_ray(monkeypatch: pytest.MonkeyPatch):  # type: ignore[no-untyped-def]
    if not HAS_RAY:
        pytest.skip("Ray is not installed")
    monkeypatch.setenv("BENZER_RAY", "local")
    yield cluster.workers().ray  # not imported before: Ray looks at its environment when it is
    cluster.workers().ray.shutdown()


@pytest.mark.slow
@pytest.mark.timeout(240)
def test_two_parts_on_a_real_ray_and_one_is_killed(on_ray, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    ids, vectors = made(1000)
    one = make_index("exact", "euclidean").build(ids, vectors).search(vectors[:10], 5)
    built = RDH("euclidean", parts=2, runs="exact").build(ids, vectors)
    assert np.array_equal(built.search(vectors[:10], 5).ids, one.ids)
    with pytest.raises(BadParameter):
        built.search(vectors[:1, :3], 5)
    built.add(np.array([1]), vectors[:1] + 50)
    (tmp_path / "kept").mkdir()
    built.save(tmp_path / "kept")
    victim = process(built, 0)
    os.kill(victim, 9)
    shares, until = [], time.monotonic() + 60
    while (not shares or shares[-1] < 1.0) and time.monotonic() < until:
        found = answered(built, vectors[:10])
        shares.append(found.share if found else 0.0)
        assert found is None or found.share == 1.0 or len(found.ids) == 10
    assert shares[-1] == 1.0
    assert np.array_equal(built.search(vectors[:10], 5).ids, one.ids)
    assert built.search(vectors[:1] + 50, 1).ids[0, 0] == 1
    again = RDH("euclidean", parts=2, runs="exact").load(tmp_path / "kept")
    assert np.array_equal(again.search(vectors[:10], 5).ids, one.ids)


def process(built: RDH, part: int, copy: int = 0) -> int:
    handle = built._built.pieces[part].handles[copy]
    return int(built._built.workers.ask([(handle, "process", ())])[0])


def answered(built: RDH, queries: np.ndarray):  # type: ignore[no-untyped-def]
    try:
        return built.search(queries, 5)
    except BenzerError:
        return None
