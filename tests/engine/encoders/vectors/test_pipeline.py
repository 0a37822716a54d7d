"""Embedding a collection: complete, incremental, taken up again, and nothing damaged goes unnoticed."""

from __future__ import annotations

import os
import threading
import time
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import engine.encoders.vectors.pipeline as pipeline
from engine.core.errors import BadParameter, Corrupt, NoVectors, Stopped, StorageFull
from engine.core.home import Home
from engine.core.progress import Progress, Reporter
from engine.encoders import Encoder, open_encoder
from engine.encoders.vectors.batches import ahead, batches, embed_pictures
from engine.encoders.vectors.pipeline import embed_collection, embeddings_for, vectors_of
from engine.encoders.vectors.store import Vectors, publish, state, store, stored
from tests.engine.encoders.conftest import Pile, picture
from tests.engine.killing import killable


@pytest.fixture
def encoder(home: Home, make_run: Callable[..., Any]) -> Encoder:
    make_run(1, "mine", 64)
    return open_encoder("model-1", "mine", home)


def test_every_image_gets_its_vector(pile: Any, encoder: Encoder) -> None:
    assert state(pile, encoder.info, "max").missing == 50
    assert stored(pile, encoder.info, "max") is None
    seen: list[Progress] = []
    report = embed_collection(pile, encoder, ["max"], Reporter(listen=seen.append))
    assert (report["encoded"], report["kept"], report["left_out"]) == (50, 0, [])
    assert (seen[-1].done, seen[-1].total, seen[-1].unit) == (50, 50, "pictures")
    for name, width in (("max", 512), ("avg", 512), ("gem", 512), ("flatten", 512 * 4)):
        assert state(pile, encoder.info, name).ready
        found = stored(pile, encoder.info, name)
        assert found is not None
        assert found.ids.tolist() == list(range(3, 53))
        assert found.matrix.shape == (50, width)
        assert found.matrix.dtype == np.float32
    row = embed_pictures(encoder, [pile.pictures[20]], "max")[0]
    wanted = stored(pile, encoder.info, "max").matrix[17]
    assert float(row @ wanted / np.linalg.norm(row) / np.linalg.norm(wanted)) > 0.99


def test_vectors_are_made_where_they_are_missing_and_left_alone_where_they_are_not(pile: Any, encoder: Encoder) -> None:
    made = vectors_of(pile, encoder, "max", Reporter())
    assert made.ids.tolist() == list(range(3, 53))
    pile.decoded_ids.clear()
    again = vectors_of(pile, encoder, "max", Reporter())
    assert (again.digest, pile.decoded_ids) == (made.digest, [])
    pile.pictures[99] = np.full((40, 40, 3), 7, np.uint8)
    assert 99 in vectors_of(pile, encoder, "max", Reporter()).ids
    pile.pictures.clear()
    assert len(vectors_of(pile, encoder, "max", Reporter()).ids) == 0


def test_no_image_gives_no_vectors(pile: Any, encoder: Encoder) -> None:
    pile.pictures.clear()
    with pytest.raises(NoVectors, match="No picture of"):
        vectors_of(pile, encoder, "max", Reporter())


def test_only_new_and_changed_images_are_encoded(pile: Any, encoder: Encoder) -> None:
    embed_collection(pile, encoder, ["max"], Reporter())
    before = stored(pile, encoder.info, "max")
    pile.decoded_ids.clear()
    pile.pictures[99] = np.full((40, 40, 3), 7, np.uint8)  # new
    pile.pictures[5] = np.full((40, 40, 3), 200, np.uint8)  # changed
    del pile.pictures[3]  # gone
    held = state(pile, encoder.info, "max")
    assert (held.missing, held.stale, held.total, held.ready) == (2, 2, 50, False)
    report = embed_collection(pile, encoder, ["max"], Reporter())
    assert sorted(pile.decoded_ids) == [5, 99]
    assert (report["encoded"], report["kept"]) == (2, 48)
    after = stored(pile, encoder.info, "max")
    assert state(pile, encoder.info, "max").ready
    assert after.ids.tolist() == [*range(4, 53), 99]
    assert np.array_equal(after.matrix[2:49], before.matrix[3:50])
    assert not np.array_equal(after.matrix[1], before.matrix[2])


