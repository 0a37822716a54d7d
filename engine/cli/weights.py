"""The command about the weights of ready-made networks: weights."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import Any

from engine.cli.printing import print_rows, progress_line
from engine.core.errors import BadParameter, Corrupt
from engine.core.home import Home
from engine.core.storage import file_digest
from engine.encoders.networks import packaged
from engine.encoders.networks import weights as pretrained
from engine.encoders.networks.table import BACKBONES, Backbone, backbone
from engine.encoders.timm_networks import PREFIX, timm_network, with_weights
from engine.texts.published import FOLDER, PUBLISHED, Published, folder_of, intact, remove
from engine.workbench.workbench import Workbench

_ACTIONS = ("list", "fetch", "add", "remove")


def weights_flags(sub: argparse.ArgumentParser) -> None:
    """The words of the command `weights`."""
    sub.add_argument("action", nargs="?", default="list", choices=_ACTIONS, help="default: list")
    sub.add_argument("network", nargs="?", help="the network's name, as in the list")
    sub.add_argument("file", nargs="?", help="add: a .safetensors or .pth file of its weights")


def command_weights(arguments: argparse.Namespace) -> None:
    """List the weights of ready-made networks; fetch them, add them from a file, or remove them."""
    if arguments.action == "list":
        return _list(arguments.json)
    if not arguments.network:
        raise BadParameter("network", f"weights {arguments.action}", "named (see: python -m engine weights)", "nothing")
    if (arguments.action == "add") != bool(arguments.file):
        wanted = "given with `add` and with nothing else"
        raise BadParameter("file", f"weights {arguments.action}", wanted, arguments.file or "nothing")
    if _done_for_texts(arguments.action, arguments.network):
        return None
    doing: dict[str, Callable[[Backbone, Any], None]] = {"fetch": _fetch, "add": _add, "remove": _remove}
    doing[arguments.action](_network(arguments.network), arguments.file)


def _network(name: str) -> Backbone:
    return timm_network(name) if name.startswith(PREFIX) else backbone(name)


def _list(as_json: bool) -> None:
    header = ["network", "for", "state", "features", "top-1 %", "MB to fetch", "source", "licence"]
    rows = [_row(Home.default(), network) for network in BACKBONES.values()]
    rows += [_row(Home.default(), timm_network(name)) for name in _of_timm(Home.default())]
    print_rows(header, rows + [_row_of_texts(Home.default(), network) for network in PUBLISHED.values()], as_json)


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


def _fetch(network: Backbone, file: None) -> None:
    if network.name.startswith(PREFIX):
        raise BadParameter("network", "weights fetch", "one of torchvision's; for timm's, add a file", network.name)

    done = Workbench().run("fetch", progress_line(), network=network.name)
    print(f"The weights of {network.title} are here (sha256 {done['sha256'][:12]}…).")


def _done_for_texts(action: str, name: str) -> bool:
    """Fetch or remove the network for texts of that name; False where it is none."""
    if name not in PUBLISHED:
        return False
    network = PUBLISHED[name]
    if action == "add":
        wanted = f"one for pictures; for this one, put model.safetensors and vocab.txt into ${FOLDER}/{name}"
        raise BadParameter("network", "weights add", wanted, name)
    if action == "remove":
        there = remove(Home.default(), network)
        print(f"Deleted the weights of {network.title}." if there else f"No weights of {network.title} were fetched.")
        return True
    done = Workbench().run("fetch", progress_line(), network=name)
    print(f"The weights of {network.title} are here (sha256 {done['sha256'][:12]}…).")
    return True


def _add(network: Backbone, file: str) -> None:
    card = pretrained.add(Home.default(), network, Path(file).expanduser())
    print(f"The weights of {network.title} are taken over (sha256 {card.sha256[:12]}…).")


def _remove(network: Backbone, file: None) -> None:
    there = pretrained.remove(Home.default(), network)
    print(f"Deleted the weights of {network.title}." if there else f"There are no weights of {network.title} here.")
