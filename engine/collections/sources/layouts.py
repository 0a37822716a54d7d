"""The layouts of public data sets: from their downloaded files to pictures with labels. No code in them is run."""

from __future__ import annotations

import os
import zipfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from engine.collections.reading.regular_files import opened, read_bytes
from engine.collections.sources import staged
from engine.collections.sources.archives import Archive, Limits
from engine.collections.sources.ingest import Drawing, drawings
from engine.collections.sources.items import Item
from engine.core.errors import Corrupt, UnreadableArchive

_LIMITS = Limits(members=200_000, bytes=16_000_000_000, member_bytes=512_000_000, ratio=1000)
_CIFAR_BATCHES = [f"data_batch_{number}.bin" for number in range(1, 6)] + ["test_batch.bin"]
FLOWERS = """pink primrose|hard-leaved pocket orchid|canterbury bells|sweet pea|english marigold|tiger lily|moon orchid|
bird of paradise|monkshood|globe thistle|snapdragon|colt's foot|king protea|spear thistle|yellow iris|globe-flower|
purple coneflower|peruvian lily|balloon flower|giant white arum lily|fire lily|pincushion flower|fritillary|red ginger|
grape hyacinth|corn poppy|prince of wales feathers|stemless gentian|artichoke|sweet william|carnation|garden phlox|
love in the mist|mexican aster|alpine sea holly|ruby-lipped cattleya|cape flower|great masterwort|siam tulip|
lenten rose|barbeton daisy|daffodil|sword lily|poinsettia|bolero deep blue|wallflower|marigold|buttercup|oxeye daisy|
common dandelion|petunia|wild pansy|primula|sunflower|pelargonium|bishop of llandaff|gaura|geranium|orange dahlia|
pink-yellow dahlia?|cautleya spicata|japanese anemone|black-eyed susan|silverbush|californian poppy|osteospermum|
spring crocus|bearded iris|windflower|tree poppy|gazania|azalea|water lily|rose|thorn apple|morning glory|
passion flower|lotus|toad lily|anthurium|frangipani|clematis|hibiscus|columbine|desert-rose|tree mallow|magnolia|
cyclamen|watercress|canna lily|hippeastrum|bee balm|ball moss|foxglove|bougainvillea|camellia|mallow|mexican petunia|
bromelia|blanket flower|trumpet creeper|blackberry lily""".replace("\n", "").split("|")


def cifar10(files: list[Path], staging: Path) -> Iterator[Item]:
    """CIFAR-10, the binary version: records of a label byte and 3 × 32 × 32 bytes by plane (Krizhevsky 2009)."""
    wanted = [*_CIFAR_BATCHES, "batches.meta.txt"]
    return drawings(_cifar10(_parts(files[0], staging, wanted)), staging)


def _cifar10(parts: dict[str, Path]) -> Iterator[Drawing]:
    names = _lines(parts["batches.meta.txt"])
    for batch in _CIFAR_BATCHES:
        records = _records(parts[batch], 1 + 3 * 32 * 32)
        for number, record in enumerate(records):
            label = _name(names, int(record[0]), batch)
            picture = Image.fromarray(record[1:].reshape(3, 32, 32).transpose(1, 2, 0).copy())
            yield f"{batch.removesuffix('.bin')}/{number:05d}.png", label, "", picture


def stl10(files: list[Path], staging: Path) -> Iterator[Item]:
    """STL-10's 13,000 labelled pictures: 3 × 96 × 96 bytes, plane by plane, column by column (Coates et al. 2011)."""
    wanted = ["class_names.txt", "train_X.bin", "train_y.bin", "test_X.bin", "test_y.bin"]
    return drawings(_stl10(_parts(files[0], staging, wanted)), staging)


def _stl10(parts: dict[str, Path]) -> Iterator[Drawing]:
    names = _lines(parts["class_names.txt"])
    for split in ("train", "test"):
        pictures, labels = _records(parts[f"{split}_X.bin"], 3 * 96 * 96), _records(parts[f"{split}_y.bin"], 1)
        if len(pictures) != len(labels):
            raise Corrupt(f"The file {split}_X.bin does not have one picture for each label.")
        for number, (record, [label]) in enumerate(zip(pictures, labels, strict=True)):
            picture = Image.fromarray(record.reshape(3, 96, 96).transpose(2, 1, 0).copy())
            yield f"{split}/{number:05d}.png", _name(names, int(label) - 1, split), "", picture


