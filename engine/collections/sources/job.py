"""Importing as a job, from a plain dictionary of arguments."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from engine.collections.collection import Collection
from engine.collections.report import ImportReport
from engine.collections.sources import importing
from engine.collections.sources.archives import SUFFIXES
from engine.collections.sources.known import import_known
from engine.collections.sources.spool import discard, under_its_name, waiting
from engine.collections.sources.table_upload import import_table_upload
from engine.collections.sources.tables import Columns, is_table
from engine.collections.sources.uploads import is_archive
from engine.core.errors import BadParameter, NameTaken, NotFound, Unreadable
from engine.core.home import Home, home_of
from engine.core.progress import Reporter

_ENDINGS = sorted(SUFFIXES, key=len, reverse=True)  # .tar.gz before .gz

Source = Callable[[Home, str, Path, Reporter], ImportReport]


def import_pictures(arguments: dict[str, Any], reporter: Reporter) -> dict[str, Any]:
    """Make a collection from `source`: folder, archive, csv (each with `path`), upload (`spool`) or known (`name`).

    A `path` may be a link, unless it is `unlinked`: then it was named without links, and none is followed.
    """
    home, source, title = home_of(arguments), arguments["source"], arguments.get("title", "")
    if source == "known":
        return import_known(home, arguments["name"], reporter, title).to_dict()
    if source == "upload":
        return _import_upload(home, title, arguments, reporter).to_dict()
    follow, unlinked = (bool(arguments.get(key, False)) for key in ("follow_links", "unlinked"))
    paths: dict[str, Source] = {
        "folder": partial(importing.import_folder, follow=follow, unlinked=unlinked),
        "archive": partial(importing.import_archive, unlinked=unlinked),
        "csv": partial(importing.import_csv, follow=follow, unlinked=unlinked, columns=arguments.get("columns")),
    }
    if source not in paths:
        raise BadParameter("source", "an import", "one of " + ", ".join([*paths, "upload", "known"]), source)
    return paths[source](home, title, Path(arguments["path"]), reporter).to_dict()


def source_of(path: Path) -> str:
    """The `source` of an import from `path`: folder, csv (also a TSV) or archive."""
    if path.is_dir():
        return "folder"
    return "csv" if is_table(path.name) else "archive"


def title_of(path: Path) -> str:
    """The title of a collection from its source: a folder's whole name, a file's without its ending.

    >>> title_of(Path("2024.05.01 Holiday.tar.gz")), title_of(Path("/pictures/.hidden"))
    ('2024.05.01 Holiday', 'hidden')
    """
    name = path.name
    if not path.is_dir():
        suffix = next((end for end in _ENDINGS if name.lower().endswith(end)), path.suffix)
        name = name[: len(name) - len(suffix)]
    name = " ".join(name.strip(". ").encode("utf-8", "replace").decode().split())
    return name if any(map(str.isalnum, name)) else "Pictures"


def rescan(
    arguments: dict[str, Any], reporter: Reporter, first: Callable[[Collection], None] | None = None
) -> dict[str, Any]:
    """Import what was added to, changed in or deleted from a collection's source; see `importing.rescan`."""
    collection, verify = Collection.open(home_of(arguments), arguments["collection"]), bool(arguments.get("verify"))
    return importing.rescan(collection, reporter, verify=verify, first=first).to_dict()


def _import_upload(home: Home, title: str, arguments: dict[str, Any], reporter: Reporter) -> ImportReport:
    """Import the files of the spool; it is deleted unless a second attempt can continue from it."""
    spool = Path(arguments["spool"])
    try:
        report = _import_waiting(home, title, spool, reporter, arguments.get("columns"))
    except (Unreadable, NameTaken, BadParameter, NotFound):
        discard(spool)
        raise
    discard(spool)
    return report


def _import_waiting(home: Home, title: str, spool: Path, reporter: Reporter, columns: Columns | None) -> ImportReport:
    """A table with pictures or archives, one archive, or any mixture of pictures and archives."""
    files = waiting(spool)
    tables = [file for file in files if is_table(file[0])]
    if len(tables) == 1 and len(files) > 1:
        pictures = [file for file in files if file is not tables[0]]
        return import_table_upload(home, title, under_its_name(*tables[0]), pictures, reporter, columns)
    if len(files) == 1 and is_archive(files[0][0]):
        return importing.import_archive(home, title, under_its_name(*files[0]), reporter)
    return importing.import_files(home, title, files, reporter)
