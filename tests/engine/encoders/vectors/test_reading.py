"""What was made of pixels before the reading of pictures changed is made again where they look otherwise now."""

from __future__ import annotations

import io
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from engine.collections import pixels
from engine.collections.collection import Collection
from engine.collections.reading.colour_profile import rgb_profile
from engine.collections.reading.safely import decoded_differently
from engine.collections.sources.importing import import_folder, rescan
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
    assert [decoded_differently(data) for data in SAME] == [False] * 5
    assert [decoded_differently(data) for data in OTHER] == [True] * 5


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
    told = store.state(mixed, encoder.info, "flatten")
    assert (told.missing, told.stale, told.outdated, told.ready) == (5, 0, False, False)
    monkeypatch.setattr(store, "_READ_FOR_STATE", 9)
    told = store.state(mixed, encoder.info, "flatten")
    assert (told.missing, told.outdated, told.ready) == (0, True, False)
    done = embed_collection(mixed, encoder, ["flatten"], Reporter())
    assert (done["encoded"], done["kept"]) == (5, 5)
    assert store.state(mixed, encoder.info, "flatten").ready
    assert embed_collection(mixed, encoder, ["flatten"], Reporter())["encoded"] == 0


def test_where_nothing_looks_otherwise_the_vectors_are_kept(
    home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "plain").mkdir()
    (tmp_path / "plain" / "a.png").write_bytes(SAME[0])
    import_folder(home, "Plain", tmp_path / "plain", Reporter())
    plain, encoder = Collection.open(home, "plain"), open_encoder("raw-pixels", "", home)
    with monkeypatch.context() as former:
        former.setattr(store, "READING", 1)
        embed_collection(plain, encoder, ["flatten"], Reporter())
    assert store.state(plain, encoder.info, "flatten").ready
    monkeypatch.setattr(store, "_READ_FOR_STATE", 0)
    assert store.state(plain, encoder.info, "flatten").outdated
    done = embed_collection(plain, encoder, ["flatten"], Reporter())
    assert (done["encoded"], done["kept"]) == (0, 1)
    assert store.state(plain, encoder.info, "flatten").ready


def test_a_rescan_takes_in_what_an_earlier_version_could_not_read(
    home: Home, mixed: Collection, monkeypatch: pytest.MonkeyPatch
) -> None:
    row = mixed.rows("image")[9]
    with mixed.catalogue.writing() as writing:
        writing.replace(replace(row, status="rejected", stage="decode", code="malformed", hash="", message="No."))
        writing.set_facts(reading=1)
    report = rescan(Collection.open(home, "mixed"), Reporter())
    assert (report.changed + report.added, report.unchanged, len(report.rejects)) == (1, 9, 0)
    again = Collection.open(home, "mixed")
    assert [one.id for one in again.rows("image")] == [one.id for one in mixed.rows("image")]
    assert rescan(again, Reporter()).unchanged == 10


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
