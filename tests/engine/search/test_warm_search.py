"""What a search takes once collection, encoder, vectors and index are open: few functions, no second opening."""

from __future__ import annotations

import io
import sys
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import Any

import numpy as np
import pytest
from PIL import Image

from engine.collections.collection import Collection
from engine.core.home import PROJECT, Home
from engine.core.recipe import Recipe
from engine.workbench import part as opened
from engine.workbench.workbench import Query, Workbench

ENGINE = f"{PROJECT / 'engine'}/"
MOST_FUNCTIONS, MOST_FILES = 46, 13
ENCODER = {"encoders/descriptors.py", "core/device.py"}  # any of many, and what it computes on
RECIPE = Recipe("pile", "raw-pixels", embedding="flatten")


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Workbench:
    root = tmp_path_factory.mktemp("warm")
    (root / "pictures").mkdir()
    for number in range(40):
        (root / "pictures" / f"{number:02d}.png").write_bytes(drawn(number))
    bench = Workbench(Home(root / "home"))
    bench.run("import", source="folder", title="Pile", path=str(root / "pictures"))
    bench.run("embed", recipe=RECIPE.as_dict())
    return bench


def drawn(seed: int) -> bytes:
    out = io.BytesIO()
    Image.fromarray(np.random.default_rng(seed).integers(0, 255, (40, 50, 3), np.uint8)).save(out, "PNG")
    return out.getvalue()


def called(work: Callable[[], object]) -> set[tuple[str, str]]:
    """File and name of every function of the engine that is called meanwhile; comprehensions belong to theirs."""
    functions = set()

    def note(frame: FrameType, event: str, _: object) -> None:
        code = frame.f_code
        if event == "call" and code.co_filename.startswith(ENGINE) and not code.co_name.startswith("<"):
            functions.add((code.co_filename.removeprefix(ENGINE), code.co_qualname))

    sys.setprofile(note)
    try:
        work()
    finally:
        sys.setprofile(None)
    return functions


def counted(monkeypatch: pytest.MonkeyPatch, owner: Any, name: str) -> list[object]:
    """A list that grows with every call of a function or method."""
    calls: list[object] = []
    former = getattr(owner, name)
    monkeypatch.setattr(
        owner, name, lambda *arguments, **options: (calls.append(arguments), former(*arguments, **options))[1]
    )
    return calls


def test_a_stored_picture(bench: Workbench) -> None:
    bench.search(RECIPE, Query.image(3))
    query = Query.image(5)
    functions = called(lambda: bench.search(RECIPE, query))
    assert ("search/searcher.py", "Searcher.answer") in functions, "it counts at all"
    assert len(functions) <= MOST_FUNCTIONS
    assert len({file for file, _ in functions}) <= MOST_FILES


def test_a_picture_from_outside(bench: Workbench) -> None:
    bench.search(RECIPE, Query.picture(drawn(100)))
    query = Query.picture(drawn(101))
    functions = called(lambda: bench.search(RECIPE, query))
    assert ("collections/reading/workers.py", "read_in_worker") in functions, "it counts at all"
    beside_encoder = {name for name in functions if name[0] not in ENCODER}
    assert len(functions) - len(beside_encoder) <= 4
    assert len(beside_encoder) <= MOST_FUNCTIONS
    assert len({file for file, _ in beside_encoder}) <= MOST_FILES


def test_one_opening_and_one_decoding(bench: Workbench, monkeypatch: pytest.MonkeyPatch) -> None:
    fresh = Workbench(bench.home)
    openings = counted(monkeypatch, Collection, "__init__")
    decodings = counted(monkeypatch, opened, "read_in_worker")
    query = Query.picture(drawn(102))
    first = fresh.search(RECIPE, query)
    for method in ("exact", "lsh", "kmeans", "exact"):
        again = fresh.search(RECIPE.but(method=method), query)
    assert again.hits == first.hits
    fresh.left_out(RECIPE)
    assert (len(openings), len(decodings)) == (1, 1)


def test_another_crop_or_picture_is_decoded(bench: Workbench, monkeypatch: pytest.MonkeyPatch) -> None:
    decodings = counted(monkeypatch, opened, "read_in_worker")
    data = drawn(103)
    whole = bench.search(RECIPE, Query.picture(data))
    part = bench.search(RECIPE, Query.picture(data, crop=(0, 0, 0.5, 0.5)))
    bench.search(RECIPE, Query.picture(drawn(104)))
    assert len(decodings) == 3
    assert part.hits != whole.hits


def test_what_changes_is_opened_again(bench: Workbench, tmp_path: Path) -> None:
    bench.run("import", source="folder", title="Growing", path=str(_folder(tmp_path, 10)))
    recipe = RECIPE.but(collection="growing")
    bench.run("embed", recipe=recipe.as_dict())
    assert bench.search(recipe, Query.image(1)).receipt.total == 9
    _folder(tmp_path, 12)
    Workbench(bench.home).run("rescan", collection="growing")  # as a job of another process does
    Workbench(bench.home).run("embed", recipe=recipe.as_dict())
    assert bench.search(recipe, Query.image(1)).receipt.total == 11
    assert len(bench.collection("growing")) == 12


def _folder(root: Path, count: int) -> Path:
    for number in range(count):
        (root / f"{number:02d}.png").write_bytes(drawn(200 + number))
    return root
