"""Discovery of implementations: every module of a package that defines one is found, without registration."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
from functools import cache
from types import ModuleType
from typing import TypeVar

T = TypeVar("T")


@cache
def implementations(package: ModuleType, interface: type[T]) -> dict[str, type[T]]:
    """Every concrete class of `interface` that a module of `package` defines, by its `name`, in alphabetical order.

    Raises:
        ValueError: two classes claim the same name.
    """
    found: dict[str, type[T]] = {}
    for module in _modules(package):
        for _, thing in inspect.getmembers(module, inspect.isclass):
            if thing.__module__ != module.__name__ or not issubclass(thing, interface) or inspect.isabstract(thing):
                continue
            name = thing.__dict__.get("name")
            if name is None:
                continue
            if name in found:
                raise ValueError(f"{thing} and {found[name]} are both called {name!r}")
            found[name] = thing
    return dict(sorted(found.items()))


def _modules(package: ModuleType) -> list[ModuleType]:
    names = [m.name for m in pkgutil.iter_modules(package.__path__, package.__name__ + ".")]
    return [importlib.import_module(name) for name in names]
