"""Which screen an exact search uses: 8-bit codes, plain products, or a GPU's."""

from __future__ import annotations

from engine.indexes.table.rows import RowTable
from engine.indexes.table.screening import MAX_DIMENSIONS, CodeScreen, ProductScreen
from engine.indexes.table.screening_cuda import cuda_screen


def make_screen(table: RowTable, metric: str) -> CodeScreen | ProductScreen:
    """A GPU if available, else codes if they are tight enough, else products in single precision."""
    on_card = cuda_screen(table, metric)
    if on_card is not None:
        return on_card
    if table.dimensions <= MAX_DIMENSIONS:
        screen = CodeScreen(table, metric).build()
        if screen.helps():
            return screen
    return ProductScreen(table, metric).build()
