"""The commands for background jobs: jobs, stop, and work, which workers run."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from engine.cli.flags import Commands, only, output_flags, yes_flag
from engine.cli.printing import delete, print_rows
from engine.core.humanize import percent
from engine.jobs.job import damaged_jobs, unread_job
from engine.workbench.job_kinds import work
from engine.workbench.workbench import Workbench


def register(commands: Commands) -> None:
    sub = commands.add("jobs", command_jobs)
    output_flags(sub)
    sub.add_argument("--delete", metavar="JOB", help="delete this job, which must have ended; asks first")
    yes_flag(sub)
    commands.add("stop", command_stop).add_argument("job")
    commands.add("work", command_work, hidden=True).add_argument("folder")


def command_jobs(arguments: argparse.Namespace) -> None:
    """List the jobs, newest first."""
    if arguments.delete:
        only(arguments, ("delete",), "jobs --delete", "it only deletes")
        job = unread_job(Workbench().home.jobs, arguments.delete)
        return delete(f"the job {arguments.delete}", job.remove, arguments)
    rows = [[job.id, job.state, percent(job.progress.fraction), job.title] for job in Workbench().jobs()]
    print_rows(["job", "state", "done", "title"], rows, arguments)
    for job, sentence in damaged_jobs(Workbench().home.jobs):
        print(f"{job.id}: {sentence}", file=sys.stderr)


def command_stop(arguments: argparse.Namespace) -> None:
    """Ask a running job to stop."""
    Workbench().job(arguments.job).stop()


def command_work(arguments: argparse.Namespace) -> None:
    """Run the job of a folder; the app starts this for long work."""
    work(Path(arguments.folder))
