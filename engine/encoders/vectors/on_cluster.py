"""Embedding on the nodes of a cluster: each worker opens the encoder from its weights, decodes and encodes blocks.

Workers read the pictures and the weights from folders that every node sees under the same path. They never open the
catalogue (SQLite is unsafe on network file systems); only the process that holds the collection writes results.
"""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from engine.cluster.blocks import WorkerPool, require_seen, run_blocks
from engine.collections.collection import Collection
from engine.core.errors import BenzerError
from engine.core.home import Home
from engine.encoders import open_encoder
from engine.encoders.encoder import EncoderInfo
from engine.encoders.vectors import batches

BLOCK = 128  # images: whole batches, and about a second of work

Block = tuple[NDArray[np.int64], dict[str, NDArray[np.float32]], list[Any]]  # ids, vectors, undecodable images


@dataclass(frozen=True)
class Place:
    """The part of a collection that opening an encoder needs: its folder."""

    folder: Path


class BlockEncoder:
    """A worker's function: a block of pictures to vectors, through the single-computer pipeline.

    Raises:
        BenzerError: the node does not see the folders, or its encoder would compute different vectors.
    """

    def __init__(self, folder: Path, info: EncoderInfo, names: Sequence[str]) -> None:
        require_seen([folder])
        place = cast(Collection, Place(folder))
        self.encoder = open_encoder(info.name, info.weights, home_of(folder), place)
        self.names = names
        if self.encoder.info.fingerprint != info.fingerprint:
            raise BenzerError(
                f"The node {socket.gethostname()} would make other vectors with {info.title}: it has other weights, "
                "another precision or another version.",
                way_out="Every node needs the same code, the same kind of processor and the shared BENZER_HOME.",
            )

    def __call__(self, block: Any) -> Block:
        require_seen(block.folders)
        made = list(batches.encoded(self.encoder, block, self.names))
        ids = np.concatenate([np.zeros(0, np.int64), *(ids for ids, _ in made)])
        return (
            ids,
            {name: np.concatenate([some[name] for _, some in made]) for name in self.names if made},
            (block.failures),
        )


def encoded_on(
    pool: WorkerPool, folder: Path, info: EncoderInfo, pictures: Any, names: Sequence[str], tick: Callable[[], None]
) -> Iterator[Block]:
    """The vectors of a collection's pictures, block by block in order, computed by a worker pool."""
    blocks = pictures.parts(BLOCK)
    for _, found in run_blocks(pool, BlockEncoder, (folder, info, list(names)), blocks, tick):
        yield found


def home_of(folder: Path) -> Home:
    """The home of a collection's folder <home>/datasets/<collection>."""
    return Home(folder.parent.parent)
