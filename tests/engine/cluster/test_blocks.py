"""Blocks over workers that die, hang and refuse; embedding and import on a real Ray, a worker of which is killed."""

from __future__ import annotations

import os
import random
import signal
import sys
import threading
import time
from collections import Counter
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from engine.cli.parser import main
from engine.cluster import Lost
from engine.cluster import blocks as spreading
from engine.cluster.blocks import Worker, asked_for, run_blocks
from engine.collections.collection import Collection
from engine.collections.sources.importing import import_folder
from engine.core.errors import BadParameter, BenzerError, MissingPackage, Stopped
from engine.core.home import Home
from engine.core.progress import Reporter
from engine.encoders import open_encoder
from engine.encoders.vectors.on_cluster import BLOCK
from engine.encoders.vectors.pipeline import embed_collection
from engine.encoders.vectors.store import state, stored

HAS_RAY = find_spec("ray") is not None


class Here:
    """A pool in this process. Tickets are settled in random order; a block ends at most so many workers."""

    title = "workers of a test"

    def __init__(self, count: int = 3, deaths: int = 0, hangs: frozenset[int] = frozenset(), seed: int = 0) -> None:
        self.count, self.hangs = count, hangs
        self.deaths: Counter[int] = Counter()
        self.deadly = deaths
        self.random = random.Random(seed)
        self.given: list[Any] = []
        self.held: dict[int, tuple[int, Worker, Any]] = {}
        self.renewed, self.most, self.ended = 0, 0, False

    def begin(self, make: Any, arguments: tuple[Any, ...]) -> None:
        self.make = lambda: Worker(make, arguments)
        self.workers = [self.make() for _ in range(self.count)]

    def give(self, worker: int, block: Any) -> Any:
        self.given.append(block)
        self.held[len(self.given)] = worker, self.workers[worker], block
        return len(self.given)

    def done(self, tickets: list[Any], seconds: float) -> list[tuple[Any, Any]]:
        self.most = max(self.most, len(tickets))
        answering = [ticket for ticket in tickets if self.held[ticket][0] not in self.hangs]
        if not answering:
            return []
        ticket = self.random.choice(answering)
        number, worker, block = self.held[ticket]
        dead = worker is not self.workers[number] or self._kills(block)
        return [(ticket, Lost("gone") if dead else worker.do(block))]

    def _kills(self, block: Any) -> bool:
        key = self.given.index(block) if self.deadly else 0
        self.deaths[key] += 1
        return self.deaths[key] <= self.deadly and self.random.random() < 0.4 + (self.deadly > 9)

    def renew(self, worker: int) -> None:
        self.renewed += 1
        self.workers[worker] = self.make()

    def end(self) -> None:
        self.ended = True


def times(factor: int) -> Any:
    return lambda block: factor * block


@pytest.mark.parametrize("seed", range(8))
def test_every_block_comes_back_once_and_in_order_though_workers_die(seed: int) -> None:
    pool = Here(deaths=3, seed=seed)
    assert list(run_blocks(pool, times, (3,), range(60))) == [(block, 3 * block) for block in range(60)]
    assert pool.renewed
    assert pool.ended


def test_a_worker_that_hangs_holds_nobody_up_for_good(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spreading, "_LEAST_PATIENCE", 0.05)
    pool = Here(hangs=frozenset({1}))
    assert [result for _, result in run_blocks(pool, times, (2,), range(30))] == [2 * block for block in range(30)]
    assert 30 < len(pool.given) <= 32  # what it had in its hands was done by others; nothing else was done twice


def test_no_more_than_a_few_blocks_are_taken_ahead() -> None:
    taken: list[int] = []

    def source() -> Any:
        for block in range(1000):
            taken.append(block)
            yield block

    pool = Here(count=2)
    results = run_blocks(pool, times, (1,), source())
    next(results)
    assert len(taken) <= 2 * 4 + 1
    results.close()
    assert pool.ended
    assert pool.most <= 2 * 2


def test_without_blocks_nothing_is_waited_for() -> None:
    assert list(run_blocks(Here(), times, (1,), [])) == []


def test_a_block_that_ends_every_worker_ends_the_work() -> None:
    pool = Here(deaths=10)
    with pytest.raises(Lost, match="The same block of work ended 4 workers"):
        list(run_blocks(pool, times, (1,), range(5)))
    assert pool.ended


def refusing() -> Any:
    raise BadParameter("weights", "a node", "there", "nothing")


def test_what_a_worker_cannot_do_is_said_in_its_sentence() -> None:
    with pytest.raises(BenzerError, match="The weights of a node must be there; got 'nothing'"):
        list(run_blocks(Here(), refusing, (), range(3)))


