"""The encoder that measured better than the default on a collection, stored beside it.

    datasets/<collection>/best_encoder.json   what `MeasuredBest` holds (sealed)

A damaged file counts as missing: the default takes over until the comparison is repeated.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path

from engine.core.errors import Corrupt
from engine.core.home import Home
from engine.core.storage import read_object, shape_checked, write_json

_FILE = "best_encoder.json"


@dataclass(frozen=True)
class MeasuredBest:
    """An encoder with the pooling under which it was measured.

    Attributes:
        figure: its precision@8. lead: its lead over the default on the same queries, as an interval.
        default: what it was compared with, as in "efficientnet-lite0/avg-sqrt".
    """

    encoder: str
    weights: str
    embedding: str
    figure: float
    lead: tuple[float, float]
    default: str


def measured_best(home: Home, collection: str) -> MeasuredBest | None:
    """The encoder that measured better than the default on that collection; None if none did."""
    path = home.datasets / collection / _FILE
    with suppress(FileNotFoundError, Corrupt), shape_checked(path):
        found = read_object(path, encoder=str, weights=str, embedding=str, figure=float, lead=list, default=str)
        low, high = map(float, found.pop("lead"))
        return MeasuredBest(**found, lead=(low, high))
    return None


def keep_best(folder: Path, best: MeasuredBest | None) -> None:
    """Store it beside the collection in that folder; None deletes the stored one."""
    if best is None:
        (folder / _FILE).unlink(missing_ok=True)
    else:
        write_json(folder / _FILE, asdict(best))
