"""Encoding of pictures in batches, decoded ahead."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from engine.core.device import device, keep_freed_memory
from engine.core.errors import BadParameter, BenzerError
from engine.encoders.encoder import Encoder
from engine.encoders.pooling import embed, embedding, unfinished
from engine.encoders.vectors.derived import Derived
from engine.encoders.vectors.store import Finish

_BATCH = {"cpu": 16, "cuda": 256}
_CHUNKS_AHEAD = 4
Pixels = NDArray[np.uint8]
Picture = Image.Image | Pixels | Callable[[int], Pixels]
Chunk = tuple[NDArray[np.int64], Pixels]
Encoded = tuple[NDArray[np.int64], dict[str, NDArray[np.float32]]]  # ids (b,) and, per embedding, (b, d)


def squared(picture: Image.Image | Pixels, size: int) -> Pixels:
    """A picture stretched to (size, size, 3) uint8, with antialiasing, as a collection's pictures are."""
    if not isinstance(picture, Image.Image):
        if picture.ndim != 3 or picture.shape[2] != 3 or picture.dtype != np.uint8 or not picture.size:
            shape = f"{picture.shape} {picture.dtype}"
            raise BadParameter("shape of the picture", "an embedding", "(h, w, 3) uint8", shape)
        picture = Image.fromarray(picture)
    picture = picture.convert("RGB")
    if picture.size != (size, size):
        picture = picture.resize((size, size), Image.Resampling.BILINEAR, reducing_gap=3.0)
    return np.asarray(picture, dtype=np.uint8)


def embed_pictures(
    encoder: Encoder, pictures: Sequence[Picture], name: str, finish: Finish | None = None
) -> NDArray[np.float32]:
    """The (q, d) vectors of pictures (RGB, any size) under one embedding, post-processed like the stored ones.

    A picture may be a function that returns it stretched to a given size, for encoders that use several sizes.

    Raises:
        BadParameter: no picture, no such embedding, or an array that is not (h, w, 3) uint8.
        BenzerError: the encoder returned non-finite values.
    """
    embedding(name)
    if not len(pictures):
        raise BadParameter("number of pictures", "an embedding", "at least 1", 0)
    if (name != unfinished(name)) != (finish is not None):
        raise BadParameter("embedding", "a picture", "given with the post-processing that its name asks for", name)
    plain = unfinished(name)
    if isinstance(encoder, Derived):
        vectors = encoder.embed(pictures, plain)
    else:
        plain = plain if encoder.info.spatial else "flatten"  # as for a collection: GeM would clip negative values
        size = encoder.info.input_size
        squares = np.stack([picture(size) if callable(picture) else squared(picture, size) for picture in pictures])
        step = _BATCH["cpu"]
        parts = (squares[i : i + step] for i in range(0, len(squares), step))
        vectors = np.concatenate([encode_batch(encoder, part, [plain])[plain] for part in parts])
        if not np.isfinite(vectors).all():
            raise BenzerError(f"The encoder {encoder.info.title} gave values that are not numbers for this picture.")
    return vectors if finish is None else finish(vectors)


def encode_latent(encoder: Encoder, picture: Picture) -> NDArray[np.float32]:
    """The (C, h, w) float32 latent of one picture."""
    import torch

    size = encoder.info.input_size
    square = picture(size) if callable(picture) else squared(picture, size)
    image = torch.from_numpy(np.array(square)).to(device().name).permute(2, 0, 1).float().div_(255)
    with torch.inference_mode():
        latents = encoder.encode(image[None])
    found: NDArray[np.float32] = latents[0].float().cpu().numpy()
    return found


def batches(chunks: Iterator[Chunk], size: int) -> Iterator[Chunk]:
    """Regroup the rows into batches of `size`; only the last may be smaller."""
    ids: list[NDArray[np.int64]] = []
    pixels: list[Pixels] = []
    held = 0
    for some_ids, some_pixels in chunks:
        ids.append(some_ids)
        pixels.append(some_pixels)
        held += len(some_ids)
        if held >= size:
            all_ids, all_pixels = np.concatenate(ids), np.concatenate(pixels)
            whole = held - held % size
            for start in range(0, whole, size):
                yield all_ids[start : start + size], all_pixels[start : start + size]
            ids, pixels, held = [all_ids[whole:]], [all_pixels[whole:]], held - whole
    if held:
        yield np.concatenate(ids), np.concatenate(pixels)


def ahead(chunks: Iterator[Chunk], most: int = _CHUNKS_AHEAD) -> Iterator[Chunk]:
    """The same chunks, read by a thread at most `most` chunks ahead; its errors are raised here."""
    waiting: queue.Queue[Chunk | BaseException | None] = queue.Queue(most)
    abandoned = threading.Event()
    thread = threading.Thread(target=_fetch, args=(chunks, waiting, abandoned), name="ahead", daemon=True)
    thread.start()
    try:
        while (item := waiting.get()) is not None:
            if isinstance(item, BaseException):
                raise item
            yield item
    finally:
        abandoned.set()
        thread.join(timeout=10)


def _fetch(chunks: Iterator[Chunk], waiting: queue.Queue[Any], abandoned: threading.Event) -> None:
    """Put the chunks into the queue, then None, or the error that ended them."""
    try:
        for chunk in chunks:
            if not _put(waiting, chunk, abandoned):
                return
        _put(waiting, None, abandoned)
    except BaseException as error:
        _put(waiting, error, abandoned)


def _put(waiting: queue.Queue[Any], item: Any, abandoned: threading.Event) -> bool:
    """Wait for room in the queue and put the item in; False once the reader has abandoned it."""
    while not abandoned.is_set():
        with suppress(queue.Full):
            waiting.put(item, timeout=0.1)
            return True
    return False


def encoded(encoder: Encoder, chunks: Iterable[Chunk], names: Sequence[str]) -> Iterator[Encoded]:
    """Decoded pictures to vectors, batch by batch, while the next ones are decoded."""
    if device().name == "cpu":
        keep_freed_memory()
    for ids, pixels in batches(ahead(iter(chunks)), _BATCH[device().name]):
        yield ids, encode_batch(encoder, pixels, names)


def encode_batch(encoder: Encoder, pixels: Pixels, names: Sequence[str]) -> dict[str, NDArray[np.float32]]:
    """The vectors of (b, s, s, 3) uint8 pixels under each embedding."""
    import torch

    images = torch.from_numpy(pixels).to(device().name).permute(0, 3, 1, 2).float().div_(255)  # channels_last in memory
    with torch.inference_mode():
        latents = encoder.encode(images)
        return {name: embed(latents, name) for name in names}
