"""Downloading the weights of a ready-made network: the button, its progress, and why it failed."""

from __future__ import annotations

import streamlit as st

from engine.jobs.job import Job
from engine.texts.published import PUBLISHED, folder_of
from ui.session.opened import recent_jobs, workbench
from ui.shared.job_progress import job_progress
from ui.shared.messages import errors_shown
from ui.shared.plain_text import plain_text


def fetch_network(name: str, title: str, megabytes: int, *, key: str) -> None:
    """The button that downloads a network's weights, the progress meanwhile, and any error afterwards."""
    last = last_fetch(name)
    if last is not None and last.alive:
        job_progress(last, key=key)
        return
    if last is not None and last.error:
        st.error(plain_text(last.error), icon=":material/error:")
    fetch_button(name, title, megabytes, key=key)


def fetch_texts(name: str) -> None:
    """`fetch_network` for a text network; nothing if it is installed, or not a published one."""
    network = PUBLISHED.get(name)
    if network is not None and folder_of(workbench().home, network) is None:
        fetch_network(name, network.title, network.megabytes, key=f"fetch-{name}")


def fetch_button(name: str, title: str, megabytes: int, *, key: str) -> None:
    """The button alone."""
    label = f"Download {plain_text(title)} ({megabytes} MB)"
    st.button(label, key=key, icon=":material/download:", on_click=start_fetching, args=(name,))


def last_fetch(name: str) -> Job | None:
    """The newest job that downloads or downloaded the weights of a network, by its name."""
    return next((job for job in recent_jobs("fetch") if job.config["arguments"].get("network") == name), None)


def start_fetching(name: str) -> None:
    """Start the download, unless it is already running."""
    running = last_fetch(name)
    if running is None or not running.alive:
        with errors_shown():
            workbench().start("fetch", network=name)
