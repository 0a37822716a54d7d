"""The commands for background jobs: jobs, stop, and work, which workers run."""

from __future__ import annotations

import argparse
from pathlib import Path

from engine.cli.flags import Commands, output_flags
from engine.cli.printing import print_rows
from engine.workbench.job_kinds import work
from engine.workbench.workbench import Workbench


def register(commands: Commands) -> None:
    output_flags(commands.add("jobs", command_jobs))
    commands.add("stop", command_stop).add_argument("job")
    commands.add("work", command_work).add_argument("folder")


def command_jobs(arguments: argparse.Namespace) -> None:
    """List the jobs, newest first."""
    rows = [[job.id, job.state, f"{job.progress.fraction:.0%}", job.title] for job in Workbench().jobs()]
    print_rows(["job", "state", "done", "title"], rows, arguments)


def command_stop(arguments: argparse.Namespace) -> None:
    """Ask a running job to stop."""
    Workbench().job(arguments.job).stop()


def command_work(arguments: argparse.Namespace) -> None:
    """Do the job of a folder: what the app starts for long work."""
    work(Path(arguments.folder))
