"""The thesis's own figures, on SIFT-1M (10⁶ × 128) with 100 queries: Java, one Core i7, nodes as processes."""

from __future__ import annotations

BITS = (8, 16, 24, 32, 64)
TABLES = (50, 100, 150, 200)

Line = tuple[float | None, ...]  # one figure for each of BITS

# MAP@100, divided by what was returned; by method and tables.
MAP: dict[tuple[str, int], Line] = {
    ("pcah", 1): (0.92, 0.67, 0.19, 0.04, 0.04),
    ("spectral", 1): (0.94, 0.94, 0.94, 0.94, 0.94),
    ("itq", 1): (0.95, 0.91, 0.93, 0.94, 0.91),
    ("lsh", 100): (0.84, 0.79, 0.77, 0.78, 0.80),
    ("lsh", 200): (0.84, 0.83, 0.79, 0.81, 0.78),
    ("rdh", 50): (0.96, 0.94, 0.95, 0.77, 0.71),
    ("rdh", 100): (0.96, 0.95, 0.95, 0.86, 0.87),
    ("rdh", 150): (0.96, 0.96, 0.95, 0.93, 0.91),
    ("rdh", 200): (0.96, 0.96, 0.94, 0.94, 0.91),
}
# Milliseconds a query; RDH on ten nodes.
MILLISECONDS: dict[tuple[str, int], Line] = {
    ("lsh", 50): (3725.56, 237.30, 13.30, 1.97, 1.55),
    ("lsh", 100): (6751.53, 477.73, 33.78, 3.69, 3.62),
    ("lsh", 200): (8677.25, 1064.10, 60.62, 10.71, 9.25),
    ("rdh", 50): (291.92, 19.80, 2.88, 0.75, 0.86),
    ("rdh", 100): (414.99, 30.11, 4.58, 1.33, 1.86),
    ("rdh", 200): (550.31, 55.01, 6.56, 2.54, 3.91),
}
EXACT_MILLISECONDS = 765.58
# Same, different and selected functions at 32 bits: tables to (MAP, milliseconds).
FUNCTIONS: dict[str, dict[int, tuple[float, float]]] = {
    "same": {50: (0.77, 0.75), 100: (0.86, 1.33), 150: (0.93, 1.82), 200: (0.94, 2.54)},
    "different": {50: (0.85, 0.72), 100: (0.88, 1.39), 150: (0.92, 1.92), 200: (0.87, 2.51)},
    "selected": {50: (0.71, 0.50), 100: (0.84, 0.93), 150: (0.83, 1.39), 200: (0.90, 1.86)},
}
# Ten nodes against one: bits to the speed-up.
QUERY_SPEED_UP = {16: 11.89, 32: 2.40}
BUILD_SPEED_UP = {16: 10.30, 32: 11.08}
# Ten times the data: bits to how many times slower a query is.
SIZE_UP = {("rdh", 16): 4.96, ("rdh", 32): 9.22, ("lsh", 16): 11.66, ("lsh", 32): 12.54}
# 10-fold, 100 tables: bits to MAP, its deviation, and milliseconds on one node and on ten.
FOLDS = {16: (0.96, 0.003, 454.5, 34.4), 32: (0.92, 0.023, 4.35, 1.63), 64: (0.91, 0.015, 5.05, 2.16)}
