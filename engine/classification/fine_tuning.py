"""Encoders that are fine-tuned with the head of a classification: checked, prepared, and opened again."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from engine.classification.plan import ClassificationPlan
from engine.classification.task import Task, config_of, fine_tuned
from engine.collections.collection import Collection
from engine.collections.pixels import Decoded, decoded_pixels
from engine.core.home import Home
from engine.core.humanize import duration
from engine.core.progress import Reporter
from engine.encoders.encoder import Encoder
from engine.texts import TextEncoder

if TYPE_CHECKING:
    from engine.classification.training.cost import Speed
    from engine.classification.training.fine_tuned import FineTunable
    from engine.encoders.examples.examples import Examples

Pixels = NDArray[np.uint8]
Rows = NDArray[np.int64]

_HELD_AT_MOST = 2**28  # bytes of decoded pictures in memory; beyond, all of the collection's are mapped from its folder


@dataclass(frozen=True)
class LearnedEncoders:
    """The fine-tuned encoders of a classifier, None for a frozen one."""

    picture: Encoder | None = None
    text: TextEncoder | None = None


def tunable(home: Home, task: Task, items: Examples, reporter: Reporter) -> FineTunable | None:
    """The encoders of a task to fine-tune, with their input for its items; None if there are none.

    Raises:
        StorageFull: no space for decoded pictures. Stopped: on request.
    """
    from engine.classification.training.fine_tuned import FineTunable

    sides = fine_tuned(task.plan)
    given: dict[str, Any] = {}
    if "picture" in sides and task.picture is not None:
        given["picture"] = task.picture.trainable(home, task.plan.embedding)
        size = task.picture.info.input_size
        given["pixels"], given["places"] = _pixels(task.collection, items, size, reporter)
    if "text" in sides and task.text is not None:
        given["text"] = task.text.trainable()
        given["pieces"] = task.text.numbered(task.texts(items.ids))
    return FineTunable(**given) if given else None


def learned(task: Task, run: Any, sides: tuple[str, ...]) -> LearnedEncoders:
    """The fine-tuned encoders with the weights in a run."""
    if not sides:
        return LearnedEncoders()
    from models.tunable import parted

    _, seen, read = parted(run.load())
    picture = task.picture.with_weights(seen) if task.picture is not None and seen else None
    text = task.text.with_weights(read, f"tuned {run.digest}") if task.text is not None and read else None
    return LearnedEncoders(picture, text)


@dataclass(frozen=True)
class Price:
    """The estimated time of all trainings of a plan, all folds and epochs: as planned, and with frozen encoders."""

    seconds: float
    frozen: float

    @property
    def times(self) -> float:
        """The ratio of the time to that with frozen encoders."""
        return self.seconds / max(self.frozen, 1e-9)

    def sentence(self) -> str:
        """For display, e.g. "Fine-tuning: the trainings take about 12 min, 40 times as long as with …"."""
        times = f"{self.times:,.0f}" if self.times >= 10 else f"{self.times:.1f}"
        return (
            f"Fine-tuning: the trainings take up to about {duration(self.seconds)} on this computer, {times} times as "
            f"long as with encoders that stay as they are ({duration(self.frozen)})."
        )


def measured_speed(home: Home, collection: Collection, plan: ClassificationPlan) -> Speed:
    """Time a few batches of fine-tuning a plan's encoders; takes a few seconds and stores nothing.

    The speed depends only on the plan's encoders and embedding, and on which of them are fine-tuned.

    Raises:
        What `engine.classification.run.plan_classification` raises.
    """
    from engine.classification.training.cost import speed

    task, sides, given = Task.of(home, collection, plan), fine_tuned(plan), dict[str, Any]()
    if "picture" in sides and task.picture is not None:
        given["picture"] = task.picture.trainable(home, plan.embedding)
        given["size"] = task.picture.info.input_size
    if "text" in sides and task.text is not None:
        given["text"] = task.text.trainable()
    return speed(**given)


def price(plan: ClassificationPlan, items: int, speed: Speed) -> Price:
    """The estimated time of a plan over this many items at a measured speed."""
    configs = [config_of(plan, fusion) for fusion in plan.fusions]
    share = items * (plan.folds - 1)  # over all folds, each of which learns from all but its own
    frozen = sum(speed.of(config.before, share) for config in configs)
    return Price(frozen + sum(speed.of(config, share) for config in configs if config.tuned), frozen)


def _pixels(collection: Collection, items: Examples, size: int, reporter: Reporter) -> tuple[Pixels, Rows]:
    """(m, s, s, 3) decoded pictures, and (n,) the index of each item's picture, −1 for an unreadable one."""
    wanted = items.ids[items.has_picture]
    if len(wanted) * size * size * 3 > _HELD_AT_MOST:
        ids, pixels = decoded_pixels(collection, size, reporter)
    else:
        ids, pixels = _held(collection, wanted, size, reporter)
    place = {id: row for row, id in enumerate(ids.tolist())}
    found = [
        place.get(id, -1) if there else -1 for id, there in zip(items.ids.tolist(), items.has_picture, strict=True)
    ]
    return pixels, np.array(found, dtype=np.int64)


def _held(collection: Collection, wanted: Rows, size: int, reporter: Reporter) -> tuple[Rows, Pixels]:
    pixels, ids, done = np.empty((len(wanted), size, size, 3), np.uint8), np.empty(len(wanted), np.int64), 0
    for some, found in Decoded(collection, wanted, size):
        pixels[done : done + len(some)], ids[done : done + len(some)] = found, some
        done += len(some)
        reporter.update("Reading pictures", done, len(wanted), "pictures")
    return ids[:done], pixels[:done]
