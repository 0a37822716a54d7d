"""The part of the workbench for trainings: the runs, the cost of a new one, and which run is better."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from engine.core.errors import NotFound
from engine.encoders.portable import files_of
from engine.runs.listing import run, runs
from engine.runs.run import Run
from engine.runs.state import all_runs, spare
from engine.training import TrainingConfig
from engine.training.compared import ComparedRuns, compared_runs
from engine.training.disk import DiskUse, disk_use
from engine.workbench.part import Part

if TYPE_CHECKING:
    from engine.training.estimate import Estimate


class TrainingMethods(Part):
    """Methods for trainings, mixed into `Workbench`."""

    def runs(self) -> list[Run]:
        """Every readable training run, newest first, shipped ones last."""
        return runs(self.home)

    def training_run(self, name: str) -> Run:
        """The training run of that name; NotFound if there is none."""
        return run(self.home, name)

    def estimate(self, collection: str, config: Mapping[str, Any]) -> Estimate:
        """How long a training would take here, from a few timed batches: 3 to 10 seconds.

        Raises:
            BadParameter: a setting has no such value. NotFound: no such collection.
        """
        from engine.training.estimate import estimate

        return estimate(TrainingConfig.from_dict(config), len(self.collection(collection)))

    def compare_runs(self, names: Sequence[str]) -> ComparedRuns:
        """Two to eight runs on one collection: the settings that differ, which searches better, and over which seeds.

        Raises:
            NotFound: no such run. BadParameter: one run, or runs on different collections. Corrupt: one is damaged.
        """
        found = [self.training_run(name) for name in names]
        images = None
        if found and found[0].trained_on:
            with suppress(NotFound):
                images = self.collection(found[0].trained_on).images()
        return compared_runs(found, images, self.runs())

    def export_run(self, name: str, form: str) -> dict[str, bytes]:
        """A run's encoder for other programs, as files by their names: "onnx" or "safetensors", JSON and an example.

        Raises:
            NotFound, NotTrained: no such run, or it has no weights. BadParameter: another form. MissingPackage: onnx.
        """
        return files_of(self.home, self.training_run(name), form)

    def training_disk(self, collection: str, config: Mapping[str, Any]) -> DiskUse:
        """The disk that a training would take, counted from the parameters of its network.

        Raises:
            BadParameter: a setting has no such value. NotFound: no such collection.
        """
        return disk_use(TrainingConfig.from_dict(config), self.collection(collection))

    def spare_states(self) -> list[tuple[Run, int]]:
        """Finished runs that hold what only continuing needs, unasked for, and its bytes; `engine.runs.state` frees."""
        return list(spare(all_runs(self.home)))
