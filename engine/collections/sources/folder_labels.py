"""Which folder of a path is the label: the innermost one whose name distinguishes pictures."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from itertools import takewhile

from engine.collections.sources.code_pages import WINDOWS, likeliest, page_of

# What data sets call folders that every class has: tiny-imagenet is train/n01443537/images/…
_SAME_EVERYWHERE = frozenset(
    b"images image imgs img pictures photos jpg jpeg png jpegimages "
    b"train training test testing val valid validation".split()
)

Parts = tuple[bytes, ...]


def label_of(key: bytes) -> str:
    """The name of the folder with the file, with single spaces as in every label; "" at the top."""
    folder = _folder(key)
    return _named(folder, _page([folder]))


def telling_labels(keys: Iterable[bytes], *, packed: bool = False) -> Callable[[bytes], str]:
    """The label of each of these files, by its key.

    Folders with the same name below every class, `cat/images` and `dog/images`, or `train` and `test`, are skipped if
    the folders above them distinguish more.

    Args:
        packed: whether they are in an archive: it may be packed with backslashes, and files directly in the one folder
            around everything have no label.
    """
    folders = sorted({_folder(key, packed) for key in keys} - {()})
    above_all = _depth(folders)
    chosen = _without_usual(_without_same({folder: folder for folder in folders}), above_all)
    around, page = _around(folders) if packed else (), _page(folders)

    def label(key: bytes) -> str:
        folder = _folder(key, packed)
        return "" if around and folder == around else _named(chosen.get(folder, folder), page)

    return label


def _without_same(chosen: dict[Parts, Parts]) -> dict[Parts, Parts]:
    """Without the last folder where it has the same name everywhere."""
    while len({folder[-1] for folder in chosen.values()}) == 1 and len({folder[:-1] for folder in chosen.values()}) > 1:
        if not all(len(folder) > 1 for folder in chosen.values()):
            break
        chosen = {own: folder[:-1] for own, folder in chosen.items()}
    return chosen


def _without_usual(chosen: dict[Parts, Parts], above_all: int) -> dict[Parts, Parts]:
    """Without last folders of usual names, where all their neighbours have such names, and labels are left: none is one
    of the first `above_all` folders, which are those of everything."""
    inside: dict[Parts, set[bytes]] = {}
    for folder in chosen.values():
        inside.setdefault(folder[:-1], set()).add(folder[-1].lower())
    passed_over = {above for above, names in inside.items() if len(above) > above_all and names <= _SAME_EVERYWHERE}
    shorter = {own: folder[:-1] if folder[:-1] in passed_over else folder for own, folder in chosen.items()}
    if shorter == chosen or len({folder[-1] for folder in shorter.values()}) < 2:
        return chosen
    return _without_usual(shorter, above_all)


def _depth(folders: list[Parts]) -> int:
    """How many folders all have in common; they come in order."""
    first, last = (folders[0], folders[-1]) if folders else ((), ())
    return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(first, last, strict=False)))


def _around(folders: list[Parts]) -> Parts:
    """The one folder around everything, where there are others in it; folders come in order."""
    first = folders[0] if len(folders) > 1 else ()
    return first if all(folder[: len(first)] == first for folder in folders) else ()


def _folder(key: bytes, windows: bool = False) -> Parts:
    path = key.split(b"\0")[0]
    path = path.replace(b"\\", b"/") if windows else path
    parts = [part for part in path.split(b"/") if part not in (b"", b".", b"..")]
    return tuple(parts[:-1])


def _named(folder: Parts, page: str) -> str:
    """The name of the last folder; one that is not UTF-8 is read by the code page, so that no two become the same."""
    return " ".join(folder[-1].decode(page_of(folder[-1], page), "replace").split()) if folder else ""


def _page(folders: Iterable[Parts]) -> str:
    """The likeliest code page of the names that are not UTF-8."""
    odd = {part for folder in folders for part in folder if not part.isascii() and page_of(part, "") == ""}
    return likeliest(b"\n".join(sorted(odd)), WINDOWS) if odd else "utf-8"
