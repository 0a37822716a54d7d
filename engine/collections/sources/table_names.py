"""Which file a line of a table refers to: by its path, however the system that wrote the table spells it.

Backslashes, case, composed and decomposed letters, surrounding blanks, `%20` and missing suffixes make no difference; a
path may lack its first folders, or have extra ones. Nothing is guessed: if two files match, neither is used.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator
from urllib.parse import unquote

from engine.collections.sources.dialects import bare
from engine.collections.sources.tables import has_picture_suffix, unharmed

_DRIVE = re.compile(r"^[a-zA-Z]:/")
_ADDRESS = re.compile(r"^[a-zA-Z][a-zA-Z0-9+.-]+://")
_FILE = re.compile(r"^file:/*", re.IGNORECASE)
_WHOLE = re.compile(r"(\d+)\.0+")


class Names:
    """The files of a folder, an upload or an archive, by their paths with slashes."""

    def __init__(self, names: Iterable[str]) -> None:
        self._paths: dict[str, list[str]] = {}
        self._last: dict[str, set[str]] = {}
        for name in dict.fromkeys(names):
            form = spelling(name)
            for known in {form, form.rsplit(".", 1)[0]} if has_picture_suffix(form) else {form}:
                self._paths.setdefault(known, []).append(name)
                self._last.setdefault(known.rsplit("/", 1)[-1], set()).add(known)

    def find(self, cell: str) -> list[str]:
        """The files that a cell may refer to: several if it is ambiguous, [] if none matches."""
        for text in dict.fromkeys(_forms(cell)):
            if found := self._found(text):
                return found
        return []

    def _found(self, cell: str) -> list[str]:
        form = spelling(cell)
        forms = [form] if form in self._paths else self._near(form)
        found = list(dict.fromkeys(name for known in forms for name in self._paths[known]))
        if cell in found:
            return [cell]
        # A name without suffix stands for a file with one only where no file has just that name.
        return [name for name in found if spelling(name) in forms] or found

    def _near(self, form: str) -> list[str]:
        same_end = self._last.get(form.rsplit("/", 1)[-1], set())
        return sorted(k for k in same_end if k.endswith("/" + form) or form.endswith("/" + k))


def is_address(cell: str) -> bool:
    """Whether a cell is an address of the web, or of another service."""
    return cell.startswith("data:") or (_ADDRESS.match(cell) is not None and not _FILE.match(cell))


def slashed(cell: str) -> str:
    """A path with slashes and without `./` before it."""
    return cell.replace("\\", "/").removeprefix("./")


def spelling(name: str) -> str:
    """A path without everything that operating systems spell differently.

    >>> spelling("C:\\\\Img\\\\A.PNG"), spelling("./img//./a.png")
    ('img/a.png', 'img/a.png')
    """
    path = _DRIVE.sub("", slashed(name))
    path = "/".join(part for part in map(bare, path.split("/")) if part not in ("", "."))
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", path).casefold())


def _forms(cell: str) -> Iterator[str]:
    """The cell as it stands, then undone what programs make of names: `'-a.png`, `file:///my%20cat.png`, 7.0 for 7."""
    yield cell
    yield unharmed(cell)
    yield unquote(_FILE.sub("", cell))
    if whole := _WHOLE.fullmatch(cell):
        yield whole[1]
