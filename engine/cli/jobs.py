"""Commands for background jobs: list them, stop one, and work on one."""

from __future__ import annotations

import argparse
from pathlib import Path

from engine.cli.printing import print_rows
from engine.workbench.job_kinds import work
from engine.workbench.workbench import Workbench


def command_jobs(arguments: argparse.Namespace) -> None:
    """List the jobs, newest first."""
    rows = [[job.id, job.state, f"{job.progress.fraction:.0%}", job.title] for job in Workbench().jobs()]
    print_rows(["job", "state", "done", "title"], rows, arguments.json)


def command_stop(arguments: argparse.Namespace) -> None:
    """Ask a running job to stop."""
    Workbench().job(arguments.job).stop()


def command_work(arguments: argparse.Namespace) -> None:
    """Do the job of a folder: what the app starts for long work."""
    work(Path(arguments.folder))
