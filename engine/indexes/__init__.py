"""Search methods: one file each; `methods()` discovers them."""

from __future__ import annotations

import os
import sys

from engine.core.discovery import implementations
from engine.core.errors import BadParameter
from engine.core.settings import Setting, Value, checked_settings
from engine.indexes.index import Index, Neighbours

# OpenMP's threads spin while they wait. Beside other busy processes (a training job, say) each parallel loop then costs
# a whole time slice, 8 ms; told to sleep instead, 7 µs. It is read once, when OpenMP is loaded.
os.environ.setdefault("OMP_WAIT_POLICY", "passive")

__all__ = [
    "Index", "Neighbours", "Setting", "approximate_methods", "first_of_each_family", "hashing_methods", "make_index",
    "methods",
]  # fmt: skip


def __getattr__(name: str) -> type[Index]:
    """The classes of the search methods, found when they are asked for: `indexes.LSH`, `indexes.Exact`."""
    for method in methods().values() if name[:1].isupper() else ():
        if method.__name__ == name:
            return method
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def methods() -> dict[str, type[Index]]:
    """Every search method by name."""
    return implementations(sys.modules[__name__], Index)


def approximate_methods() -> list[str]:
    """The names of the approximate methods, by rank."""
    found = sorted(methods().values(), key=lambda method: (method.rank, method.name))
    return [method.name for method in found if not method.reference]


def hashing_methods() -> list[str]:
    """The names of the approximate methods that hash, by rank."""
    return [name for name in approximate_methods() if methods()[name].family == "hashing"]


def first_of_each_family() -> list[str]:
    """Exact search, and the first approximate method of each family."""
    by_family: dict[str, str] = {}
    for name in approximate_methods():
        by_family.setdefault(methods()[name].family or name, name)
    return ["exact", *by_family.values()]


def make_index(method: str, metric: str, **options: Value) -> Index:
    """An empty index of that method.

    Raises:
        BadParameter: no such method or setting, a value out of range, or an unsupported metric.
    """
    known = methods()
    if not isinstance(method, str) or method not in known:
        raise BadParameter("method", "the search", "one of " + ", ".join(known), method)
    settings = checked_settings(known[method].settings, options, f"the method {method}")
    return known[method](metric, **settings)
