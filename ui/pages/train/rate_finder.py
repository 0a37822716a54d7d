"""The learning-rate finder of the form: a job of some sixty steps, its curve, and the rate it suggests."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import streamlit as st

from engine.jobs.job import Job
from engine.training.rate_finder import worth_trying
from ui.pages.train import fields
from ui.session.opened import recent_jobs, workbench
from ui.shared.charts import draw, titled
from ui.shared.job_progress import job_progress
from ui.shared.messages import errors_shown
from ui.shared.plain_text import plain_text
from ui.shared.training_curves import Line, finder_chart, spoken

_IGNORED = ("rate", "epochs", "schedule", "options", "keep", "patience", "name", "probe", "warmup", "keep_state")
_HELP = (
    "Trains some 60 steps at rates that rise from 0.000001 to 1 and draws the loss (Smith 2017). A good rate is where "
    "it falls fastest: far below the rate at which it rises again."
)

_WHOLE = "The recommended settings were measured by whole trainings."


def rate_finder(collection: str, config: Mapping[str, Any]) -> None:
    """Draw the button, the progress, or the curve for these settings."""
    job = next((job for job in recent_jobs("rate") if _asked(job) == (collection, _of_rates(config))), None)
    if job is not None and job.alive:
        job_progress(job, key="rate")
        return
    if job is not None and job.state == "done":
        _found(job)
    elif job is not None and job.state == "failed":
        st.caption(plain_text(job.error))
    if st.button(
        "Find learning rate", key="train-find-rate", icon=":material/query_stats:", type="tertiary", help=_HELP
    ):
        with errors_shown():
            workbench().start("rate", collection=collection, config=dict(config))
            st.rerun()


def _asked(job: Job) -> tuple[str, dict[str, Any]]:
    arguments = job.config["arguments"]
    return arguments.get("collection", ""), _of_rates(arguments.get("config") or {})


def _of_rates(config: Mapping[str, Any]) -> dict[str, Any]:
    """The settings on which a good rate depends."""
    return {name: value for name, value in config.items() if name not in _IGNORED}


def _found(job: Job) -> None:
    found: dict[str, Any] = (job.result or {}).get("value") or {}
    rates, suggested = found.get("rates", []), found.get("suggested")
    if not rates:
        return
    titled("Loss by learning rate")
    losses = Line("each step", list(zip(rates, found["losses"], strict=True)), "second", "dot")
    smooth = Line("smoothed", list(zip(rates, found["smoothed"], strict=True)))
    draw(finder_chart([losses, smooth], marked=suggested), key="train-rates", alt=spoken("Loss", smooth))
    if suggested is None:
        st.caption("The loss falls at none of the rates tried.")
        return
    if found.get("lowest"):
        low, high = worth_trying(suggested, found["lowest"])
        st.caption(
            f"Lowest at {found['lowest']:g}. Each step sees other pictures, so this is a hint: try rates from {low:g} "
            f"to {high:g}. {_WHOLE}"
        )
    st.button(
        f"Use {suggested:g}, where it falls fastest", key="train-use-rate", icon=":material/check:",
        on_click=fields.fill, args=({"rate": suggested},),
    )  # fmt: skip
