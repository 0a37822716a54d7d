"""A folder on this computer as a source: its files in order, referenced in place. The sub-folder is the label."""

from __future__ import annotations

import contextlib
import os
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

from engine.collections.reading.regular_files import FOLLOW, entries, look
from engine.collections.reading.safely import SUFFIXES
from engine.collections.reading.worker_tasks import Failure
from engine.collections.sources.folder_labels import label_of, telling_labels
from engine.collections.sources.items import Item, dated
from engine.core.errors import BadParameter, NotFound, UnreadableImage

# What file managers, systems and storage devices leave behind, besides all folders that begin with a dot.
_JUNK = frozenset(
    name.lower()
    for name in (
        *(".DS_Store", "Thumbs.db", "ehthumbs.db", "desktop.ini", "__MACOSX", "@eaDir", "#recycle", "@Recycle"),
        *("$RECYCLE.BIN", "RECYCLER", "System Volume Information", "lost+found", "Icon\r", "@Recently-Snapshot"),
    )
)
_PREVIEWS = ".lrdata"  # the folders in which Lightroom keeps smaller versions of its pictures
_SIDECAR = ".xmp"


def real_path(path: str | Path, *, unlinked: bool = False) -> Path:
    """The absolute path without links; OSError, RuntimeError or ValueError if there is none.

    Args:
        unlinked: whether it was given without links, as one that was looked at before.

    Raises:
        NotFound: a link stands in its way now.
    """
    found = Path(path).expanduser().resolve(strict=True)
    if unlinked and found != Path(path):
        message = f"A link has been put in the place of {path}, or of a folder above it, so it is not read."
        raise NotFound(message, way_out="Choose the place that is meant.")
    return found


def checked_folder(folder: str | Path, *, unlinked: bool = False) -> Path:
    """The folder as an absolute path without links; `unlinked` as for `real_path`.

    Raises:
        NotFound: it does not exist. BadParameter: it is not a folder, or may not be read.
    """
    try:
        path = real_path(folder, unlinked=unlinked)
        with os.scandir(path):
            return path
    except NotADirectoryError as error:
        raise BadParameter("folder", "an import", "a folder", str(folder)) from error
    except PermissionError as error:
        raise BadParameter("folder", "an import", "a folder that may be read", str(folder)) from error
    except (OSError, RuntimeError, ValueError) as error:
        raise NotFound(f"There is no folder {str(folder)!r}.") from error


class Walk:
    """Every file below a folder, by name; anything but a regular file comes with a failure.

    Args:
        follow: whether links may lead out of the folder, and to other folders.
        own: folders to leave out: those in which Benzer keeps its own files.
    """

    def __init__(self, root: Path, *, follow: bool = False, own: Collection[Path] = ()) -> None:
        self._root, self._follow = root, follow
        self._bounds = Path(root.anchor) if follow else root  # outside of which nothing is read
        self._own = {str(path.resolve()) for path in own}
        self._left_out: Counter[str] = Counter()

    def items(self) -> list[Item]:
        """The files with their labels."""
        found = list(self._found())
        label = telling_labels(item.key for item in found)
        return [replace(item, label=label(item.key)) for item in found]

    def notes(self) -> list[str]:
        """How many hidden and system files and folders were left out, once `items` is exhausted."""
        return left_out_note(self._left_out)

    def _found(self) -> Iterator[Item]:
        # A stack of open folders, as folders may lie deeper than functions may call each other.
        stack = [self._opened(self._root, b"")]
        walked = {os.path.realpath(self._root)}
        while stack:
            found = next(stack[-1], None)
            if found is None:
                stack.pop()
            elif isinstance(found, Item):
                yield found
            elif not self._follow or os.path.realpath(found[0]) not in walked:
                walked |= {os.path.realpath(found[0])} if self._follow else set()
                stack.append(self._opened(*found))

    def _opened(self, folder: Path, prefix: bytes) -> Iterator[Item | tuple[Path, bytes]]:
        try:
            with entries(folder, self._bounds) as inside:
                found = [_Entry(os.fsencode(entry.name), _is_folder(entry), entry.is_symlink()) for entry in inside]
        except UnreadableImage as error:
            yield _failed(prefix or b".", error.code, error.message)
            return
        for entry in sorted(found):
            path = folder / os.fsdecode(entry.name)
            if is_junk(path.name, folder=entry.is_folder) or (entry.is_folder and str(path) in self._own):
                self._left_out[path.name] += 1
            else:
                yield from self._entry(entry, path, prefix + entry.name)

    def _entry(self, entry: _Entry, path: Path, key: bytes) -> Iterator[Item | tuple[Path, bytes]]:
        if entry.is_folder or (self._follow and path.is_dir()):
            if path.suffix.lower() in SUFFIXES:
                yield _failed(key, "folder", "This is a folder, although it is named like a picture.")
            yield path, key + b"/"
        elif entry.is_link and path.is_dir():
            yield _failed(key, "link", f"This is a link to a folder; {FOLLOW}.")
        elif path.suffix.lower() != _SIDECAR:  # tags and stars beside a picture are read with it
            yield file_item(self._bounds, path, key)


