"""How much disk a training takes, from the parameters of its network, before it starts."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from typing import Any

from engine.collections.collection import Collection
from engine.core.cache import Cache
from engine.core.humanize import file_size
from engine.encoders.networks.table import BACKBONES
from engine.training.config import TrainingConfig
from models.specs import RESIDUAL, SPECS

_NEIGHBOURS, _DIGITS = 8, 5.2  # stored of each picture of the probe after an epoch, and the characters of each
_NUMBER, _PICTURE = 11, 5_000  # characters of a number, and bytes of a picture, of the probe in TensorBoard
_STRIPS = 40_000  # characters of the six reconstructions after an epoch


_networks: Cache[tuple[int, int]] = Cache(32)


@dataclass(frozen=True)
class DiskUse:
    """Bytes on disk: `weights` of the encoder, `curves` and samples of all epochs, `pixels` of decoded pictures.

    `state` is what continuing needs: the whole network with the optimizer's moments. `kept`: whether it stays.
    `free`: what the disk has left.
    """

    weights: int
    state: int
    curves: int
    pixels: int
    kept: bool
    free: int

    @property
    def during(self) -> int:
        """The most while it trains: new weights and a new checkpoint are written before the former ones go."""
        return 2 * self.weights + 2 * self.state + self.curves + self.pixels

    @property
    def after(self) -> int:
        """What the run takes when it is finished, without the decoded pictures, which belong to the collection."""
        return self.weights + self.curves + (self.state if self.kept else 0)

    @property
    def fits(self) -> bool:
        """Whether the disk has room for it."""
        return self.during <= self.free

    def sentence(self) -> str:
        """For display, e.g. "Takes up to 41.2 MB of disk while it trains, 4.8 MB afterwards."."""
        decoded = f" ({file_size(self.pixels)} of it decoded pictures)" if self.pixels else ""
        short = "" if self.fits else f" The disk has {file_size(self.free)} left."
        most, then = file_size(self.during), file_size(self.after)
        return f"Takes up to {most} of disk while it trains{decoded}, {then} afterwards.{short}"


def disk_use(config: TrainingConfig, collection: Collection) -> DiskUse:
    """The disk that a training on a collection takes."""
    images = len(collection)
    learning = min(images, config.limit or images)
    network = config.network or SPECS[config.model]
    made_of = (config.objective, network, config.clusters, config.stepping, learning * config.clusters_itself)
    weights, state = _networks.get(made_of, lambda: _counted(config, learning))
    stored = collection.folder / "pixels" / str(config.size) / "current.json"
    pixels = 0 if stored.exists() else images * config.size**2 * 3
    an_epoch = min(config.probe, images) * _NEIGHBOURS * _DIGITS + (_STRIPS if config.reconstructs else 0)
    free = shutil.disk_usage(collection.folder).free
    projected = min(config.probe, images) * (_features(config) * _NUMBER + _PICTURE)
    return DiskUse(weights, state, int(config.epochs * an_epoch + projected), pixels, config.keep_state, free)


def _features(config: TrainingConfig) -> int:
    """The width of the vectors that it learns."""
    known: dict[str, Any] = {**BACKBONES, **RESIDUAL}
    return int(known[config.network].features) if config.network else SPECS[config.model].blocks[-1]


def _counted(config: TrainingConfig, images: int) -> tuple[int, int]:
    from engine.training.sizes import network_bytes

    return network_bytes(config, images)
