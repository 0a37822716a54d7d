"""Trained runs on disk.

    weights/<run>/
        run.json               config, card, state, and the name and sha256 of the weights (sealed); the commit point
        weights-<hash>.safetensors   (shipped runs: weights.safetensors)
        events.jsonl           one line an epoch

The weights file that run.json names is whole and belongs to it: new weights are written under a new name first.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from engine.errors import BadParameter, Corrupt, NameTaken, NotFound, NotTrained
from engine.home import Home, slug
from engine.storage import append_line, lines, read_json, write_bytes, write_json

if TYPE_CHECKING:
    from torch import Tensor

FORMAT = 1


@dataclass(frozen=True)
class Run:
    """One trained run, read from its folder. `state`: training, done, stopped or failed."""

    folder: Path

    @property
    def name(self) -> str:
        return self.folder.name

    @property
    def facts(self) -> dict[str, Any]:
        """All of run.json; Corrupt when it has been damaged, NotFound when it is not there."""
        try:
            facts: dict[str, Any] = read_json(self.folder / "run.json")
        except FileNotFoundError:
            raise NotFound(f"There is no run {self.name!r}.") from None
        return facts

    @property
    def config(self) -> dict[str, Any]:
        """The training's settings, as TrainingConfig.as_dict gives them."""
        return dict(self.facts["config"])

    @property
    def card(self) -> dict[str, Any]:
        """How the weights were made: date, data, losses, versions; of shipped runs also quality and licence."""
        return dict(self.facts["card"])

    @property
    def state(self) -> str:
        return str(self.facts["state"])

    @property
    def model(self) -> int:
        return int(self.facts["config"]["model"])

    @property
    def ready(self) -> bool:
        """Whether there are weights to encode with."""
        return self.facts["weights"] is not None

    @property
    def digest(self) -> str:
        """The sha256 of the weights, "" while there are none."""
        weights = self.facts["weights"]
        return str(weights["sha256"]) if weights else ""

    def load(self) -> dict[str, Tensor]:
        """The weights in float32, their sha256 checked first.

        Raises:
            NotTrained: there are none yet. Corrupt: the file is missing or differs from what was stored.
        """
        from safetensors.torch import load

        weights = self.facts["weights"]
        if not weights:
            raise NotTrained(f"The run {self.name!r} has no weights yet.", way_out="Train it first.")
        path = self.folder / weights["file"]
        try:
            data = path.read_bytes()
        except FileNotFoundError:
            if self.facts["weights"] != weights:  # a training put better ones there in this moment
                return self.load()
            raise Corrupt(f"The file {path} is missing although it was stored.", way_out="Train again.") from None
        if hashlib.sha256(data).hexdigest() != weights["sha256"]:
            raise Corrupt(f"The file {path} has been damaged: it no longer matches its checksum.")
        return {name: tensor.float() for name, tensor in load(data).items()}

    def events(self) -> list[dict[str, Any]]:
        """What was noted of each epoch, oldest first; a line cut off by a crash is passed over."""
        return list(lines(self.folder / "events.jsonl"))

    def note(self, **facts: Any) -> None:
        """Add one line to the events."""
        append_line(self.folder / "events.jsonl", {"time": round(time.time(), 3), **facts})

    def keep(self, weights: Mapping[str, Tensor], **card: Any) -> None:
        """Make these weights the run's, in one step, and add facts to the card.

        Raises:
            StorageFull: the disk refused; the former weights are still the run's.
        """
        from safetensors.torch import save

        data = save({name: tensor.detach().cpu().contiguous() for name, tensor in weights.items()})
        digest = hashlib.sha256(data).hexdigest()
        file = f"weights-{digest[:12]}.safetensors"
        write_bytes(self.folder / file, data)
        self._write(weights={"file": file, "sha256": digest}, card=self.card | card)
        for path in self.folder.glob("weights-*.safetensors"):
            if path.name != file:
                path.unlink(missing_ok=True)

    def end(self, state: str, **card: Any) -> None:
        """Note how the training ended: done, stopped or failed."""
        self._write(state=state, card=self.card | card)

    def _write(self, **changes: Any) -> None:
        write_json(self.folder / "run.json", self.facts | changes)


def create(home: Home, name: str, config: Mapping[str, Any], card: Mapping[str, Any]) -> Run:
    """A new run without weights. NameTaken when there is one of that name, BadParameter when it cannot be a name."""
    if name != slug(name):
        raise BadParameter("name", "a run", "lower-case letters, digits and dashes", name)
    if any((root / name).exists() for root in _roots(home)):
        raise NameTaken(f"There is a run called {name!r} already.", way_out="Choose another name.")
    run = Run(home.weights / name)
    facts = {"format": FORMAT, "state": "training", "config": dict(config), "card": dict(card), "weights": None}
    write_json(run.folder / "run.json", facts)
    return run


def fresh_name(home: Home, base: str) -> str:
    """A name that no run has: the slug of `base`, a dash and the next free number."""
    number = 1
    while any((root / f"{slug(base)}-{number}").exists() for root in _roots(home)):
        number += 1
    return f"{slug(base)}-{number}"


def run(home: Home, name: str) -> Run:
    """The run of that name, the user's own before a shipped one; NotFound when there is none."""
    for root in _roots(home):
        if name == Path(name).name and (root / name / "run.json").exists():
            return Run(root / name)
    raise NotFound(f"There is no run {name!r}.", way_out="The trained runs are listed by: python -m engine encoders")


def runs(home: Home) -> list[Run]:
    """Every readable run: the user's own, newest first, then those that ship."""
    found: dict[str, Run] = {}
    for root in _roots(home):
        paths = sorted(root.glob("*/run.json"), key=lambda p: p.stat().st_mtime, reverse=True)
        for path in paths:
            if _readable(Run(path.parent)):
                found.setdefault(path.parent.name, Run(path.parent))
    return sorted(found.values(), key=lambda r: r.name == "default")


def _readable(run: Run) -> bool:
    try:
        return bool(run.facts["format"] == FORMAT)
    except (Corrupt, NotFound, KeyError):
        return False


def _roots(home: Home) -> list[Path]:
    return list(dict.fromkeys([home.weights, home.shipped_weights]))
