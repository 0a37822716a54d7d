"""The part of the workbench for jobs: started in processes of their own, or run at once."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from engine.collections.collection import Collection
from engine.core.errors import BadParameter
from engine.core.progress import Progress, Reporter
from engine.core.recipe import Recipe
from engine.jobs import job as job_folders
from engine.jobs.job import Job
from engine.runs.listing import runs
from engine.workbench.job_kinds import GivenArguments, job_kind, title_of
from engine.workbench.part import Part


class JobMethods(Part):
    """Methods for jobs, mixed into `Workbench`."""

    def start(self, kind: str, **arguments: Any) -> Job:
        """Start a job in its own process; the kinds are those of `engine.workbench.job_kinds.KINDS`.

        Raises:
            BadParameter: no such kind, or an argument that its title tells is missing or wrong.
        """
        arguments = self._given(kind, arguments)
        return job_folders.start(self.home.jobs, kind, title_of(kind, arguments), arguments)

    def again(self, id: str) -> Job:
        """Restart a job with the same arguments; a training continues its run.

        Raises:
            NotFound: no such job. BadParameter: it is still running, or has succeeded.
        """
        job = self.job(id)
        if job.alive or job.state == "done":
            wanted = "one that failed, was stopped or was cut off"
            raise BadParameter("job", "starting again", wanted, f"{job.title}, which is {job.state}")
        return job_folders.start(self.home.jobs, job.kind, job.title, self._again(job))

    def run(
        self,
        kind: str,
        listen: Callable[[Progress], None] | None = None,
        hear: Callable[[dict[str, Any]], None] | None = None,
        **arguments: Any,
    ) -> Any:
        """Run a job synchronously and return its result; `listen` and `hear` are those of the Reporter."""
        return job_kind(kind).run(self._given(kind, arguments), Reporter(listen=listen, hear=hear))

    def jobs(self) -> list[Job]:
        """Every job, newest first."""
        return job_folders.jobs(self.home.jobs)

    def job(self, id: str) -> Job:
        """The job of that id; NotFound if there is none."""
        return job_folders.job(self.home.jobs, id)

    def _again(self, job: Job) -> dict[str, Any]:
        arguments: dict[str, Any] = self._at_home(job.config["arguments"])
        own = (run for run in runs(self.home) if job.kind == "train" and run.job == job.id and run.can_continue)
        run = next(own, None)
        return arguments if run is None else self._at_home({"run": run.name})

    def _at_home(self, arguments: dict[str, Any]) -> dict[str, Any]:
        return {**arguments, "home": str(self.home.root)}

    def _given(self, kind: str, arguments: dict[str, Any]) -> dict[str, Any]:
        """The arguments of a job as it is stored: recipes as dictionaries, collections by their names."""
        plain = {name: _plain(value) for name, value in self._at_home(arguments).items()}
        return GivenArguments(job_kind(kind).name, plain)


def _plain(value: Any) -> Any:
    if isinstance(value, Recipe):
        return value.as_dict()
    return value.name if isinstance(value, Collection) else value