def test_nothing_to_do_writes_nothing(pile: Any, encoder: Encoder) -> None:
    embed_collection(pile, encoder, ["max"], Reporter())
    digest = stored(pile, encoder.info, "max").digest
    folder = store(pile, encoder.info, "max").folder
    files = sorted(folder.rglob("*"))
    report = embed_collection(pile, encoder, ["max", "flatten"], Reporter())
    assert (report["encoded"], report["kept"]) == (0, 50)
    assert sorted(folder.rglob("*")) == files
    assert stored(pile, encoder.info, "max").digest == digest


def test_copies_are_encoded_once(pile: Any, encoder: Encoder) -> None:
    pile.pictures[77] = pile.pictures[3].copy()
    report = embed_collection(pile, encoder, ["max"], Reporter())
    assert report["encoded"] == 50
    found = stored(pile, encoder.info, "max")
    assert state(pile, encoder.info, "max").ready
    assert np.array_equal(found.matrix[0], found.matrix[-1])


def test_files_that_fail_now_are_named_and_the_rest_is_ready(pile: Any, encoder: Encoder) -> None:
    pile.broken = {8, 30}
    report = embed_collection(pile, encoder, ["max"], Reporter())
    assert {line["name"] for line in report["left_out"]} == {"8.png", "30.png"}
    assert {line["reason"] for line in report["left_out"]} == {"The file is cut off."}
    held = state(pile, encoder.info, "max")
    assert held.ready
    assert dict(held.left_out) == {"8.png": "The file is cut off.", "30.png": "The file is cut off."}
    assert stored(pile, encoder.info, "max").matrix.shape == (48, 512)
    pile.broken = set()
    assert embed_collection(pile, encoder, ["max"], Reporter())["encoded"] == 2
    assert stored(pile, encoder.info, "max").matrix.shape == (50, 512)