class _Entry(NamedTuple):
    """What lies in a folder: its name, and whether it is a folder itself or a link to anything."""

    name: bytes
    is_folder: bool
    is_link: bool


def _is_folder(entry: os.DirEntry[str]) -> bool:
    return entry.is_dir(follow_symlinks=False)


def names(root: Path) -> Iterator[str]:
    """The path of every file below `root`, with slashes, without reading any file."""
    waiting = [""]
    while waiting:
        below = waiting.pop()
        with contextlib.suppress(UnreadableImage), entries(root / below, root) as inside:
            for entry in inside:
                is_folder = _is_folder(entry)
                if is_junk(entry.name, folder=is_folder):
                    continue
                if is_folder:
                    waiting.append(f"{below}{entry.name}/")
                else:
                    yield below + entry.name


def is_junk(name: str, *, folder: bool = False) -> bool:
    """Whether a name is hidden or left behind by an operating system; a picture may begin with a dot."""
    if name.lower() in _JUNK or name.startswith(("._", ".Trash")):
        return True
    if folder and name.lower().endswith(_PREVIEWS):
        return True
    return name.startswith(".") and (folder or Path(name[1:]).suffix.lower() not in SUFFIXES)


def is_hidden(name: str) -> bool:
    """Whether a path inside an archive is left out, or is in a folder that is."""
    *above, last = name.replace("\\", "/").split("/")
    return is_junk(last) or any(is_junk(part, folder=True) for part in above if part not in (".", ".."))


def left_out_note(left_out: Mapping[str, int]) -> list[str]:
    """A sentence on what was left out, none if nothing was."""
    count = sum(left_out.values())
    if not count:
        return []
    shown = ", ".join(sorted(left_out)[:6]) + (", …" if len(left_out) > 6 else "")
    return [
        f"Left out: {count:,} hidden or system {'file or folder' if count == 1 else 'files and folders'} ({shown})."
    ]


def hidden_parts(names: Iterable[str]) -> Counter[str]:
    """The left-out ones of these paths inside an archive, by the name that is the reason."""
    parts: Counter[str] = Counter()
    for name in filter(is_hidden, names):
        *above, last = name.replace("\\", "/").split("/")
        parts[next((part for part in above if is_junk(part, folder=True)), last)] += 1
    return parts


def _failed(key: bytes, code: str, message: str) -> Item:
    return Item(key, label_of(key), failure=Failure("look", code, message))


def file_item(root: Path, path: Path, key: bytes) -> Item:
    """A file below `root` with its size and times; anything but a regular file comes with a failure."""
    try:
        facts = look(path, root)
    except UnreadableImage as error:
        return _failed(key, error.code, error.message)
    return dated(Item(key, location=str(path), root=str(root)), facts)
