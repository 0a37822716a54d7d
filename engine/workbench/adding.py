"""The part of the workbench that puts what ships, or a file, into the home at once, without a job."""

from __future__ import annotations

import tempfile
from pathlib import Path, PurePath

from engine.collections.samples.ready import unpack_sample
from engine.core.home import Home
from engine.encoders.networks import weights as pretrained


class AddingMethods:
    """Methods for adding the sample and weights, mixed into `Workbench`."""

    home: Home

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
