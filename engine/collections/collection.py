"""A collection: a named pile of images with its catalogue, thumbnails, decoded pixels, vectors and indexes.

datasets/<name>/
    catalogue.sqlite    every file that was offered, its label, text, hash and fate; the thumbnails
    images/             files that were copied in (archives, uploads, samples), named by their content
    pixels/<side>/      the images decoded to squares, for training
    vectors/, indexes/  derived from the images by other rooms
"""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from engine.collections.catalogue import Catalogue, ImageRow, Reading
from engine.collections.folders import create_folder, delete_folder, hold
from engine.collections.images import Images, images_of, labels_of
from engine.collections.reading.regular_files import follows_links, read_bytes
from engine.collections.report import Reject
from engine.collections.seal import seal
from engine.core.cache import Cache, catalogue_stamp
from engine.core.errors import BadParameter, NotFound, UnreadableImage, checksum_mismatch
from engine.core.home import Home, slug
from engine.core.settings import check_text

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Collection", "ImageRecord", "Images"]

_STATES_KEPT = 3  # a million pictures take a third of a gigabyte
_RESCAN = "Rescan the collection to take note of what changed on disk."
_images: Cache[Images] = Cache(_STATES_KEPT)
_SHOWN = 10  # rows in a notebook
_COLUMNS = ("id", "name", "path", "label", "text", "width", "height", "bytes", "sha256")


@dataclass(frozen=True)
class ImageRecord:
    """One image; its size is in upright pixels and in bytes, and `path` is where the original is now."""

    id: int
    name: str
    path: Path
    label: str
    text: str
    width: int
    height: int
    bytes: int
    hash: str
    status: str


