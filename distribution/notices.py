"""Writes THIRD-PARTY-NOTICES.md: the licences of what the package needs, and of data that comes with it.

    python distribution/notices.py

The licences are those that the installed packages state themselves, for all of requirements.txt
and what these need in turn.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import suppress
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parent.parent
FILE = ROOT / "THIRD-PARTY-NOTICES.md"
_HEAD = """# Third-party notices

Benzer is under the [MIT licence](LICENSE). The packages below are not part of it;
they are installed beside it, each under its own licence, which it contains.

| package | licence |
|---|---|
"""
_NOT_SAID = {"OSI Approved", "UNKNOWN"}
_LONGEST = 80  # some packages state the whole text of their licence


def notices(root: Path = ROOT) -> str:
    """The text of the file, from the packages that are installed."""
    rows = [f"| {name} | {licence_of(found)} |" for name, found in sorted(needed(root).items())]
    texts = [f"\n## {path.parent.relative_to(root)}\n\n```text\n{path.read_text()}```\n" for path in _own_notices(root)]
    return _HEAD + "\n".join(rows) + "\n" + "".join(texts)


def needed(root: Path = ROOT) -> dict[str, Distribution]:
    """The installed packages of requirements.txt and all that they need here, by name."""
    lines = (root / "requirements.txt").read_text(encoding="utf-8").splitlines()
    waiting = [Requirement(text) for line in lines if (text := line.partition("#")[0].strip())]
    found: dict[str, Distribution] = {}
    seen: set[str] = set()
    while waiting:
        one = waiting.pop()
        if str(one) in seen:
            continue
        seen.add(str(one))
        with suppress(PackageNotFoundError):  # needed on other systems only
            package = found[canonicalize_name(one.name)] = distribution(one.name)
            waiting += _needs(package, one.extras)
    return found


def _needs(package: Distribution, extras: Iterable[str]) -> Iterator[Requirement]:
    for one in map(Requirement, package.requires or ()):
        if one.marker is None or any(one.marker.evaluate({"extra": extra}) for extra in ("", *extras)):
            yield one


def licence_of(package: Distribution) -> str:
    """The licence that a package states: as an expression, else by its classifiers, else in a word."""
    facts = package.metadata
    if expression := facts.get("License-Expression"):
        return expression
    classified = [line.rpartition(" :: ")[2] for line in facts.get_all("Classifier") or () if line[:7] == "License"]
    stated = (facts.get("License") or "").strip()
    stated = stated if len(stated) <= _LONGEST and "\n" not in stated else ""
    named = [name for name in dict.fromkeys([*classified, stated]) if name and name not in _NOT_SAID]
    return ", ".join(named[: len(classified) or 1]).replace("|", "/") or "see the package"


def _own_notices(root: Path) -> Iterator[Path]:
    yield from sorted((root / "engine").rglob("NOTICE"))


if __name__ == "__main__":
    FILE.write_text(notices(), encoding="utf-8")
