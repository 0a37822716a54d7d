"""Reading the files of a source: in processes of this computer, or block by block on the nodes of a cluster.

A node reads the files through a folder mounted under the same path; only the process that holds the collection writes
the results into the catalogue.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

from engine.cluster.blocks import WorkerPool, require_seen, run_blocks, worker_pool
from engine.collections.reading import workers
from engine.collections.reading.worker_tasks import Failure, FileRef

BLOCK = 64  # files

Look = Callable[..., list[Any]]


class BlockReader:
    """A worker's function: reads a block of files in a process that may die; BenzerError for inaccessible folders."""

    def __init__(self, look: Look) -> None:
        self.look = look

    def __call__(self, block: list[FileRef]) -> list[Any]:
        require_seen(sorted({Path(file.root or Path(file.location).parent) for file in block}))
        return [result for _, result in workers.run(self.look, block, workers=1)]


def looked_at(look: Look, files: Iterable[FileRef], tick: Callable[[], None]) -> Iterator[tuple[FileRef, Any]]:
    """Each file with the result of `look`, in order; on the cluster selected by `$BENZER_RAY`, else here."""
    offered = iter(files)
    for first in offered:  # a cluster is joined when there is something to look at
        found, all_files = worker_pool(), itertools.chain([first], offered)
        yield from workers.run(look, all_files) if found is None else _on(found, look, all_files, tick)


def _on(
    worker_pool: WorkerPool, look: Look, files: Iterable[FileRef], tick: Callable[[], None]
) -> Iterator[tuple[FileRef, Any]]:
    for block, results in run_blocks(worker_pool, BlockReader, (look,), workers.chunks(files, BLOCK), tick):
        yield from zip(block, _seen_here(look, block, results), strict=True)


def _seen_here(look: Look, block: list[FileRef], results: list[Any]) -> list[Any]:
    """Retry inaccessible files once on this computer: network file systems show new files late."""
    late = [n for n, result in enumerate(results) if isinstance(result, Failure) and result.stage == "look"]
    for n, (_, result) in zip(late, workers.run(look, [block[n] for n in late]) if late else (), strict=True):
        results[n] = result
    return results
