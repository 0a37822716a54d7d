"""Small pictures from seeds, a home in a temporary folder, and functions that kill the worker they run in."""

import io
import os
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from engine.collections.collection import Collection
from engine.collections.sources.importing import import_files
from engine.core.home import PROJECT
from engine.core.progress import Reporter
from tests.counts import count
from tests.engine.collections.swaps import removed

DEADLY = """
import os, signal, time
from engine.collections.reading import worker_tasks as tasks

def loaded(items):
    import sys
    return [[name for name in item if name in sys.modules] for item in items]

def process(items):
    return [os.getpid() for _ in items]

def look(files):
    for file in files:
        name = os.path.basename(file.location)
        if "segv" in name: os.kill(os.getpid(), signal.SIGSEGV)
        if "kill" in name: os.kill(os.getpid(), signal.SIGKILL)
        if "loop" in name:
            while True: pass
        if "alloc" in name: bytearray(8 << 30)
    return tasks.look(files)
"""


@pytest.fixture
def reporter() -> Reporter:
    return Reporter()


@pytest.fixture
def picture():
    """picture(seed, size) -> a smooth coloured picture that differs for every seed."""

    def make(seed: int, size: tuple[int, int] = (48, 36)) -> Image.Image:
        coarse = np.random.default_rng(seed).integers(0, 256, (4, 4, 3), dtype=np.uint8)
        return Image.fromarray(coarse).resize(size, Image.Resampling.BICUBIC)

    return make


@pytest.fixture
def encoded(picture):
    """encoded(seed, format) -> the bytes of such a picture."""

    def make(seed: int, format: str = "PNG", size: tuple[int, int] = (48, 36), **options: object) -> bytes:
        out = io.BytesIO()
        picture(seed, size).save(out, format, **options)
        return out.getvalue()

    return make


@pytest.fixture
def pile(tmp_path: Path, encoded):
    """A folder of twelve pictures under two labels."""
    root = tmp_path / "pile"
    for seed in range(12):
        folder = root / ("red" if seed % 2 else "blue")
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"{seed:02d}.png").write_bytes(encoded(seed))
    time.sleep(0.02)  # what was written in the same tick of the clock as the first look at it is read again
    return root


@pytest.fixture
def deadly(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """A module whose `look` dies on files with segv, kill, loop or alloc in their names."""
    folder = tmp_path / "modules"
    folder.mkdir()
    (folder / "deadly_look.py").write_text(DEADLY)
    monkeypatch.syspath_prepend(str(folder))
    import deadly_look

    return deadly_look


@pytest.fixture(scope="session")
def times() -> int:
    """How many times the usual number of trials."""
    return count(1, 10)


@pytest.fixture(scope="session")
def data() -> Path:
    """The folder of real test data; tests that need it skip without it."""
    folder = Path(os.environ.get("BENZER_TEST_DATA") or PROJECT.parent / "shared" / "data")
    if not folder.is_dir():
        pytest.skip(f"no test data at {folder} (set BENZER_TEST_DATA)")
    return folder


@pytest.fixture
def kept(home, encoded, reporter):
    """A collection of ten pictures of its own, two rejects and a copy, closed."""
    files = [(f"{seed}.png", encoded(seed)) for seed in range(10)]
    import_files(home, "Kept", [*files, ("x.txt", b"x"), ("y.png", b""), ("again.png", encoded(3))], Reporter())
    return Collection.open(home, "kept")


@pytest.fixture
def fresh(tmp_path: Path, encoded) -> Callable[[], tuple[Path, Path]]:
    """fresh() -> a chosen folder with cats/1.png, and a secret one that looks the same, with other contents."""

    def make() -> tuple[Path, Path]:
        for path in tmp_path.iterdir():
            removed(path)
        for name, seed in (("chosen", 1), ("secret", 2)):
            (tmp_path / name / "cats").mkdir(parents=True)
            (tmp_path / name / "cats" / "1.png").write_bytes(encoded(seed))
            (tmp_path / name / "2.png").write_bytes(encoded(10 + seed))
        (tmp_path / "secret" / "cats" / "told.png").write_bytes(encoded(3))
        return tmp_path / "chosen", tmp_path / "secret"

    return make


@pytest.fixture
def chosen(fresh: Callable[[], tuple[Path, Path]]) -> Path:
    return fresh()[0]


@pytest.fixture
def secret(chosen: Path) -> Path:
    return chosen.with_name("secret")
