"""What all sessions share: the workbench, opened collections and their cards, and the latest jobs."""

from __future__ import annotations

from contextlib import suppress
from functools import cache
from pathlib import Path

from engine.collections.collection import Collection, Images
from engine.collections.listing import damaged
from engine.collections.sources.importing import check_free
from engine.core.cache import Cache, catalogue_stamp
from engine.core.errors import Corrupt, NotFound
from engine.jobs.job import Job
from engine.workbench.job_kinds import BACKGROUND, kinds_that_make
from engine.workbench.workbench import CollectionCard, Workbench

DEFAULT_K = 8
LAST = "benzer_last"  # the cookie with the choices that a new tab begins with; written by `ui/widgets/frame.js`

# What an address may name instead of a recipe; read by the pages.
OPENED = set(kinds_that_make("comparison", "classifier"))
_COLLECTIONS_KEPT = 8
_JOBS_SHOWN = 30
_PICTURE_SIDE = 640  # pixels, of an uploaded picture on a page

_images: Cache[Images] = Cache(_COLLECTIONS_KEPT)
_opened: Cache[Collection] = Cache(_COLLECTIONS_KEPT)
_cards: Cache[list[CollectionCard]] = Cache(1)
_damaged: Cache[list[tuple[str, str]]] = Cache(1)
_described: Cache[bool] = Cache(_COLLECTIONS_KEPT)


@cache
def workbench() -> Workbench:
    """The workbench of this server."""
    return Workbench()


def open_collection(name: str) -> Collection:
    """The collection of that name, kept open until it changes; NotFound if there is none."""
    return _opened.get((name, catalogue_stamp(workbench().home.datasets / name)), lambda: workbench().collection(name))


def images_of(name: str) -> Images:
    """The usable images of a collection, kept until it changes."""
    return _images.get(
        (name, catalogue_stamp(workbench().home.datasets / name)), lambda: open_collection(name).images()
    )


def gone_folder(name: str) -> str:
    """The folder that a collection's pictures are read from, where it no longer exists; else ""."""
    folder = str(open_collection(name).source.get("folder") or "")
    return folder if folder and not Path(folder).is_dir() else ""


def has_texts(name: str) -> bool:
    """Whether any usable image of a collection has a text, kept until it changes."""
    key = (name, catalogue_stamp(workbench().home.datasets / name))
    return _described.get(key, lambda: any(map(str.strip, images_of(name).texts)))


def free_name(title: str) -> None:
    """Raise NameTaken now instead of in the job, BadParameter for a title that yields no name.

    The name of an interrupted import is free, so that it can be resumed.
    """
    check_free(workbench().home, title)


def row_of(collection: str, id: int) -> int:
    """The row of an image in its collection; NotFound if it no longer exists."""
    row = images_of(collection).row(id)
    if row is None:
        raise NotFound(f"Picture {id} is no longer in this collection.", way_out="Choose another one below.")
    return row


def picture_name(collection: str, id: int) -> str:
    """The name of an image without its folder; of one that no longer exists its number."""
    images = images_of(collection)
    row = images.row(id)
    return f"picture {id}" if row is None else images.names[row].rpartition("/")[2]


def collection_cards() -> list[CollectionCard]:
    """A card for every collection, kept until one of them changes."""
    return _cards.get(_stamps(), workbench().collections)


def damaged_collections() -> list[tuple[str, str]]:
    """Collections that cannot be read, each with the reason, cached until one of them changes."""
    return _damaged.get(_stamps(), lambda: damaged(workbench().home))


def _stamps() -> tuple[object, ...]:
    folders = sorted(p for p in workbench().home.datasets.glob("*") if p.is_dir())
    return tuple((folder.name, catalogue_stamp(folder)) for folder in folders)


def recent_jobs(kind: str = "", most: int = _JOBS_SHOWN) -> list[Job]:
    """The latest jobs, all or of one kind, newest first: older ones only matter to the command line."""
    pattern = f"*-{kind}/config.json" if kind else "*/config.json"
    folders = sorted((path.parent for path in workbench().home.jobs.glob(pattern)), reverse=True)
    found = []
    for folder in folders[:most]:
        with suppress(OSError, Corrupt):
            job = Job(folder)
            if job.config:
                found.append(job)
    return found


def job_about(collection: str) -> Job | None:
    """The job that is changing a collection, if any; background jobs leave it unchanged."""
    for job in recent_jobs():
        arguments = job.config["arguments"]
        names = {arguments.get("collection"), arguments.get("name"), arguments.get("recipe", {}).get("collection")}
        if collection in names and job.kind not in BACKGROUND and job.alive:
            return job
    return None


def shown(data: bytes) -> str:
    """An uploaded picture as a small upright data URL; UnreadableImage if it cannot be opened."""
    import base64

    picture = workbench().preview(data, _PICTURE_SIDE)
    return "data:image/webp;base64," + base64.b64encode(picture).decode()
