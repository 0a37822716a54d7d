"""A home with one small collection, embedded, for the pages' logic."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from PIL import Image, ImageDraw
from streamlit.components.v2 import manifest_scanner

from engine.core.home import Home
from engine.workbench.workbench import Workbench
from ui.session import opened as state

ROOT = Path(__file__).resolve().parents[2]
SCRIPT = str(ROOT / "ui" / "entry" / "script.py")


def draw(folder: Path, count: int) -> None:
    """`count` small pictures in two sub-folders."""
    for number in range(count):
        chance = random.Random(number)
        hue = "navy" if number % 2 else "gold"
        picture = Image.new("RGB", (40, 40), hue)
        x, y = chance.randrange(30), chance.randrange(30)
        ImageDraw.Draw(picture).ellipse([x, y, x + 12, y + 12], fill=(chance.randrange(256), 90, 120))
        (folder / hue).mkdir(parents=True, exist_ok=True)
        picture.save(folder / hue / f"{number:02d}.png")


@pytest.fixture(scope="session", autouse=True)
def only_our_components() -> Iterator[None]:
    """Opening a page does not look for components in every installed package: that is four fifths of what it takes."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(manifest_scanner, "scan_component_manifests", list)
        yield


@pytest.fixture(scope="session")
def small_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with the collections `shapes` (12 pictures) and `few` (5), both embedded as raw pixels."""
    home = tmp_path_factory.mktemp("home")
    bench = Workbench(Home(home))
    for title, count in (("Shapes", 12), ("Few", 5)):
        draw(home / "pictures" / title, count)
        bench.run("import", source="folder", title=title, path=str(home / "pictures" / title))
        recipe = bench.default_recipe(title.lower()).but(encoder="raw-pixels", weights="")
        bench.run("embed", recipe=recipe.as_dict())
    return home


@pytest.fixture
def bench(small_home: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Workbench]:
    """The pages' workbench on the small home."""
    yield from workbench_at(small_home, monkeypatch)


@pytest.fixture
def empty_bench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Workbench]:
    """The pages' workbench on a home with nothing in it."""
    yield from workbench_at(tmp_path, monkeypatch)


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, dict[str, Any]]]:
    """What a page wanted to start."""
    asked: list[tuple[str, dict[str, Any]]] = []
    monkeypatch.setattr(Workbench, "start", lambda self, kind, **arguments: asked.append((kind, arguments)))
    return asked


def workbench_at(home: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Workbench]:
    """The pages' workbench on that home, with nothing left in its caches before and after."""
    monkeypatch.setenv("BENZER_HOME", str(home))
    monkeypatch.setattr("engine.workbench.readiness._QUICK", -1.0)  # no page starts work that a test did not ask for
    for shelf in (state._images, state._opened, state._cards):
        shelf.clear()
    state.workbench.cache_clear()
    yield state.workbench()
    state.workbench.cache_clear()
    for shelf in (state._images, state._opened, state._cards):
        shelf.clear()