def test_it_stops_when_asked() -> None:
    def stop() -> None:
        raise Stopped

    pool = Here()
    with pytest.raises(Stopped):
        list(run_blocks(pool, times, (1,), range(50), stop))
    assert pool.ended


def test_ray_is_asked_for_only_within(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("BENZER_RAY", raising=False)
    assert spreading.worker_pool() is None
    with asked_for("one:1"):
        assert os.environ["BENZER_RAY"] == "one:1"
        with asked_for(None):
            assert os.environ["BENZER_RAY"] == "one:1"
        with asked_for("two:2"):
            assert os.environ["BENZER_RAY"] == "two:2"
        assert os.environ["BENZER_RAY"] == "one:1"
    assert "BENZER_RAY" not in os.environ


# ── a collection ─────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path / "home")


def drawn(folder: Path, count: int) -> Path:
    """Pictures under two labels, a copy of one, and two files that are no pictures."""
    for number in range(count):
        place = folder / ("even", "odd")[number % 2] / f"{number:04d}.png"
        place.parent.mkdir(parents=True, exist_ok=True)
        noise = np.random.default_rng(number).integers(0, 256, (5, 5, 3), dtype=np.uint8)
        Image.fromarray(noise).resize((40, 32), Image.Resampling.BICUBIC).save(place, compress_level=1)
    (folder / "odd" / "again.png").write_bytes((folder / "odd" / "0001.png").read_bytes())
    (folder / "even" / "broken.png").write_bytes((folder / "even" / "0002.png").read_bytes()[:60])
    (folder / "words.jpg").write_bytes(b"no picture")
    return folder


def on(pool: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Both kinds of work use this pool."""
    monkeypatch.setattr("engine.encoders.vectors.pipeline.worker_pool", lambda: pool)
    monkeypatch.setattr("engine.collections.reading.on_cluster.worker_pool", lambda: pool)
    return pool


def test_an_import_on_workers_writes_what_one_computer_writes(
    home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pictures = drawn(tmp_path / "pictures", 150)
    here = import_folder(home, "Here", pictures, Reporter())
    on(Here(deaths=2), monkeypatch)
    there = import_folder(home, "There", pictures, Reporter())
    assert (there.added, there.copies, there.rejects) == (here.added, here.copies, here.rejects)
    assert (there.added, there.copies, len(there.rejects)) == (150, 1, 2)
    assert Collection.open(home, "there").rows() == Collection.open(home, "here").rows()


def embedded(home: Home, name: str, encoder: str = "colour-histogram", weights: str = "") -> tuple[Any, dict[str, Any]]:
    collection = Collection.open(home, name)
    opened = open_encoder(encoder, weights, home, collection)
    report = embed_collection(collection, opened, ["max"], Reporter())
    return stored(collection, opened.info, "max"), report


def test_embedding_on_workers_makes_the_same_vectors_and_names_bad_pictures(
    home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pictures = drawn(tmp_path / "pictures", BLOCK + 40)
    for name in ("Here", "There"):
        import_folder(home, name, pictures, Reporter())
    (pictures / "even" / "0004.png").write_bytes(b"spoilt")
    here, plain = embedded(home, "here")
    on(Here(deaths=2), monkeypatch)
    there, report = embedded(home, "there")
    assert np.array_equal(here.matrix, there.matrix)
    assert here.ids.tolist() == there.ids.tolist()
    assert report["left_out"] == plain["left_out"]
    assert [line["name"] for line in report["left_out"]] == ["even/0004.png"]
    assert report["device"] == "workers of a test"
    again = on(Here(), monkeypatch)
    assert embedded(home, "there")[1]["encoded"] == 0
    assert [len(block) for block in again.given] == [1]  # the one that could not be read is tried again


def test_stopped_work_keeps_what_is_finished(home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import_folder(home, "Pile", drawn(tmp_path / "pictures", 2 * BLOCK + 10), Reporter())
    collection = Collection.open(home, "pile")
    encoder = open_encoder("raw-pixels", "", home)
    pool = on(Here(count=1), monkeypatch)

    class StopAfterABlock(Reporter):
        def update(self, stage: str, done: int, *rest: Any, **more: Any) -> None:
            if done >= BLOCK:
                raise Stopped

    with pytest.raises(Stopped):
        embed_collection(collection, encoder, ["max"], StopAfterABlock())
    assert pool.ended
    assert state(collection, encoder.info, "max").missing == BLOCK + 10
    assert embed_collection(collection, encoder, ["max"], Reporter())["encoded"] == BLOCK + 10
    assert state(collection, encoder.info, "max").ready


def test_a_node_that_sees_nothing_says_so(home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Pictures that a node cannot reach must not count as damaged ones."""
    pictures = drawn(tmp_path / "pictures", 12)
    import_folder(home, "Pile", pictures, Reporter())
    on(Here(), monkeypatch)

    def blind(folders: Any) -> None:
        spreading.require_seen([Path("/not/shared") / folder.name for folder in folders])

    for room in ("encoders.vectors", "collections.reading"):
        monkeypatch.setattr(f"engine.{room}.on_cluster.require_seen", blind)
    with pytest.raises(BenzerError, match=r"The node \S+ does not see the folder /not/shared/pile\. Every node must"):
        embedded(home, "pile")
    with pytest.raises(BenzerError, match="does not see the folder /not/shared/pictures"):
        import_folder(home, "Other", pictures, Reporter())


def test_a_node_with_other_weights_says_so(home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import_folder(home, "Pile", drawn(tmp_path / "pictures", 4), Reporter())
    on(Here(), monkeypatch)
    collection, encoder = Collection.open(home, "pile"), open_encoder("raw-pixels", "", home)
    encoder.info = __import__("dataclasses").replace(encoder.info, fingerprint="others")
    with pytest.raises(BenzerError, match="would make other vectors"):
        embed_collection(collection, encoder, ["max"], Reporter())


# ── Ray ──────────────────────────────────────────────────────────────────────────────────────────────────────────────


def command(home: Home, monkeypatch: pytest.MonkeyPatch, *words: str) -> int:
    monkeypatch.setenv("BENZER_HOME", str(home.root))
    monkeypatch.delenv("BENZER_RAY", raising=False)
    return main(list(words))


def test_an_address_where_nobody_is(home: Home, tmp_path: Path, monkeypatch: Any, capsys: Any) -> None:
    if not HAS_RAY:
        pytest.skip("Ray is not installed")
    pictures = drawn(tmp_path / "pictures", 4)
    began = time.monotonic()
    assert command(home, monkeypatch, "import", str(pictures), "--ray", "127.0.0.1:9") == 1
    assert time.monotonic() - began < 10
    assert capsys.readouterr().err.startswith("\rNo Ray cluster answers at '127.0.0.1:9'. ")
    assert not (home.datasets / "pictures").exists()
    assert "BENZER_RAY" not in os.environ


def test_without_ray_the_line_that_installs_it_is_told(home: Home, tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    with asked_for("local"), pytest.raises(MissingPackage, match=r'pip install "ray>=2\.52"'):
        import_folder(home, "Pile", drawn(tmp_path / "pictures", 4), Reporter())


@pytest.mark.slow
@pytest.mark.timeout(240)
def test_on_a_real_ray_of_which_a_worker_is_killed(home: Home, tmp_path: Path, monkeypatch: Any, capsys: Any) -> None:
    if not HAS_RAY:
        pytest.skip("Ray is not installed")
    pictures = drawn(tmp_path / "pictures", BLOCK + 30)
    import_folder(home, "Here", pictures, Reporter())
    here, _ = embedded(home, "here", "model-4", "default")
    pools: list[Any] = []
    whole = spreading.RayWorkerPool.begin

    def watched(self: Any, *arguments: Any) -> None:
        whole(self, *arguments)
        pools.append(self)

    monkeypatch.setattr(spreading.RayWorkerPool, "begin", watched)
    killer = threading.Thread(target=kill_one, args=(pools,), daemon=True)
    killer.start()
    try:
        assert command(home, monkeypatch, "import", str(pictures), "--title", "There", "--ray", "local") == 0
        killer.join(30)
        assert not killer.is_alive()
        assert Collection.open(home, "there").rows() == Collection.open(home, "here").rows()
        words = ["embed", "--collection", "there", "--model", "4", "--ray", "local"]
        assert command(home, monkeypatch, *words) == 0
        assert "on Ray on 1 node, " in capsys.readouterr().out
        there, report = embedded(home, "there", "model-4", "default")
        assert report["encoded"] == 0
        assert np.allclose(here.matrix, there.matrix, rtol=0.02, atol=0.02 * float(np.abs(here.matrix).max()))
    finally:
        import ray

        ray.shutdown()


def kill_one(pools: list[Any]) -> None:
    """End the process of the first worker of the first pool as soon as it answers."""
    until = time.monotonic() + 60
    while not pools and time.monotonic() < until:
        time.sleep(0.01)
    import ray  # not before: Ray looks at its environment when it is imported

    os.kill(ray.get(pools[0]._handles[0].actor.call.remote("process"), timeout=60), signal.SIGKILL)