def test_vectors_that_are_no_numbers_are_left_out(pile: Any, home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    encoder = open_encoder("raw-pixels", "", home)
    pile.pictures[10] = np.full((40, 40, 3), 255, np.uint8)

    def poisoned(self: Any, images: torch.Tensor) -> torch.Tensor:
        flat = images.flatten(1)
        flat[flat.mean(1) > 0.99] = np.inf
        return flat[:, :, None, None]

    monkeypatch.setattr(type(encoder), "encode", poisoned)
    report = embed_collection(pile, encoder, ["max"], Reporter())
    assert [line["name"] for line in report["left_out"]] == ["10.png"]
    assert "not numbers" in report["left_out"][0]["reason"]
    found = stored(pile, encoder.info, "max")
    assert 10 not in found.ids
    assert np.isfinite(found.matrix).all()


def test_without_positions_all_embeddings_are_one(pile: Any, home: Home) -> None:
    encoder = open_encoder("colour-histogram", "", home)
    embed_collection(pile, encoder, ["gem"], Reporter())
    assert {stored(pile, encoder.info, name).digest for name in ("max", "flatten", "avg", "gem")} == {
        stored(pile, encoder.info, "max").digest
    }


def test_flatten_is_made_while_it_is_small(encoder: Encoder, monkeypatch: pytest.MonkeyPatch) -> None:
    assert embeddings_for(encoder, 1000, ["max"]) == ["max", "flatten", "avg", "gem"]
    monkeypatch.setattr(pipeline, "FLATTEN_UP_TO", 1000 * 2048 * 4 - 1)
    assert embeddings_for(encoder, 1000, ["max"]) == ["max", "avg", "gem"]
    assert "flatten" in embeddings_for(encoder, 1000, ["flatten"])


class StopAfter(Reporter):
    def __init__(self, updates: int) -> None:
        super().__init__()
        self.updates = updates

    def update(self, *values: Any, **named: Any) -> None:
        self.updates -= 1
        if self.updates < 0:
            raise Stopped


def test_stopped_work_goes_on_where_it_was(pile: Any, encoder: Encoder) -> None:
    with pytest.raises(Stopped):
        embed_collection(pile, encoder, ["max"], StopAfter(1))
    held = state(pile, encoder.info, "max")
    assert 0 < held.missing < 50
    first = held.total - held.missing
    report = embed_collection(pile, encoder, ["max"], Reporter())
    assert (report["encoded"], report["kept"]) == (50 - first, first)
    assert state(pile, encoder.info, "max").ready


def test_a_full_disk_leaves_what_was_there(pile: Any, encoder: Encoder, monkeypatch: pytest.MonkeyPatch) -> None:
    embed_collection(pile, encoder, ["max"], Reporter())
    before = stored(pile, encoder.info, "max")
    pile.pictures[99] = np.full((40, 40, 3), 7, np.uint8)

    def full(*_: Any, **__: Any) -> None:
        raise OSError(28, os.strerror(28))

    with monkeypatch.context() as patch:
        patch.setattr(os, "rename", full)
        with pytest.raises(StorageFull):
            embed_collection(pile, encoder, ["max"], Reporter())
    after = stored(pile, encoder.info, "max")
    assert after.digest == before.digest
    assert embed_collection(pile, encoder, ["max"], Reporter())["encoded"] == 1


@pytest.mark.parametrize("file", ["matrix.npy", "ids.npy", "hashes.npy", "manifest.json"])
def test_flipped_bits_are_noticed_and_embedding_again_repairs(file: str, pile: Any, home: Home) -> None:
    encoder = open_encoder("raw-pixels", "", home)
    embed_collection(pile, encoder, ["max"], Reporter())
    good = np.array(stored(pile, encoder.info, "max").matrix)
    path = next(store(pile, encoder.info, "max").folder.glob(f"*/{file}"))
    whole = path.read_bytes()
    rng = np.random.default_rng(0)
    for _ in range(10):
        spoilt = bytearray(whole)
        spoilt[int(rng.integers(len(whole)))] ^= 1 << int(rng.integers(8))
        path.write_bytes(bytes(spoilt))
        with pytest.raises(Corrupt, match=rf"{file}.*Prepare the collection again"):
            stored(pile, encoder.info, "max")
    assert embed_collection(pile, encoder, ["max"], Reporter())["encoded"] == 50
    assert np.array_equal(stored(pile, encoder.info, "max").matrix, good)


def test_long_vectors_are_stored_a_few_at_once(pile: Any, encoder: Encoder, monkeypatch: pytest.MonkeyPatch) -> None:
    matrix = np.random.default_rng(0).random((50, 100_000), dtype=np.float32)
    rows = [(id, f"{id:064}", Vectors(np.arange(50), [], matrix, ""), id) for id in range(50)]
    monkeypatch.setattr("engine.encoders.vectors.store._COPIED_AT_ONCE", 4 * 100_000)
    tracemalloc.start()
    published = publish(store(pile, encoder.info, "max"), rows, 100_000, [])
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert np.array_equal(published.matrix, matrix)
    assert peak < matrix.nbytes / 5


def test_finished_vectors_do_not_pile_up_in_memory(
    pile: Any, encoder: Encoder, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However long storing takes: beyond so many bytes they are stored, here after every batch of 16 images."""
    sizes: list[int] = []
    whole = pipeline.store.publish
    monkeypatch.setattr(pipeline, "_PUBLISH_EVERY", 3600.0)
    monkeypatch.setattr(pipeline, "_HELD_AT_MOST", 1000)

    def counted(place: Any, rows: Any, *rest: Any) -> Vectors:
        sizes.append(len(rows))
        return whole(place, rows, *rest)

    monkeypatch.setattr(pipeline.store, "publish", counted)
    embed_collection(pile, encoder, ["max"], Reporter())
    assert sorted(set(sizes)) == [16, 32, 48, 50]


def test_an_empty_collection_is_no_trouble(pile: Any, home: Home) -> None:
    encoder = open_encoder("raw-pixels", "", home)
    pile.pictures.clear()
    assert embed_collection(pile, encoder, ["max"], Reporter())["encoded"] == 0
    assert stored(pile, encoder.info, "max").matrix.shape[0] == 0


def test_an_unknown_embedding(pile: Any, encoder: Encoder) -> None:
    for call in (
        lambda: embed_collection(pile, encoder, ["sum"], Reporter()),
        lambda: state(pile, encoder.info, "sum"),
    ):
        with pytest.raises(BadParameter, match="one of max, flatten, avg, gem"):
            call()


def test_batches_hold_the_same_rows() -> None:
    chunks = [(np.arange(a, b), np.arange(a, b)[:, None]) for a, b in ((0, 5), (5, 6), (6, 6), (6, 20))]
    found = list(batches(iter(chunks), 4))
    assert [len(ids) for ids, _ in found] == [4, 4, 4, 4, 4]
    assert np.concatenate([ids for ids, _ in found]).tolist() == list(range(20))
    assert [len(ids) for ids, _ in batches(iter(chunks), 6)] == [6, 6, 6, 2]
    assert list(batches(iter([]), 4)) == []


def test_reading_ahead_keeps_order_and_errors() -> None:
    def chunks() -> Any:
        for number in range(20):
            yield np.array([number]), np.zeros((1, 1))
        raise OSError("the disk is gone")

    reader = ahead(chunks(), most=3)
    assert [int(next(reader)[0][0]) for _ in range(20)] == list(range(20))
    with pytest.raises(OSError, match="the disk is gone"):
        next(reader)


def test_reading_ahead_stays_so_far_and_ends_when_left() -> None:
    fetched = []

    def chunks() -> Any:
        for number in range(1000):
            fetched.append(number)
            yield np.array([number]), np.zeros((1, 1))

    reader = ahead(chunks(), most=3)
    next(reader)
    time.sleep(0.3)
    assert len(fetched) <= 6
    reader.close()
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("ahead")]


def embed_pile(folder: str) -> None:
    """Embed the pile in this folder two pictures at a time, published whenever that is possible."""
    pipeline._PUBLISH_EVERY, pipeline._PUBLISH_SHARE, pipeline._BATCH = 0.0, 0, {"cpu": 2, "cuda": 2}
    pile = Pile(Path(folder), {id: picture(id) for id in range(60)}, chunk=4)
    embed_collection(pile, open_encoder("raw-pixels", "", Home(Path(folder))), ["max"], Reporter())


@pytest.mark.slow
def test_killed_at_random_moments(tmp_path: Path, home: Home) -> None:
    """Whatever the moment: what stands on disk is whole, progress is kept, and the next start goes on."""
    encoder = open_encoder("raw-pixels", "", home)
    pile = Pile(tmp_path / "pile", {id: picture(id) for id in range(60)})
    rng, held, kills = np.random.default_rng(0), 0, 0
    with killable(__name__, "embed_pile", (str(tmp_path / "first"),)) as work:
        began = time.monotonic()
        assert work(str(tmp_path / "again"))
        longest = time.monotonic() - began
        for _ in range(8):
            kills += not work(str(pile.folder), kill_after=float(rng.uniform(0.0, 0.6 * longest)))
            found = stored(pile, encoder.info, "max")  # raises Corrupt if anything were half-written
            now = 0 if found is None else len(found.ids)
            assert now >= held
            held = now
    assert kills
    embed_collection(pile, encoder, ["max"], Reporter())
    found = stored(pile, encoder.info, "max")
    expected = np.stack([embed_pictures(encoder, [pile.pictures[id]], "max")[0] for id in range(60)])
    assert np.array_equal(found.ids, np.arange(60))
    assert np.allclose(found.matrix, expected, atol=0.02)
    assert not list(store(pile, encoder.info, "max").folder.glob(".building-*"))
