"""Public data sets: where they are, the pinned hashes of their files, and how they are read.

Sources of addresses and hashes: the publishers' pages, as torchvision 0.2x pins them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from engine.collections.report import ImportReport
from engine.collections.sources import layouts
from engine.collections.sources.importing import check_free, import_items
from engine.collections.sources.items import Item
from engine.core.download import Remote, fetch
from engine.core.errors import BadParameter, NotFound
from engine.core.home import Home
from engine.core.progress import Reporter

_FLOWERS = "https://www.robots.ox.ac.uk/~vgg/data/flowers/102/"
_BY_HAND = "Requires an account. Download the ZIP at {url}, then add it as a collection without unpacking it. {then}"


@dataclass(frozen=True)
class Known:
    """A data set: its description, its files, and their reader. Without files it has to be downloaded by hand, as
    `instructions` say."""

    name: str
    title: str
    summary: str
    images: int
    files: tuple[Remote, ...] = ()
    read: Callable[[list[Path], Path], Iterator[Item]] | None = None
    instructions: str = ""

    @property
    def megabytes(self) -> int:
        """The size of the download."""
        return sum(file.megabytes for file in self.files)


def _by_hand(name: str, title: str, summary: str, images: int, url: str, then: str) -> Known:
    return Known(name, title, summary, images, instructions=_BY_HAND.format(url=url, then=then))


_ALL = (
    Known(
        "cifar-10",
        "CIFAR-10",
        "60,000 tiny photographs (32×32) of ten kinds of objects and animals",
        60_000,
        (
            Remote(
                "https://www.cs.toronto.edu/~kriz/cifar-10-binary.tar.gz",
                "sha256:c4a38c50a1bc5f3a1c5537f2155ab9d68f9f25eb1ed8d9ddda3db29a59bca1dd",
                171,
            ),
        ),
        layouts.cifar10,
    ),
    Known(
        "oxford-iiit-pet",
        "Oxford-IIIT Pet",
        "7,390 photographs of cats and dogs of 37 breeds",
        7_390,
        (
            Remote(
                "https://www.robots.ox.ac.uk/~vgg/data/pets/data/images.tar.gz",
                "md5:5c4f3ee8e5d25df40f4fd59a7f44e54c",
                792,
            ),
        ),
        layouts.oxford_pets,
    ),
    Known(
        "flowers-102",
        "Flowers-102",
        "8,189 photographs of 102 kinds of flowers",
        8_189,
        (
            Remote(_FLOWERS + "102flowers.tgz", "md5:52808999861908f626f3c1f4e79d11fa", 329),
            Remote(_FLOWERS + "imagelabels.mat", "md5:e0620be6f572b9609742df49c70aed4d", 1),
        ),
        layouts.flowers102,
    ),
    Known(
        "caltech-101",
        "Caltech-101",
        "8,677 photographs of 101 kinds of objects",
        8_677,
        (
            Remote(
                "https://data.caltech.edu/records/mzrjq-6wc02/files/caltech-101.zip",
                "md5:3138e1922a9193bfa496528edbbc45d0",
                138,
            ),
        ),
        layouts.caltech101,
    ),
    Known(
        "stl-10",
        "STL-10",
        "The 13,000 labelled photographs (96×96) of ten kinds of objects and animals",
        13_000,
        (
            Remote(
                "http://ai.stanford.edu/~acoates/stl10/stl10_binary.tar.gz",
                "md5:91f7769df0f17e558f3565bffb0c7dfb",
                2641,
            ),
        ),
        layouts.stl10,
    ),
    _by_hand(
        "animal-faces-photos",
        "Animal Faces",
        "Photographs of the faces of animals",
        0,
        "https://www.kaggle.com/datasets/andrewmvd/animal-faces",
        "The folder of each picture becomes its label.",
    ),
    _by_hand(
        "best-artworks",
        "Best Artworks of All Time",
        "8,355 works of fifty painters",
        8_355,
        "https://www.kaggle.com/datasets/ikarus777/best-artworks-of-all-time",
        "The painter's folder becomes the label; the archive's second, smaller versions get the label resized.",
    ),
    _by_hand(
        "fashion-products",
        "Fashion Product Images (Small)",
        "44,000 product pictures with labels and short texts",
        44_000,
        "https://www.kaggle.com/datasets/paramaggarwal/fashion-product-images-small",
        "For labels and texts, unpack it, make a CSV with the columns image, label and text from styles.csv "
        "(images/<id>.jpg, articleType, productDisplayName), and add that.",
    ),
)
KNOWN: dict[str, Known] = {known.name: known for known in _ALL}


def import_known(home: Home, name: str, reporter: Reporter, title: str = "") -> ImportReport:
    """Download missing files, verify and import them; the download is deleted afterwards.

    Raises:
        BadParameter: no such data set. NotFound: it has to be downloaded by hand; the way out says how.
        NameTaken: before anything is downloaded. Offline, Corrupt, StorageFull, Stopped.
    """
    known = KNOWN.get(name)
    if known is None:
        raise BadParameter("name", "a public data set", "one of " + ", ".join(KNOWN), name)
    if known.read is None:
        raise NotFound(f"{known.title} is not downloaded by Benzer.", way_out=known.instructions)
    title, source = title or known.title, {"kind": "known", "known": name, "summary": known.summary}
    check_free(home, title, source)
    folder = home.datasets / ".downloads"
    files = [fetch(file, folder, reporter) for file in known.files]
    report = _imported(home, title, source, known, files, reporter)
    for file in files:
        file.unlink(missing_ok=True)
    return report


def _imported(
    home: Home, title: str, source: dict[str, str], known: Known, files: list[Path], reporter: Reporter
) -> ImportReport:
    read = known.read
    assert read is not None
    return import_items(home, title, source, lambda staging: read(files, staging), reporter, total=known.images)
