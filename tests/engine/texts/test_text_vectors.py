"""The vectors of a collection's texts: only what is new is encoded, what is stored is whole, stopping loses nothing."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from engine.core.errors import Corrupt, Stopped
from engine.core.progress import Reporter
from engine.texts import vectors as store
from engine.texts.encoder import Encoded, TextEncoder
from engine.texts.tf_idf import TfIdf
from engine.texts.vectors import embed_texts, fitted_to, stored

TEXTS = ["red shirt", "", "<p>blue&nbsp;bag</p>", "red shirt"]


class Shop:
    """A collection of texts."""

    def __init__(self, folder: Path, texts: Sequence[str]) -> None:
        self.folder, self.texts = folder, list(texts)

    def images(self) -> SimpleNamespace:
        return SimpleNamespace(ids=np.arange(10, 10 + len(self.texts)), texts=self.texts)


class Counting(TfIdf):
    """One that remembers what it was asked to encode."""

    asked: list[str]

    def encode(self, texts: Sequence[str]) -> Encoded:
        self.asked = [*getattr(self, "asked", []), *texts]
        return super().encode(texts)


def counting(shop: Shop) -> Counting:
    fitted = fitted_to(TfIdf(), shop)
    assert isinstance(fitted, TfIdf)
    return Counting(fitted.terms, fitted.idf)


def test_each_text_is_encoded_once(tmp_path: Path) -> None:
    shop = Shop(tmp_path, TEXTS)
    encoder = counting(shop)
    found = embed_texts(shop, encoder, Reporter())
    assert encoder.asked == ["red shirt", "", "blue bag"]
    assert found.ids.tolist() == [10, 11, 12, 13]
    assert np.array_equal(found.matrix[0], found.matrix[3])
    assert not found.matrix[1].any()
    assert found.words is not None
    assert found.words.of(1).shape == (0, 256)
    assert np.allclose(found.words.of(2), encoder.encode(["blue bag"]).words.of(0), atol=1e-3)  # type: ignore[union-attr]


def test_only_what_changed_is_encoded_again(tmp_path: Path) -> None:
    shop = Shop(tmp_path, TEXTS)
    encoder = counting(shop)
    embed_texts(shop, encoder, Reporter())
    encoder.asked = []
    shop.texts[1] = "blue shirt"
    found = embed_texts(shop, encoder, Reporter())
    assert encoder.asked == ["blue shirt"]
    assert np.array_equal(found.matrix[1], encoder.encode(["blue shirt"]).vectors[0])
    encoder.asked = []
    assert embed_texts(shop, encoder, Reporter()).digest == found.digest
    assert encoder.asked == []


def test_damage_is_noticed_and_repaired(tmp_path: Path) -> None:
    shop = Shop(tmp_path, TEXTS)
    encoder = counting(shop)
    found = embed_texts(shop, encoder, Reporter())
    [path] = tmp_path.rglob("matrix.npy")
    data = bytearray(path.read_bytes())
    data[-3] ^= 1
    del found
    path.write_bytes(bytes(data))
    with pytest.raises(Corrupt, match=r"matrix\.npy"):
        stored(shop, encoder.info)
    expected = encoder.encode(["red shirt", "", "blue bag", "red shirt"]).vectors
    assert np.array_equal(embed_texts(shop, encoder, Reporter()).matrix, expected)


def test_what_was_finished_before_a_stop_is_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store, "_AT_ONCE", 2)
    shop = Shop(tmp_path, TEXTS)
    encoder = counting(shop)

    class Impatient(Reporter):
        def update(self, stage: str, done: int, total: int, unit: str = "images", note: str = "") -> None:
            if done == 2:
                raise Stopped

    with pytest.raises(Stopped):
        embed_texts(shop, encoder, Impatient())
    encoder.asked = []
    assert len(embed_texts(shop, encoder, Reporter()).ids) == 4
    assert encoder.asked == ["blue bag"]


def test_of_many_texts_only_one_vector_each_is_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store, "_WORDS_AT_MOST", 1000)
    shop = Shop(tmp_path, TEXTS)
    assert embed_texts(shop, counting(shop), Reporter()).words is None


def test_ten_thousand_words_and_no_texts_at_all(tmp_path: Path) -> None:
    shop = Shop(tmp_path, ["word " * 10_000 + "end", "other"])
    encoder: TextEncoder = fitted_to(TfIdf(), shop)
    assert embed_texts(shop, encoder, Reporter()).matrix.shape == (2, 3)
    assert embed_texts(Shop(tmp_path, []), encoder, Reporter()).matrix.shape == (0, 3)
