"""The screen of exact search on a GPU: products in single precision there, undecided vectors ranked on the CPU.

The bounds are those of `ProductScreen`; they hold for any order of the additions, and so on any device.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from engine.indexes.index import Ids, Vectors
from engine.indexes.table.ranking import ordered_lists
from engine.indexes.table.rows import Rows, RowTable
from engine.indexes.table.screening import ProductScreen, asked_of, rounding_of

_WORTH_IT = 10_000_000  # values from which the transfer to the GPU pays off
_SHARE_OF_MEMORY = 0.6
_SPARE = 64  # rows kept for each query in addition to k
_TILE_VALUES = 64_000_000  # distances per block on the GPU
_QUERIES = 1024


class CudaScreen(ProductScreen):
    """Vectors and products on the GPU, where undecided rows are selected; their exact ranking is on the CPU."""

    def __init__(self, table: RowTable, metric: str, device: str = "cuda") -> None:
        super().__init__(table, metric)
        self.device = device

    def build(self) -> Self:
        super().build()
        self._upload()
        return self

    def _upload(self) -> None:
        import torch

        self._vectors = torch.from_numpy(np.array(self.table.vectors)).to(self.device)
        self._upload_facts()

    def _upload_facts(self) -> None:
        import torch

        count = len(self.table.vectors)
        self._facts = torch.from_numpy(np.ascontiguousarray(self.facts[:, :count])).to(self.device)

    def write(self, rows: Rows) -> None:
        super().write(rows)
        if hasattr(self, "_vectors") and len(rows):
            import torch

            added = torch.from_numpy(np.array(self.table.vectors[rows])).to(self.device)
            self._vectors = torch.cat([self._vectors, added])
            self._upload_facts()

    def forget(self, rows: Rows) -> None:
        super().forget(rows)
        self._upload_facts()

    def search(self, queries: Vectors, distances: NDArray[np.float64], rows: Rows) -> Ids:
        compared = np.full(len(queries), -1, dtype=np.int64)
        for i in range(0, len(queries) if self.fits else 0, _QUERIES):
            part = slice(i, i + _QUERIES)
            self._ask(queries[part], distances[part], rows[part], compared[part])
        return compared

    def _ask(self, queries: Vectors, distances: NDArray[np.float64], rows: Rows, compared: Ids) -> None:
        import torch

        k = distances.shape[1]
        asked = asked_of(queries, self.metric, self.centre)
        gammas, slacks = rounding_of(asked, self.centre, self.table.dimensions)
        points = torch.from_numpy(asked.points.astype(np.float32)).to(self.device)
        lows, ups, found = self._nearest(points, torch.from_numpy(gammas).to(self.device)[:, None], k + _SPARE)
        kth = np.sort(ups, axis=1)[:, min(k, ups.shape[1]) - 1]
        limits = kth + slacks[:, 0] + slacks[:, 1] * np.abs(kth)
        # Proven only if what was not kept lies beyond the limit; with all rows kept there is nothing else.
        proven = asked.usable & ((lows[:, -1] > limits) | (lows.shape[1] == len(self.table.vectors)))
        lists = [
            row[(low <= limit) & np.isfinite(low)] if good else row[:0]
            for row, low, limit, good in zip(found, lows, limits, proven, strict=True)
        ]
        distances[:], rows[:] = ordered_lists(self.table, queries, lists, self.metric, k)
        compared[proven] = [len(row) for row, good in zip(lists, proven, strict=True) if good]

    def _nearest(self, points: Any, gammas: Any, wanted: int) -> tuple[NDArray, NDArray, NDArray]:
        """The (q, wanted) smallest lower bounds, ascending, with the upper bounds and rows that belong to them."""
        import torch

        square, scale, length = self._facts
        step = max(wanted, _TILE_VALUES // max(len(points), 1))
        best: tuple[Any, Any, Any] | None = None
        with _full_precision():
            for first in range(0, len(self._vectors), step):
                part = slice(first, first + step)
                values = square[part] - 2 * scale[part] * (points @ self._vectors[part].T)
                margins = gammas * length[part]
                low, place = torch.topk(values - margins, min(wanted, values.shape[1]), largest=False)
                up = torch.gather(values + margins, 1, place)
                fresh = (low, up, place + first)
                best = fresh if best is None else _merged(best, fresh, wanted)
        assert best is not None
        lows, ups, rows = (part.cpu().numpy() for part in best)
        return lows, ups, rows

    def save(self, folder: Path) -> None:
        """Nothing to save: the data on the GPU is computed from the vectors."""


def _merged(best: tuple[Any, Any, Any], fresh: tuple[Any, Any, Any], wanted: int) -> tuple[Any, Any, Any]:
    import torch

    lows, ups, rows = (torch.cat(pair, dim=1) for pair in zip(best, fresh, strict=True))
    low, place = torch.topk(lows, min(wanted, lows.shape[1]), largest=False)
    return low, torch.gather(ups, 1, place), torch.gather(rows, 1, place)


@contextmanager
def _full_precision() -> Iterator[None]:
    """Products in true single precision, whatever is allowed for networks: the bounds rely on it."""
    import torch

    former = torch.get_float32_matmul_precision()
    torch.set_float32_matmul_precision("highest")
    try:
        yield
    finally:
        torch.set_float32_matmul_precision(former)


def cuda_screen(table: RowTable, metric: str) -> CudaScreen | None:
    """The screen on the first CUDA device; None if it is absent, too small, or not worth the transfer."""
    values = table.vectors.size
    # Importing torch takes seconds: only where a card's driver shows at all.
    if values < _WORTH_IT or not (Path("/dev/nvidiactl").exists() or Path("/dev/dxg").exists()):
        return None
    import torch

    if not torch.cuda.is_available() or 4 * values > _SHARE_OF_MEMORY * torch.cuda.mem_get_info()[0]:
        return None
    return CudaScreen(table, metric).build()
