"""Which encoder suits the collection best: a button, and the table of its last result."""

from __future__ import annotations

from typing import Any

import streamlit as st

from engine.core.recipe import Recipe
from engine.jobs.job import Job
from engine.workbench.workbench import CollectionCard
from ui.session.opened import recent_jobs, workbench
from ui.session.recipe import use_recipe
from ui.shared.job_progress import job_progress
from ui.shared.messages import errors_shown
from ui.shared.plain_text import plain_text
from ui.shared.titles import embedding_title


def quick_comparison(card: CollectionCard) -> None:
    """Draw the button, or the running job, and the result below."""
    job = next((job for job in recent_jobs("quick") if job.config["arguments"].get("collection") == card.name), None)
    if job is not None and job.alive:
        job_progress(job, key="quick")
        return
    st.button(
        "Which encoder sees this collection best?", key="quick", icon=":material/bolt:", on_click=_start,
        args=(card.name,), help="Every ready encoder on at most 400 pictures, in about a minute.",
    )  # fmt: skip
    if job is not None and job.error:
        st.error(plain_text(job.error), icon=":material/error:")
    elif job is not None and job.state == "done":
        _result(card, job)


def _start(collection: str) -> None:
    with errors_shown():
        workbench().start("quick", collection=collection)


def _result(card: CollectionCard, job: Job) -> None:
    found: dict[str, Any] = (job.result or {})["value"]
    rows = found["rows"]
    with st.expander(f"Encoders on {plain_text(card.title)}, {found['judged_by']}", expanded=True, key="quick-result"):
        st.dataframe([_line(row) for row in rows], hide_index=True, width="stretch")
        st.caption(plain_text(f"{found['pictures']} pictures, {found['seconds']:.0f} s. {_judged(found)}"))
        for title, reason in found["left_out"]:
            st.caption(plain_text(f"Not measured: {title}. {reason}"))
        if rows:
            best = rows[0]
            encoder, _, weights = best["encoder"].partition("@")
            recipe = Recipe(card.name, encoder, weights, best["embedding"])
            st.button(f"Use {plain_text(best['title'])}", key="quick-use", on_click=use_recipe, args=(str(recipe),))


def _line(row: dict[str, Any]) -> dict[str, Any]:
    low, high = row["behind"]
    return {
        "Encoder": row["title"],
        "Pooling": embedding_title(row["embedding"]),
        "Figure": round(row["figure"], 3),
        "95 % interval": "{:.3f} – {:.3f}".format(*row["interval"]),
        "Behind the best": f"{low:.3f} – {high:.3f}" if row.get("decided") else "not decided" if high else "",
    }


def _judged(found: dict[str, Any]) -> str:
    if found["labelled"]:
        text = "The share of the eight results that have the label of the query; differences are paired by query."
        return f"{text} {found.get('verdict', '')}".strip()
    return str(found.get("verdict", ""))
