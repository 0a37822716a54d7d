"""The examples run as they stand against the installed wheel."""

from __future__ import annotations

import shutil

import numpy as np
import pytest
from PIL import Image

from tests.distribution.conftest import ROOT, Installed

pytestmark = pytest.mark.slow


@pytest.fixture
def prepared(installed: Installed) -> Installed:
    """Twenty pictures under two labels, vectors in a file, and the examples beside them."""
    rng = np.random.default_rng(3)
    for label, colour in (("red", (200, 40, 40)), ("blue", (40, 40, 200))):
        for number in range(4, 10):
            pixels = np.clip(rng.normal(colour, 20, (30, 30, 3)), 0, 255).astype(np.uint8)
            Image.fromarray(pixels).save(installed.folder / "Pile" / label / f"{number}.png")
    np.save(installed.folder / "vectors.npy", rng.normal(size=(300, 16)).astype(np.float32))
    shutil.copytree(ROOT / "examples", installed.folder / "examples")
    return installed


def test_search(prepared: Installed) -> None:
    out = prepared.run("python", "examples/search.py", "Pile", "Pile/red/1.png", "--encoder", "colour-histogram")
    assert "red/1.png" in out.splitlines()[1]
    assert "Exact search over 20 pictures" in out


def test_train(prepared: Installed) -> None:
    out = prepared.run("python", "examples/train.py", "Pile", "--epochs", "1", "--size", "32")
    assert out.splitlines()[0].endswith(": done")
    assert ".png" in out


def test_compare(prepared: Installed) -> None:
    lines = prepared.run("python", "examples/compare.py", "Pile").splitlines()
    assert len(lines) == 4
    assert lines[0].startswith("1.000  pile/")


def test_hashing(prepared: Installed) -> None:
    lines = prepared.run("python", "examples/hashing.py", "vectors.npy").splitlines()
    recalls = [float(line.split("recall ")[1].split(",")[0]) for line in lines]
    assert recalls == sorted(recalls, reverse=True)
    assert recalls[0] > 0.9
