"""What was made of pixels before the reading of pictures changed is made again where they look otherwise now."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from engine.collections import pixels
from engine.collections.collection import Collection
from engine.collections.reading.colour_profile import rgb_profile
from engine.collections.reading.safely import shown_otherwise
from engine.collections.sources.importing import import_folder
from engine.core.home import Home
from engine.core.progress import Reporter
from engine.encoders import open_encoder
from engine.encoders.vectors import store
from engine.encoders.vectors.pipeline import embed_collection

ADOBE = rgb_profile((0.64, 0.33, 0.21, 0.71, 0.15, 0.06, 0.3127, 0.3290), (2.2,))
SRGB = rgb_profile(
    (0.64, 0.33, 0.30, 0.60, 0.15, 0.06, 0.3127, 0.3290), (2.4, 1 / 1.055, 0.055 / 1.055, 1 / 12.92, 0.04045)
)
PLAIN = Image.new("RGB", (20, 20), (200, 90, 40))
MEASURED = Image.fromarray(np.linspace(0, 1000, 400, dtype=np.float32).reshape(20, 20))


def saved(picture: Image.Image, format: str = "PNG", **options: Any) -> bytes:
    out = io.BytesIO()
    picture.save(out, format, **options)
    return out.getvalue()


SAME = [
    saved(PLAIN),
    saved(PLAIN, "JPEG"),
    saved(PLAIN, icc_profile=SRGB),
    saved(PLAIN.convert("L")),
    saved(PLAIN, "TIFF"),
]
OTHER = [
    saved(PLAIN, icc_profile=ADOBE),
    saved(PLAIN, "JPEG", icc_profile=ADOBE),
    saved(PLAIN.convert("RGBA"), icc_profile=SRGB),
    saved(PLAIN.quantize(4), icc_profile=ADOBE),
    saved(MEASURED, "TIFF"),
]


def test_which_pictures_look_otherwise() -> None:
    assert [shown_otherwise(data) for data in SAME] == [False] * 5
    assert [shown_otherwise(data) for data in OTHER] == [True] * 5


@pytest.fixture
def mixed(home: Home, tmp_path: Path) -> Collection:
    folder = tmp_path / "mixed"
    folder.mkdir()
    for number, data in enumerate(SAME + OTHER):
        (folder / f"{number}.png").write_bytes(data)
    assert import_folder(home, "Mixed", folder, Reporter()).added == 10
    return Collection.open(home, "mixed")


def test_only_these_are_encoded_again(home: Home, mixed: Collection, monkeypatch: pytest.MonkeyPatch) -> None:
    encoder = open_encoder("raw-pixels", "", home)
    with monkeypatch.context() as former:
        former.setattr(store, "READING", 1)
        assert embed_collection(mixed, encoder, ["flatten"], Reporter())["encoded"] == 10
    assert store.state(mixed, encoder.info, "flatten").ready
    done = embed_collection(mixed, encoder, ["flatten"], Reporter())
    assert (done["encoded"], done["kept"]) == (5, 5)
    assert embed_collection(mixed, encoder, ["flatten"], Reporter())["encoded"] == 0


def test_decoded_pixels_are_made_again(mixed: Collection, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as former:
        former.setattr(pixels, "READING", 1)
        pixels.decoded_pixels(mixed, 8, Reporter())
    asked: list[int] = []
    whole = pixels.Decoded.__init__

    def noted(self: Any, collection: Collection, ids: Any, size: int) -> None:
        asked.extend(ids)
        whole(self, collection, ids, size)

    monkeypatch.setattr(pixels.Decoded, "__init__", noted)
    ids, _ = pixels.decoded_pixels(mixed, 8, Reporter())
    assert sorted(ids.tolist()) == sorted(mixed.images().ids.tolist())
    assert len(asked) == 5
    pixels.decoded_pixels(mixed, 8, Reporter())
    assert len(asked) == 5
