"""The plan of a study: search methods over one set of vectors, as a small frozen value."""

from __future__ import annotations

import inspect
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import product
from pathlib import Path
from typing import Any

from engine.core.distances import metric as known_metric
from engine.core.errors import BadParameter
from engine.core.recipe import MAX_K, parse_method
from engine.core.settings import Choice, Setting, Value, check_whole, checked_settings, print_call
from engine.core.storage import digest_of
from engine.indexes import methods

EXACT = "exact"
MOST_CELLS = 2000
_FILE = "file:"
_FIRST = ("effort", "largest")  # settings whose name precedes the number
_SAID_ITSELF = ("lookup", "further")  # choices whose options explain themselves
_ORDER = ["parts", "functions", "runs", "bits", "tables", "probes", "lookup", "further"]  # of settings in a title
_MOST_QUERIES, _MOST_VECTORS = 1_000_000, 2_000_000_000


@dataclass(frozen=True)
class StudyCell:
    """A row of the results: its key (stable as long as the same is measured), method, size, fold and draw."""

    key: str
    method: str
    size: int | None
    fold: int
    draw: int = 0


@dataclass(frozen=True)
class StudyPlan:
    """Search methods over one set of vectors; the form of its values is validated on construction.

    Exact search is the ground truth of every size and fold, and is always measured first.

    Attributes:
        title: of the study.
        source: "file:" and the absolute path of a file of vectors, or "collection/encoder@weights/embedding".
        metric: cosine or euclidean.
        methods: as in a recipe ("lsh(bits=16,tables=50)"); with `tune`, the methods to tune.
        neighbours: how many are judged (R). queries: how many are run at most. They are held out of the index, a fifth
            of the vectors at most, unless the file has its own queries.
        sizes: how many vectors are indexed, drawn with the seed; None for all.
        folds: with more than 1, cross-validation: each fold is the queries once, the others are indexed, and queries
            that come with a file are not used.
        seed: of all random draws. asked: the absolute path of a file of queries, "" for none.
        tune: the target recall for which settings are chosen first; None takes the methods as they are.
        draws: how often a method with random parts, such as the planes of LSH, is built, each time with another seed.
    """

    title: str
    source: str
    metric: str = "euclidean"
    methods: tuple[str, ...] = ()
    neighbours: int = 100
    queries: int = 1000
    sizes: tuple[int | None, ...] = (None,)
    folds: int = 1
    seed: int = 0
    asked: str = ""
    tune: float | None = None
    draws: int = 1

    def __post_init__(self) -> None:
        if not isinstance(self.title, str) or not 0 < len(self.title.strip()) <= 120:
            raise BadParameter("title", "a benchmark", "a text of 1 to 120 characters", self.title)
        known_metric(str(self.metric))
        self._check_source()
        methods, sizes = _list("methods", self.methods), _list("sizes", self.sizes)
        check_whole("number of neighbours", "a benchmark", self.neighbours, 1, MAX_K)
        check_whole("number of queries", "a benchmark", self.queries, 1, _MOST_QUERIES)
        check_whole("seed", "a benchmark", self.seed, 0, 2**31 - 1)
        check_whole("number of folds", "a benchmark", self.folds, 1, 100)
        check_whole("number of draws", "a benchmark", self.draws, 1, 20)
        for size in sizes:
            if size is not None:
                check_whole("size", "a benchmark", size, 2, _MOST_VECTORS)
        object.__setattr__(self, "methods", tuple(dict.fromkeys(map(canonical, methods))))
        object.__setattr__(self, "sizes", tuple(dict.fromkeys(sizes)) or (None,))
        if self.tune is not None and (type(self.tune) not in (int, float) or not 0 < self.tune <= 1):
            raise BadParameter("target recall", "a benchmark", "above 0 and at most 1", self.tune)
        if (count := len(self.cells())) > MOST_CELLS:
            raise BadParameter("number of settings", "a benchmark", f"at most {MOST_CELLS:,}", f"{count:,}")

    def _check_source(self) -> None:
        if not isinstance(self.source, str) or not isinstance(self.asked, str):
            raise BadParameter("source", "a benchmark", "a text", self.source)
        if self.source.startswith(_FILE):
            paths = [path for path in (self.source.removeprefix(_FILE), self.asked) if path]
            relative = [path for path in paths if not Path(path).is_absolute()]
            if relative or not paths:
                raise BadParameter("file", "a benchmark", "given by its absolute path", relative[0] if relative else "")
        elif self.asked:
            raise BadParameter("file of queries", "a benchmark", "left out with a collection", self.asked)
        elif self.source.count("/") != 2 or not all(self.source.split("/")):
            wanted = "file:PATH or collection/encoder@weights/embedding"
            raise BadParameter("source", "a benchmark", wanted, self.source)

    @property
    def file(self) -> Path | None:
        """The file of vectors, None if they are a collection's."""
        return Path(self.source.removeprefix(_FILE)) if self.source.startswith(_FILE) else None

    def cells(self) -> list[StudyCell]:
        """Every cell, size by size and fold by fold, exact search first."""
        methods = dict.fromkeys((EXACT, *self.methods))
        every = product(self.sizes, range(self.folds), range(self.draws), methods)
        return [self._cell(*one) for one in every if one[2] == 0 or is_random(one[3])]

    def _cell(self, size: int | None, fold: int, draw: int, method: str) -> StudyCell:
        drawn = (self.source, self.asked, self.metric, self.neighbours, self.queries, self.folds, self.seed)
        again = ("draw", draw) if draw else ()  # the keys of plans of before stay
        return StudyCell(digest_of(*drawn, size, fold, method, *again), method, size, fold, draw)

    def as_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return asdict(self) | {"methods": list(self.methods), "sizes": list(self.sizes)}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> StudyPlan:
        """The plan of `as_dict`; BadParameter for an unknown key or an invalid value."""
        if not isinstance(values, Mapping):
            raise BadParameter("plan", "a benchmark", "keys with values", values)
        unknown = sorted(set(values) - set(cls.__dataclass_fields__))
        if unknown:
            raise BadParameter("key", "a benchmark", "one of " + ", ".join(cls.__dataclass_fields__), unknown[0])
        return cls(**{"title": "", "source": "", **values})


