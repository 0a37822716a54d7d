"""The vectors of a collection's texts on disk: one store for each encoder and fitted state.

text_vectors/<encoder>-<hash>/000007/
    ids.npy      (n,) int64, ascending: the images whose texts they are
    hashes.npy   (n,) the hash of each plain text, as ASCII
    matrix.npy   (n, d) float32, zeros for a text without a word
    words.npy    (sum of t, d) float16 the words' vectors, and starts.npy (n + 1,), where the encoder has such
    state.json   what the encoder learned from the texts (sealed), where it learns
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from engine.collections.collection import Collection
from engine.core.errors import Corrupt
from engine.core.home import slug
from engine.core.progress import Reporter
from engine.core.storage import digest_of, load_array, write_json
from engine.core.store import Snapshot, Store
from engine.texts.encoder import Encoded, TextEncoder, TextInfo, Words
from engine.texts.plain import plain, text_hash

_AT_ONCE = 256  # texts between two progress reports
_WORDS_AT_MOST = 2**30  # maximum bytes of word vectors per collection; above it only text vectors are kept


@dataclass(frozen=True)
class TextVectors:
    """Vectors of one generation: ids (n,), text hashes, (n, d) float32, and word vectors if available."""

    ids: NDArray[np.int64]
    hashes: list[str]
    matrix: NDArray[np.float32]
    words: Words | None
    digest: str


def fitted_to(encoder: TextEncoder, collection: Collection) -> TextEncoder:
    """The encoder fitted to a collection's texts; BadParameter if they contain nothing to learn from."""
    return encoder.fitted([plain(text) for text in collection.images().texts])


def embed_texts(collection: Collection, encoder: TextEncoder, reporter: Reporter) -> TextVectors:
    """Update and return the vectors of all texts of the collection; only new and changed texts are encoded.

    Raises:
        Stopped: on request; finished vectors are kept. StorageFull: likewise.
    """
    images = collection.images()
    hashes = [text_hash(text) for text in images.texts]
    texts = {hash: plain(text) for hash, text in zip(hashes, images.texts, strict=True)}
    held = _readable(collection, encoder.info)
    if held and held.hashes == hashes and np.array_equal(held.ids, images.ids):
        return held
    known = _by_hash(held) if held else {}
    try:
        _encode_missing([hash for hash in texts if hash not in known], texts, encoder, known, reporter)
    finally:
        rows = [row for row, hash in enumerate(hashes) if hash in known]
        _publish(collection, encoder, images.ids[rows], [hashes[row] for row in rows], known)
    found = stored(collection, encoder.info)
    if found is None:
        raise Corrupt("The vectors of the texts have vanished while they were made.", way_out="Try again.")
    return found


def stored(collection: Collection, info: TextInfo) -> TextVectors | None:
    """The stored vectors with every checksum verified, or None; Corrupt names a damaged file."""
    snapshot = _store(collection, info).open()
    return None if snapshot is None else _opened(snapshot)


_Known = dict[str, tuple[NDArray[np.float32], NDArray[np.float32] | None]]  # text hash → (d,) and (t, d)


def _encode_missing(
    missing: Sequence[str], texts: dict[str, str], encoder: TextEncoder, known: _Known, reporter: Reporter
) -> None:
    for start in range(0, len(missing), _AT_ONCE):
        reporter.update("Reading texts", start, len(missing), "texts")
        some = missing[start : start + _AT_ONCE]
        found = encoder.encode([texts[hash] for hash in some])
        known.update(zip(some, _rows(found, keeps_words(encoder.info, len(texts))), strict=True))
    reporter.update("Reading texts", len(missing), len(missing), "texts")


def keeps_words(info: TextInfo, texts: int) -> bool:
    """Whether the word vectors of that many texts are kept, given their size."""
    return bool(info.word_width) and texts * info.most * info.word_width * 2 <= _WORDS_AT_MOST


def _rows(encoded: Encoded, with_words: bool) -> list[tuple[NDArray[np.float32], NDArray[np.float32] | None]]:
    words = encoded.words if with_words else None
    return [(vector, None if words is None else words.of(row)) for row, vector in enumerate(encoded.vectors)]


def _by_hash(held: TextVectors) -> _Known:
    rows = enumerate(held.hashes)
    return {hash: (held.matrix[row], None if held.words is None else held.words.of(row)) for row, hash in rows}


def _publish(
    collection: Collection, encoder: TextEncoder, ids: NDArray[np.int64], hashes: list[str], known: _Known
) -> None:
    matrix = np.stack([known[hash][0] for hash in hashes] or [np.empty(encoder.info.width, np.float32)])[: len(hashes)]
    parts = [part for hash in hashes if (part := known[hash][1]) is not None]

    def fill(folder: Path) -> None:
        np.save(folder / "ids.npy", ids, allow_pickle=False)
        np.save(folder / "hashes.npy", np.array([hash.encode() for hash in hashes], dtype="S16"), allow_pickle=False)
        np.save(folder / "matrix.npy", matrix.astype(np.float32), allow_pickle=False)
        if len(parts) == len(hashes):
            words = Words.stacked(parts, encoder.info.word_width)
            np.save(folder / "words.npy", words.flat.astype(np.float16), allow_pickle=False)
            np.save(folder / "starts.npy", words.starts, allow_pickle=False)
        if encoder.state is not None:
            write_json(folder / "state.json", encoder.state)

    _store(collection, encoder.info).publish(fill, {"encoder": encoder.info.name})


def _store(collection: Collection, info: TextInfo) -> Store:
    key = f"{slug(info.name)}-{digest_of(info.name, info.fingerprint)}"
    return Store(collection.folder / "text_vectors" / key, format="text vectors", version=1)


def _readable(collection: Collection, info: TextInfo) -> TextVectors | None:
    try:
        return stored(collection, info)
    except Corrupt:
        return None


def _opened(snapshot: Snapshot) -> TextVectors:
    folder = snapshot.folder
    ids, hashes = load_array(folder / "ids.npy"), load_array(folder / "hashes.npy")
    words = None
    if (folder / "words.npy").exists():
        flat = load_array(folder / "words.npy").astype(np.float32)
        words = Words(flat, load_array(folder / "starts.npy"))
    matrix = load_array(folder / "matrix.npy", mmap_mode="r" if len(ids) else None)
    return TextVectors(ids, [hash.decode() for hash in hashes.tolist()], matrix, words, snapshot.digest)
