"""Which encoder suits the collection best: a button, and the table of its last result."""

from __future__ import annotations

from collections.abc import Sequence
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
        table = [_line(row, found["judged_by"]) for row in rows]
        figures = {found["judged_by"]: st.column_config.NumberColumn(format="%.3f")}
        st.dataframe(table, hide_index=True, width="stretch", column_config=figures)
        st.caption(plain_text(f"{found['pictures']} pictures, {found['seconds']:.0f} s. {_judged(found)}"))
        for reason, titles in _by_reason(found["left_out"]).items():
            st.caption(plain_text(f"Not measured: {', '.join(titles)}. {reason}"))
        if rows:
            best = rows[0]
            encoder, _, weights = best["encoder"].partition("@")
            recipe = Recipe(card.name, encoder, weights, best["embedding"])
            st.button(f"Use {plain_text(best['title'])}", key="quick-use", on_click=use_recipe, args=(str(recipe),))


def _by_reason(left_out: Sequence[tuple[str, str]]) -> dict[str, list[str]]:
    """The encoders that were not measured for the same reason."""
    found: dict[str, list[str]] = {}
    for title, reason in left_out:
        found.setdefault(reason, []).append(title)
    return found


def _line(row: dict[str, Any], judged_by: str) -> dict[str, Any]:
    low, high = row["behind"]
    return {
        "Encoder": row["title"],
        "Pooling": embedding_title(row["embedding"]),
        judged_by: round(row["figure"], 3),
        "95 % interval": "{:.3f} – {:.3f}".format(*row["interval"]),
        "Behind the best": f"{low:.3f} – {high:.3f}" if row.get("decided") else "not decided" if high else "",
    }


def _judged(found: dict[str, Any]) -> str:
    if found["labelled"]:
        text = "The share of the eight results that have the label of the query; differences are paired by query."
        return f"{text} {found.get('verdict', '')}".strip()
    return str(found.get("verdict", ""))