def oxford_pets(files: list[Path], staging: Path) -> Iterator[Item]:
    """Oxford-IIIT Pet: images/Breed_name_12.jpg; cats' breeds are written with a capital (Parkhi et al. 2012)."""
    for item in _pictures(files[0], staging):
        breed = Path(item.name).stem.rsplit("_", 1)[0]
        yield replace(item, label=breed.replace("_", " ").lower(), text="cat" if breed[:1].isupper() else "dog")


def flowers102(files: list[Path], staging: Path) -> Iterator[Item]:
    """Oxford Flowers 102: jpg/image_00001.jpg and a MATLAB vector of labels 1…102 (Nilsback and Zisserman 2008)."""
    from scipy.io import loadmat

    labels = loadmat(files[1], variable_names=["labels"])["labels"].ravel()
    for item in _pictures(files[0], staging):
        number = int(Path(item.name).stem.rsplit("_", 1)[-1])
        if not 1 <= number <= len(labels):
            raise Corrupt(f"The file {files[1].name} has no label for picture {number}.")
        yield replace(item, label=_name(FLOWERS, int(labels[number - 1]) - 1, files[1].name))


def caltech101(files: list[Path], staging: Path) -> Iterator[Item]:
    """Caltech 101: a tar inside a ZIP, one folder a category; the clutter category is left out (Fei-Fei 2004)."""
    inner = staging / "inner.tar.gz"
    with zipfile.ZipFile(files[0]) as archive:
        names = [name for name in archive.namelist() if name.endswith("101_ObjectCategories.tar.gz")]
        if not names:
            raise UnreadableArchive(f"The archive {files[0].name} does not hold 101_ObjectCategories.tar.gz.")
        with archive.open(names[0]) as source, staged.created(inner) as target:
            while block := source.read(1 << 20):
                target.write(block)
    for item in _pictures(inner, staging):
        if item.label == "BACKGROUND_Google":
            staged.remove(Path(item.location))
        else:
            yield replace(item, label=item.label.replace("_", " ").lower())


def _pictures(archive: Path, staging: Path) -> Iterator[Item]:
    """The archive's JPEG files; other files are ignored."""
    with Archive(archive.resolve(), _LIMITS) as packed:
        for item in packed.members(staging):
            if item.name.lower().endswith(".jpg"):
                yield item
            elif item.location:
                staged.remove(Path(item.location))


def _parts(archive: Path, staging: Path, wanted: list[str]) -> dict[str, Path]:
    """The wanted members of an archive, by their names without folders."""
    folder = staged.make_folder(staging / "parts")
    found: dict[str, Path] = {}
    with Archive(archive.resolve(), _LIMITS) as packed:
        for item in packed.members(folder):
            name = item.name.rsplit("/", 1)[-1]
            if name in wanted and item.location:
                found[name] = Path(item.location)
            elif item.location:
                staged.remove(Path(item.location))
    missing = [name for name in wanted if name not in found]
    if missing:
        raise UnreadableArchive(f"The archive {archive.name} does not hold {missing[0]}.")
    return found


def _records(path: Path, length: int) -> NDArray[np.uint8]:
    with opened(path, path) as file:
        size = os.fstat(file.fileno()).st_size
        if size == 0 or size % length:
            raise Corrupt(f"The file {path.name} does not consist of whole records of {length} bytes.")
        return np.memmap(file, np.uint8, mode="r").reshape(-1, length)


def _lines(path: Path) -> list[str]:
    return [line.strip() for line in read_bytes(path, path).decode().splitlines() if line.strip()]


def _name(names: list[str], number: int, where: str) -> str:
    if not 0 <= number < len(names):
        raise Corrupt(f"The labels of {where} point beyond the list of names.")
    return names[number]