def is_random(method: str) -> bool:
    """Whether building the method draws random numbers from a seed."""
    kind = methods().get(parse_method(method)[0])
    makers = [vars(one)["__init__"] for one in kind.__mro__ if "__init__" in vars(one)] if kind else []
    return any("seed" in inspect.signature(maker).parameters for maker in makers)


def file_source(path: Path) -> str:
    """How a plan names a file of vectors."""
    return _FILE + str(path.expanduser().absolute())


def canonical(method: str) -> str:
    """A method in canonical form, its settings sorted by name; BadParameter if it cannot be parsed."""
    if not isinstance(method, str):
        raise BadParameter("method", "a benchmark", "a text", method)
    name, options = parse_method(method)
    return print_call(name, tuple(sorted(dict(options).items())))


def check_methods(methods: Sequence[str]) -> None:
    """Raise BadParameter for an unknown method or setting, or a value out of range."""
    for method in methods:
        name, options = parse_method(method)
        checked_settings(_settings(name), dict(options), f"the method {name}")


def grid(
    names: Sequence[str],
    bits: Sequence[int] = (),
    tables: Sequence[int] = (),
    probes: Sequence[int] = (),
    parts: Sequence[int] = (),
    functions: Sequence[str] = (),
    lookup: str = "",
    further: str = "",
) -> tuple[str, ...]:
    """Every combination of settings that each method has; a method without bits is left as it is.

    Args:
        names: methods, possibly with settings ("hnsw(links=32)"). The others: values to try; an empty list leaves the
            setting to the method.

    Raises:
        BadParameter: no such method, or a value out of range.
    """
    lists: dict[str, Sequence[Value]] = {"bits": bits, "tables": tables, "probes": probes, "parts": parts}
    lists |= {"functions": functions, "lookup": (lookup,) if lookup else ()}
    lists |= {"further": (further,) if further else ()}
    found: dict[str, None] = {}
    for text in names:
        name, own = parse_method(text)
        tried = _tried(name, dict(own), lists)
        for values in product(*tried.values()):
            options = {**dict(own), **dict(zip(tried, values, strict=True))}
            found[print_call(name, tuple(sorted(options.items())))] = None
    check_methods(tuple(found))
    return tuple(found)


def title_of(method: str) -> str:
    """A method with its settings, for display.

    >>> title_of("lsh(tables=50,bits=16,lookup=buckets)")
    'LSH · 16 bits · 50 tables · in buckets'
    """
    name, options = parse_method(method)
    known = {setting.name: setting for setting in _settings(name)}
    title = methods()[name].title
    ordered = sorted(dict(options), key=lambda key: (_ORDER.index(key) if key in _ORDER else len(_ORDER), key))
    return " · ".join([title, *(_setting_text(known.get(key), key, dict(options)[key]) for key in ordered)])


def _setting_text(setting: Setting | Choice | None, name: str, value: Value) -> str:
    if isinstance(setting, Choice):
        return setting.options.get(str(value), str(value)).lower() if name in _SAID_ITSELF else f"{value} {name}"
    title = setting.title.lower() if setting else name
    if name in _FIRST:
        return f"{title} {value}"
    return f"{value} {title.removesuffix('s') if value == 1 else title}"


def _tried(name: str, own: Mapping[str, Value], lists: Mapping[str, Sequence[Value]]) -> dict[str, Sequence[Value]]:
    """The lists of values that apply to the method: probes apply to buckets, not to ranking."""
    known = {setting.name: setting for setting in _settings(name)}
    if "bits" not in known:
        return {}
    tried = {key: values for key, values in lists.items() if key in known and key not in own and values}
    lookup = known.get("lookup")
    used = own.get("lookup") or next(iter(tried.get("lookup", ())), lookup.default if lookup else "buckets")
    if used == "hamming":
        tried.pop("probes", None)
    return tried


def _settings(name: str) -> tuple[Setting | Choice, ...]:
    known = methods()
    if name not in known:
        raise BadParameter("method", "a benchmark", "one of " + ", ".join(known), name)
    return known[name].settings


def _list(name: str, values: Any) -> tuple[Any, ...]:
    if isinstance(values, str) or not isinstance(values, Sequence):
        raise BadParameter(name, "a benchmark", "a list", values)
    return tuple(values)
