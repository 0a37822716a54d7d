"""The part of the workbench for additions without a job: the shipped sample, weights, and uploaded files."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable
from pathlib import Path, PurePath

from engine.collections.reading.workers import preview_in_worker
from engine.collections.samples.ready import unpack_sample
from engine.collections.sources.spool import spooled
from engine.encoders.networks import weights as pretrained
from engine.workbench.part import Part


class AddingMethods(Part):
    """Methods for the sample, weights and uploaded files, mixed into `Workbench`."""

    def add_sample(self) -> str:
        """Put the sample that ships ready to search into the home, and return the name of its collection."""
        return unpack_sample(self.home)

    def add_weights(self, file: str, data: bytes) -> str:
        """Store the weights in a file's bytes as those of the network that they fit, and return its name.

        Raises:
            BadParameter: they fit no network. Unreadable: not plain tensors. Corrupt: a published name, another hash.
        """
        with tempfile.TemporaryDirectory(prefix="benzer-weights-") as folder:
            path = Path(folder) / (PurePath(file).name or "weights.pth")
            path.write_bytes(data)
            network = pretrained.network_of(path)
            pretrained.add(self.home, network, path)
        return network.name

    def preview(self, data: bytes, side: int = 640) -> bytes:
        """An external picture as a small upright WebP; UnreadableImage if it cannot be opened."""
        return preview_in_worker(data, side)

    def spool(self, files: Iterable[tuple[str, bytes]]) -> Path:
        """Store uploaded files where a job can read them: a new folder of numbered files with a list of their names.

        The job that imports them deletes the folder, unless it was stopped: then it can be restarted.

        Raises:
            StorageFull: none of the files is left behind.
        """
        return spooled(self.home.root / "jobs" / "uploads", files)