class Collection:
    """One collection. Cheap to open: everything is read from its catalogue on demand."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.name = folder.name
        self.catalogue = Catalogue(folder / "catalogue.sqlite")
        with self.catalogue.reading() as reading:
            self._facts = reading.facts()

    @classmethod
    def open(cls, home: Home, name: str) -> Collection:
        """The collection of that name; NotFound if it does not exist, Corrupt if its catalogue is damaged."""
        check_text("name", "a collection", name)
        folder = home.datasets / name
        proper = name == Path(name).name and not name.startswith(".")
        if not proper or not (folder / "catalogue.sqlite").is_file():
            raise NotFound(f"There is no collection {name!r}.")
        return cls(folder)

    @classmethod
    def create(cls, home: Home, title: str, source: Mapping[str, Any], name: str = "") -> Collection:
        """A new empty collection; NameTaken if the name (derived from the title) is in use."""
        name = name or slug(title)
        title = " ".join(title.split())[:120] or name
        facts = {"title": title, "source": dict(source), "created": time.time(), "complete": False}

        def fill(folder: Path) -> None:
            Catalogue.create(folder / "catalogue.sqlite", facts)
            (folder / "images").mkdir()

        return cls(create_folder(home.datasets / name, title, fill))

    @property
    def title(self) -> str:
        return str(self._facts["title"])

    @property
    def source(self) -> dict[str, Any]:
        """Where the images come from: `kind` (folder, archive, upload, csv, sample, known) and its details."""
        return dict(self._facts["source"])

    @property
    def follows_links(self) -> bool:
        """Whether links may lead out of the folder, as chosen at the import or set for this process."""
        return bool(self.source.get("links")) or follows_links()

    @property
    def watched(self) -> bool:
        """Whether changes in its folder are imported automatically."""
        return bool(self._facts.get("watched"))

    @property
    def looked_ns(self) -> int | None:
        """When the source was last compared with the catalogue, in nanoseconds; None if not recorded."""
        return self._facts.get("looked_ns")

    @property
    def reading(self) -> int:
        """The version of the picture reader that read the source's files last."""
        return int(self._facts.get("reading", 1))

    @property
    def complete(self) -> bool:
        """False during an import and after an interrupted one; importing the same source again finishes it."""
        return bool(self._facts["complete"])

    def __len__(self) -> int:
        with self.catalogue.reading() as reading:
            return reading.count().get("image", 0)

    def counts(self) -> dict[str, int]:
        """The numbers of usable images, copies and rejected files."""
        with self.catalogue.reading() as reading:
            found = reading.count()
        return {status: found.get(status, 0) for status in ("image", "copy", "rejected")}

    def labels(self) -> dict[str, int]:
        """The number of images by label, sorted by label; images without a label are left out."""
        return labels_of(self.images())

    def images(self, reading: Reading | None = None) -> Images:
        """The usable images as columns, read and verified once for each state of the catalogue; Corrupt."""
        stamp = catalogue_stamp(self.folder)
        if reading is None:
            with self.catalogue.reading() as reading:
                return self.images(reading)
        return _images.get((self.folder, stamp, reading.generation()), lambda: images_of(reading))

    def fingerprint(self) -> str:
        """Changes whenever an image is added, removed or changed: a digest over (id, content hash)."""
        images = self.images()
        text = "\n".join(f"{id} {hash}" for id, hash in zip(images.ids.tolist(), images.hashes, strict=True))
        return hashlib.sha256(text.encode()).hexdigest()

    def image(self, id: int) -> ImageRecord:
        """The record of one image; NotFound for an unknown id."""
        row = self._row(id)
        facts = (row.label, row.text, row.width, row.height, row.size, row.hash, row.status)
        return ImageRecord(row.id, row.name, self.path_of(row), *facts)

    def paths(self, ids: Iterable[int]) -> list[Path]:
        """Where the files of images are now, from one read of the catalogue; NotFound for an unknown id."""
        with self.catalogue.reading() as reading:
            return [self.path_of(self._row(id, reading)) for id in ids]

    def picture(self, id: int) -> bytes:
        """The bytes of the original file.

        Raises:
            NotFound: no such image, or its file or folder no longer exists.
            Corrupt: a file copied in at the import no longer matches its hash.
        """
        row = self._row(id)
        self.check_unmoved()
        try:
            data = read_bytes(self.path_of(row), self.root_of(row))
        except UnreadableImage as error:
            raise NotFound(
                f"The picture {row.name!r} can no longer be read: {error.message}", way_out=_RESCAN
            ) from error
        if row.stored and hashlib.sha256(data).hexdigest() != row.hash:
            raise checksum_mismatch(self.path_of(row))
        return data

    def thumbnail(self, id: int) -> bytes:
        """The thumbnail made at import, as WebP, longest side at most 256 pixels; NotFound for an unknown id."""
        with self.catalogue.reading() as reading:
            webp = reading.thumbnail(self._row(id, reading).hash)
        if webp is None:
            raise self.catalogue.damaged()
        return webp

    @contextmanager
    def thumbnails(self) -> Iterator[Callable[[str], bytes]]:
        """Reads thumbnails by content over one connection, for one thread: six times as fast as one by one."""
        with self.catalogue.reading() as reading:

            def read(content: str) -> bytes:
                if (webp := reading.thumbnail(content)) is None:
                    raise self.catalogue.damaged()
                return webp

            yield read

    def rejects(self) -> list[Reject]:
        """Every file that could not be used, with the reason."""
        with self.catalogue.reading() as reading:
            found = reading.having("status", "rejected")
        return [Reject(row.name, row.stage, row.code, row.message) for row in found]

    def rename(self, title: str) -> None:
        """Change the title; the name, which recipes and addresses use, stays."""
        slug(title)
        self.set_facts(title=" ".join(title.split())[:120])

    def remove(self) -> None:
        """Delete the collection and everything derived from it. Files referenced in place are not touched."""
        with self.alone():
            self.delete()

    def delete(self) -> None:
        """As `remove`, for a caller that already holds the lock. The collection disappears in one step."""
        delete_folder(self.folder)

    def rows(self, status: str = "") -> list[ImageRow]:
        """The catalogue's rows by id, all or those of one status; Corrupt if the catalogue is damaged."""
        with self.catalogue.reading() as reading:
            return reading.rows(status)

    def path_of(self, row: ImageRow) -> Path:
        """Where the file of a row is now."""
        if row.stored:
            return self.folder / "images" / row.stored
        return Path(self.source["folder"]) / os.fsdecode(row.key.split(b"\0")[0])

    def to_frame(self) -> pd.DataFrame:
        """One row for each picture, by id: name, path, label, text, width, height, bytes and sha256."""
        import pandas as pd

        rows = [
            (row.id, row.name, str(self.path_of(row)), row.label, row.text, row.width, row.height, row.size, row.hash)
            for row in self.rows("image")
        ]
        return pd.DataFrame(rows, columns=list(_COLUMNS))

    def _repr_html_(self) -> str:
        """The first pictures as a table, for notebooks; pandas escapes their names."""
        html: str = self.to_frame().head(_SHOWN)._repr_html_()
        return f"<p>{escape(repr(self))}</p>{html}"

    def __repr__(self) -> str:
        return f"<Collection {self.name}: {len(self):,} pictures>"

    def root_of(self, row: ImageRow) -> Path:
        """The folder, named without links, in which a row's file must lie."""
        if row.stored:
            return self._own_images
        folder = Path(self.source["folder"])
        return Path(folder.anchor) if self.follows_links else folder

    @cached_property
    def _own_images(self) -> Path:
        return (self.folder / "images").resolve()  # the home may be behind a link

    def check_source(self) -> None:
        """NotFound if the folder with the referenced images no longer exists."""
        folder = self.source.get("folder")
        if folder and not Path(folder).is_dir():
            raise NotFound(
                f"The folder {folder} of the collection {self.title!r} has vanished.",
                way_out="Put it back, or remove the collection.",
            )

    def check_unmoved(self) -> None:
        """NotFound if the folder of the images no longer exists, or became a link to another place unasked."""
        self.check_source()
        folder = self.source.get("folder")
        if folder and not self.follows_links and (real := os.path.realpath(folder)) != folder:
            raise NotFound(
                f"The folder {folder} of the collection {self.title!r} leads to {real} by a link now.",
                way_out=f"If the pictures were moved there: python -m engine relink {self.name} {real}",
            )

    def set_facts(self, **changes: Any) -> None:
        """Change facts about the collection as a whole."""
        with self.catalogue.writing() as writing:
            writing.set_facts(**changes)
            self._facts = writing.facts()
        seal(self.catalogue)

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Lock the collection for an import, a rescan or a removal; NotFound if it has been removed."""
        if not self.catalogue.path.exists():
            raise NotFound(f"There is no collection {self.name!r} any more.")
        with hold(self.folder, self.title):
            yield

    def _row(self, id: int, reading: Reading | None = None) -> ImageRow:
        if isinstance(id, bool) or not isinstance(id, int | np.integer):
            raise BadParameter("id", "a picture", "a whole number", id)
        if reading is None:
            with self.catalogue.reading() as reading:
                return self._row(id, reading)
        row = reading.row(int(id))
        if row is None or row.status == "rejected":
            raise NotFound(f"There is no picture {id} in the collection {self.title!r}.")
        return row
