"""The command weights: the weights of ready-made networks."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import Any

from engine.cli.flags import OUTPUT, Commands, only, output_flags, refuse, yes_flag
from engine.cli.printing import confirmed, print_rows, progress_line
from engine.core.errors import BadParameter, BenzerError, Corrupt
from engine.core.home import Home
from engine.core.storage import file_digest
from engine.encoders import text_image
from engine.encoders.networks import packaged
from engine.encoders.networks import weights as pretrained
from engine.encoders.networks.table import BACKBONES, Backbone, backbone
from engine.encoders.timm_networks import PREFIX, timm_network, with_weights
from engine.encoders.towers import stored as towers
from engine.texts.published import FOLDER, PUBLISHED, Published, folder_of, intact, remove
from engine.workbench.workbench import Workbench

_ACTIONS = ("list", "download", "add", "delete")
_FORMER = {"fetch": "download", "remove": "delete"}


def register(commands: Commands) -> None:
    sub = commands.add("weights", command_weights, job="fetch")
    sub.add_argument("action", nargs="?", default="list", choices=_ACTIONS, type=_action, help="default: list")
    sub.add_argument("network", nargs="?", help="the network's name, as in the list")
    sub.add_argument("file", nargs="?", help="add: a .safetensors or .pth file; for clip-NAME a folder")
    yes_flag(sub)
    output_flags(sub)


def _action(word: str) -> str:
    return _FORMER.get(word, word)


def command_weights(arguments: argparse.Namespace) -> None:
    """List the weights of ready-made networks; download them, add them from a file, or delete them."""
    if arguments.action == "list":
        only(arguments, ("action", *OUTPUT), "weights list", "it lists all networks")
        return _list(arguments)
    refuse(arguments, OUTPUT, f"weights {arguments.action}", "only the list is a table")
    if not arguments.network:
        raise BadParameter("network", f"weights {arguments.action}", "named (see: python -m engine weights)", "nothing")
    if (arguments.action == "add") != bool(arguments.file):
        wanted = "given with `add` and with nothing else"
        raise BadParameter("file", f"weights {arguments.action}", wanted, arguments.file or "nothing")
    if arguments.network.startswith(towers.PREFIX):
        return _towers(arguments)
    if arguments.network in PUBLISHED:
        return _texts(PUBLISHED[arguments.network], arguments)
    run: dict[str, Callable[[Backbone, argparse.Namespace], None]]
    run = {"download": _download, "add": _add, "delete": _delete}
    return run[arguments.action](_network(arguments.network), arguments)


def _network(name: str) -> Backbone:
    return timm_network(name) if name.startswith(PREFIX) else backbone(name)


def _list(arguments: argparse.Namespace) -> None:
    header = ["network", "for", "state", "features", "top-1 %", "MB to download", "source", "licence"]
    rows = [_row(Home.default(), network) for network in BACKBONES.values()]
    rows += [_row(Home.default(), timm_network(name)) for name in _of_timm(Home.default())]
    rows += [_row_of_towers(Home.default(), name) for name in towers.names(Home.default())]
    print_rows(header, rows + [_row_of_texts(Home.default(), network) for network in PUBLISHED.values()], arguments)


def _of_timm(home: Home) -> list[str]:
    """timm's networks whose weights are here; none where timm is not, for then nothing is known of them."""
    from importlib.util import find_spec

    return with_weights(home) if find_spec("timm") else []


def _row(home: Home, network: Backbone) -> list[Any]:
    source, licence, state = network.package or network.remote.url, network.licence, "not here"
    try:
        card = pretrained.card(home, network)
    except Corrupt:
        card, state = None, "damaged"
    if card:
        source, licence = card.source, card.licence
        state = "ready" if pretrained.intact(home, card) else "damaged"
    elif state == "not here" and (path := pretrained.lying_about(network)):
        source, licence, state = path.name, "", f"in ${pretrained.FOLDER}"
    elif state == "not here" and (inside := packaged.file_of(network)) and inside.exists():
        state = "ready" if file_digest(inside) == network.sha256 else "damaged"
    figures = [network.features, network.top1 or "", network.megabytes]
    return [network.name, "pictures", state, *figures, source, licence]


def _row_of_texts(home: Home, network: Published) -> list[Any]:
    """That of a network for texts; its place is a package or a folder where it was not fetched."""
    folder = folder_of(home, network)
    state = "not here" if folder is None else "ready" if intact(folder, network) else "damaged"
    fetched = folder is None or folder.is_relative_to(home.pretrained)
    source = network.place if fetched else str(folder)
    return [network.name, "texts", state, network.width, "", network.megabytes, source, network.licence]


def _row_of_towers(home: Home, name: str) -> list[Any]:
    try:
        found = towers.opened(home, name)
    except (BenzerError, OSError):
        return [name, "pictures and texts", "damaged", "", "", "", "your own files", ""]
    return [name, "pictures and texts", "ready", "", "", "", found.card.title, found.card.licence]


def _download(network: Backbone, arguments: argparse.Namespace) -> None:
    if network.name.startswith(PREFIX):
        raise BadParameter("network", "weights download", "one of torchvision's; for timm's, add a file", network.name)
    _fetch(network.name, network.title)


def _fetch(name: str, title: str) -> None:
    done = Workbench().run("fetch", progress_line(), network=name)
    print(f"The weights of {title} are installed (sha256 {done['sha256'][:12]}…).")


def _add(network: Backbone, arguments: argparse.Namespace) -> None:
    card = pretrained.add(Home.default(), network, Path(arguments.file).expanduser())
    print(f"The weights of {network.title} were added (sha256 {card.sha256[:12]}…).")


def _delete(network: Backbone, arguments: argparse.Namespace) -> None:
    if confirmed(f"the weights of {network.title}", arguments):
        there = pretrained.remove(Home.default(), network)
        print(
            f"Deleted the weights of {network.title}."
            if there
            else f"The weights of {network.title} are not installed."
        )


def _texts(network: Published, arguments: argparse.Namespace) -> None:
    """Download or delete a network for texts."""
    if arguments.action == "add":
        place = f"${FOLDER}/{network.name}"
        wanted = f"one for pictures; for this one, put model.safetensors and vocab.txt into {place}"
        raise BadParameter("network", "weights add", wanted, network.name)
    if arguments.action == "download":
        _fetch(network.name, network.title)
    elif confirmed(f"the weights of {network.title}", arguments):
        there = remove(Home.default(), network)
        print(
            f"Deleted the weights of {network.title}." if there else f"No weights of {network.title} were downloaded."
        )


def _towers(arguments: argparse.Namespace) -> None:
    """Add or delete a text-image encoder."""
    name = arguments.network
    if arguments.action == "download":
        raise BadParameter("network", "weights download", "one that is published; a text-image encoder is added", name)
    if arguments.action == "add":
        added = text_image.add(Home.default(), name, Path(arguments.file).expanduser())
        print(f"{added.title} was added: search with --encoder {name} --words …")
    elif confirmed(f"the text-image encoder {name}", arguments):
        there = towers.remove(Home.default(), name)
        print(f"Deleted {name}." if there else f"There is no text-image encoder {name}.")
