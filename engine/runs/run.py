"""One trained run on disk.

    weights/<run>/
        run.json               config, card, state, and the name and sha256 of the weights (sealed); the commit point
        weights-<hash>.safetensors   the best weights (shipped runs: weights.safetensors)
        events.jsonl           one line an epoch, and notes in between
        checkpoint/            a store: the last weights and the state needed to resume (see `state.py`)
        watch/                 a snapshot of each epoch (see `epochs.py`)
        tensorboard/           the same curves for TensorBoard
        lock                   held while it trains, so that "training" is exact even after a kill -9

The weights file that run.json names is whole and belongs to it: new weights are written under a new name first.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import time
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from filelock import FileLock, Timeout

from engine.core.cache import Cache
from engine.core.errors import BadParameter, Corrupt, NotFound, NotTrained, checksum_mismatch
from engine.core.locks import held
from engine.core.storage import (
    append_line,
    delete_folder,
    full_disk_named,
    lines,
    read_object,
    write_bytes,
    write_json,
)
from engine.runs.epochs import Probed, Watch, Watched

if TYPE_CHECKING:
    from torch import Tensor

FORMAT = 1
_FIELDS: dict[str, Any] = {"format": int, "state": str, "config": dict, "card": dict, "weights": (dict, type(None))}
SHIPPED = "default"  # the name of the weights that come with the code
MOST_OF_A_TITLE = 80  # characters
_JUST_WRITTEN = 2.0  # seconds in which a file may change again without another time
_known: Cache[dict[str, Any]] = Cache(8192)  # a page asks every run for a dozen facts


@dataclass(frozen=True)
class Run:
    """One trained run, read from its folder. `state`: training, done, stopped, failed, or interrupted (cut off)."""

    folder: Path

    @property
    def name(self) -> str:
        return self.folder.name

    @property
    def facts(self) -> dict[str, Any]:
        """All of run.json; Corrupt when it has been damaged, NotFound when it is not there."""
        path = f"{self.folder}/run.json"  # a Path would take longer than all the rest
        try:
            status = os.stat(path)
            if time.time() - status.st_mtime < _JUST_WRITTEN:
                return read_object(Path(path), **_FIELDS)
            stamp = (path, status.st_mtime_ns, status.st_size, status.st_ino)
            return dict(_known.get(stamp, lambda: read_object(Path(path), **_FIELDS)))
        except FileNotFoundError:
            raise NotFound(f"There is no run {self.name!r}.") from None

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
        """training, done, stopped, failed, or interrupted."""
        state = str(self.facts["state"])
        if state == "training" and not self.alive:
            again = str(self.facts["state"])  # it may have ended between the two checks
            return "interrupted" if again == "training" else again
        return state

    @property
    def alive(self) -> bool:
        """Whether a process is training it right now."""
        return held(self.folder / "lock")

    @property
    def title(self) -> str:
        """The displayed title: the name, unless the user has changed it."""
        return str(self.facts.get("title") or self.name)

    @property
    def trained_on(self) -> str:
        """The name of the collection it was trained on, "" if its card does not say."""
        return str(self.card.get("collection", {}).get("name", ""))

    @property
    def error(self) -> str:
        """The error message of a failed training, "" for any other."""
        return str(self.facts.get("error", ""))

    @property
    def job(self) -> str:
        """The id of the job that trained it last, "" if none did."""
        return str(self.facts.get("job", ""))

    @property
    def shipped(self) -> bool:
        """Whether it ships with the code and is therefore read-only."""
        return self.name == SHIPPED

    @property
    def epochs_done(self) -> int:
        """The number of finished epochs."""
        done = self.card.get("epochs_done", 0)
        return max([event["epoch"] for event in self.events()], default=int(done))

    @property
    def can_continue(self) -> bool:
        """Whether the training can resume from its last checkpoint, or from the start if it has none yet."""
        facts = self.facts
        return not (self.shipped or facts["state"] == "done" or facts.get("diverged") or self.alive)

    @property
    def can_prolong(self) -> bool:
        """Whether it can be trained for more epochs than planned, even after it finished."""
        return not (self.shipped or self.facts.get("diverged") or self.alive)

    @property
    def prolonged_after(self) -> int | None:
        """How many epochs were done when it was last extended, None if it never was."""
        after = self.facts.get("prolonged_after")
        return None if after is None else int(after)

    @property
    def size_bytes(self) -> int:
        """The size of the whole folder on disk; files that vanish meanwhile do not count."""
        total = 0
        for folder, _, files in os.walk(self.folder):
            for name in files:
                with suppress(FileNotFoundError):
                    total += (Path(folder) / name).lstat().st_size
        return total

    @property
    def model(self) -> int:
        """The number of its model, 1 to 4."""
        return int(self.facts["config"]["model"])

    @property
    def network(self) -> str:
        """The ready-made network that it trained, "" for one of Models 1–4."""
        return str(self.facts["config"].get("network", ""))

    @property
    def encoder(self) -> str:
        """The name of its encoder in a recipe."""
        return self.network or f"model-{self.model}"

    @property
    def learned_labels(self) -> bool:
        """Whether it learned from the labels of its collection."""
        return bool(self.card.get("labels"))

    @property
    def ready(self) -> bool:
        """Whether it has weights to encode with."""
        return self.facts["weights"] is not None

    @property
    def digest(self) -> str:
        """The sha256 of the weights, "" if it has none yet."""
        weights = self.facts["weights"]
        return str(weights["sha256"]) if weights else ""

    def load(self) -> dict[str, Tensor]:
        """The weights in float32, after their sha256 is verified.

        Raises:
            NotTrained: it has no weights yet. Corrupt: the file is missing or differs from what was stored.
        """
        from safetensors.torch import load

        return {name: tensor.float() for name, tensor in load(self.weights_data()).items()}

    def weights_data(self) -> bytes:
        """The verified content of the weights file; raises as `load` does."""
        weights = self.facts["weights"]
        if not weights:
            raise NotTrained(f"The run {self.name!r} has no weights yet.", way_out="Train it first.")
        path = self.folder / weights["file"]
        try:
            data = path.read_bytes()
        except FileNotFoundError:
            if self.facts["weights"] != weights:  # a training has just stored better ones
                return self.weights_data()
            raise Corrupt(f"The file {path} is missing although it was stored.", way_out="Train again.") from None
        if hashlib.sha256(data).hexdigest() != weights["sha256"]:
            raise checksum_mismatch(path)
        return data

    def events(self) -> list[dict[str, Any]]:
        """The events of each epoch, oldest first; a line cut off by a crash is skipped."""
        return [line for line in lines(self.folder / "events.jsonl") if isinstance(line.get("epoch"), int)]

    def notes(self) -> list[dict[str, Any]]:
        """Other events, each with its `kind`: "halved" (out of memory), "continued"."""
        return [line for line in lines(self.folder / "events.jsonl") if "kind" in line]

    def probe(self) -> Probed | None:
        """The pictures the training is judged by, None if it has no snapshots."""
        return self._watch.probe()

    def watched(self, epoch: int) -> Watched | None:
        """The snapshot of that epoch, None if there is none."""
        return self._watch.epoch(epoch)

    def watched_epochs(self) -> list[int]:
        """The epochs that `watched` knows, ascending; 0 is the untrained network."""
        return self._watch.epochs()

    def note(self, **facts: Any) -> None:
        """Append one line to the events."""
        append_line(self.folder / "events.jsonl", {"time": round(time.time(), 3), **facts})

    def keep(self, weights: Mapping[str, Tensor], **card: Any) -> None:
        """Replace the run's weights in one step and add facts to the card.

        Raises:
            StorageFull: the disk refused; the run keeps its previous weights.
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

    def end(self, state: str, epochs_done: int = 0, *, error: str = "", diverged: bool = False) -> None:
        """Record how the training ended: done, stopped or failed."""
        card = self.card | {"epochs_done": epochs_done}
        self._write(state=state, card=card, error=error, diverged=diverged)

    def rewind(self, epochs_done: int) -> None:
        """Discard the events of epochs after `epochs_done`, which will be repeated. −1 discards everything."""
        path = self.folder / "events.jsonl"
        kept = [line for line in lines(path) if line.get("epoch", line.get("epoch_begun", 0)) <= epochs_done]
        write_bytes(path, "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in kept).encode())
        for epoch in self._watch.epochs():
            if epoch > epochs_done:
                (self._watch.folder / f"{epoch:04d}.json").unlink(missing_ok=True)

    @contextmanager
    def training(self, job: str = "") -> Iterator[None]:
        """Lock the run while it trains; BadParameter if another process already does."""
        with self.locked():
            self._sweep()
            self._write(state="training", job=job, error="", diverged=False)
            yield

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Keep others from training the run; BadParameter if another process already does."""
        lock = FileLock(self.folder / "lock", timeout=2)
        try:
            with full_disk_named(f"the run {self.name}"):
                lock.acquire()
        except Timeout:
            raise BadParameter("run", "a training", "one that is not training right now", self.name) from None
        try:
            yield
        finally:
            lock.release()

    def _sweep(self) -> None:
        """Delete files left half-written by a kill; only for the holder of the lock."""
        for pattern in (".weights-*.part", ".events.jsonl.*.part", "watch/.*.part"):
            for path in self.folder.glob(pattern):
                path.unlink(missing_ok=True)

    def prolong(self, epochs: int) -> None:
        """Change the planned total number of epochs; BadParameter if fewer than are done."""
        if isinstance(epochs, bool) or not isinstance(epochs, int) or not self.epochs_done < epochs <= 10_000:
            wanted = f"a whole number from {self.epochs_done + 1} to 10000"
            raise BadParameter("epochs", f"the run {self.title}", wanted, epochs)
        changed = self.config | {"epochs": epochs}
        self._write(config=changed, state="stopped", prolonged_after=self.epochs_done)  # unfinished from now on

    def rename(self, title: str) -> None:
        """Change its title; its name, which recipes and links use, stays."""
        title = " ".join(title.split())
        if self.shipped or not 0 < len(title) <= MOST_OF_A_TITLE:
            raise BadParameter("title", "a run", f"a text of 1 to {MOST_OF_A_TITLE} characters", title)
        self._write(title=title)

    def remove(self) -> None:
        """Delete the run with its weights; BadParameter if it is training or ships with the code."""
        if self.shipped or self.alive:
            wanted = "one of your own that is not training right now"
            raise BadParameter("run", "deleting", wanted, self.name)
        delete_folder(self.folder, "run.json")

    def archive(self) -> bytes:
        """A ZIP of the best weights, the card and the events; NotTrained or Corrupt as for `load`."""
        weights, out = self.weights_data(), io.BytesIO()
        with zipfile.ZipFile(out, "w", zipfile.ZIP_STORED) as archive:
            archive.writestr(f"{self.name}/weights.safetensors", weights)
            digest = hashlib.sha256(weights).hexdigest()  # of these, even if a training has stored others since
            facts = self.facts | {"weights": {"file": "weights.safetensors", "sha256": digest}}
            archive.writestr(f"{self.name}/run.json", json.dumps(facts, ensure_ascii=False, indent=1))
            if (self.folder / "events.jsonl").exists():
                archive.write(self.folder / "events.jsonl", f"{self.name}/events.jsonl")
        return out.getvalue()

    @property
    def _watch(self) -> Watch:
        return Watch(self.folder / "watch")

    def _write(self, **changes: Any) -> None:
        # A page may rename what another process trains.
        with full_disk_named("run.json"), FileLock(self.folder / "run.lock"):
            write_json(self.folder / "run.json", self.facts | changes)
