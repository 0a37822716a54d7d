"""The runs, newest first: the result of each, and everything that can be done with it."""

from __future__ import annotations

import shlex
from functools import partial
from importlib.util import find_spec
from typing import Any

import streamlit as st

from engine.core.humanize import count_of, file_size, percent
from engine.core.tables import csv_text
from engine.encoders.portable import ONNX_PACKAGE, zipped
from engine.runs.run import Run
from engine.runs.state import can_free, free_all, state_bytes
from engine.training.config import loss_title
from engine.training.seeds import figures_over_seeds, of_the_same_settings
from ui.pages.train.live import continued, what_next
from ui.pages.train.names import heeded, setting, shown
from ui.pages.train.runs_compared import compared, comparison_of_runs, toggle
from ui.pages.train.state import (
    agreement_of,
    best_loss,
    collection_of,
    copies_of,
    events_of,
    groups,
    learned_from_asked,
    network_title,
    objective,
    probe_of,
    retrieval_of,
    runs_listed,
    spare_states,
    title_of,
)
from ui.pages.train.watch import run_view
from ui.session.opened import workbench
from ui.shared.messages import errors_shown
from ui.shared.plain_text import plain_text
from ui.shared.rename_delete import confirm_buttons, rename_field

SHOWN = 8  # runs at once
MORE_EPOCHS = 10
_STATES = {
    "done": ":material/check_circle: finished",
    "training": ":material/model_training: training",
    "stopped": ":material/pause_circle: stopped",
    "failed": ":material/error: failed",
    "interrupted": ":material/power_off: interrupted",
}
_COLUMNS = (
    "epoch",
    "train",
    "validation",
    "mse",
    "ssim",
    "retrieval",
    "rate",
    "images_per_second",
    "seconds",
    "best",
    "time",
    "nmi",
    "label_nmi",
    "clusters",
    "recognition",
)


def runs_list(collection: str, *, busy: bool) -> None:
    """Draw a card for every run, those of this collection first; `busy` if a training runs or waits."""
    st.header("Runs", anchor=False)
    runs = runs_listed(collection)
    _spare()
    with st.container():  # a fixed place: what comes and goes in it moves no card, so that none is drawn twice
        if not busy and not [run for run in runs if not run.shipped]:
            st.write("No runs of your own yet. The first appears here when you start a training.")
        comparison_of_runs(runs)
    shown = st.session_state.get("runs_shown", SHOWN)
    for run in runs[:shown]:
        with errors_shown():
            _card(run)
    if len(runs) > shown:
        st.button(f"Show {len(runs) - shown} more", key="runs-more", on_click=_show, args=(len(runs),))


def _spare() -> None:
    """What finished runs hold without need, and a button that frees it."""
    spare = spare_states()
    if not spare:
        return
    size, runs = file_size(sum(size for _, size in spare)), count_of(len(spare), "finished run")
    with st.container(horizontal=True, vertical_alignment="center"):
        hold, them = ("holds", "it") if len(spare) == 1 else ("hold", "them")
        st.caption(f"{runs} {hold} {size} that only continuing {them} exactly needs.")
        if st.button(f"Free {size} …", key="runs-free", icon=":material/cleaning_services:", type="tertiary"):
            _ask_to_free([run for run, _ in spare])


@st.dialog("Free disk space?")
def _ask_to_free(runs: list[Run]) -> None:
    st.write(
        f"The last weights and the optimizer's state of {count_of(len(runs), 'finished run')} will be deleted. "
        "Their encoders, curves and samples stay. More epochs then start from the kept weights with a fresh optimizer."
    )
    confirm_buttons("Free", lambda: free_all(runs), "free-runs")


def _show(count: int) -> None:
    st.session_state.runs_shown = count


def _card(run: Run) -> None:
    with st.container(border=True, key=f"run-{run.name}", gap="small"):
        words, figures = st.columns([1.6, 1], vertical_alignment="center", gap="medium")
        with words, st.container(gap="xsmall"):
            st.markdown(f"**{plain_text(title_of(run))}** &ensp; {_STATES.get(run.state, plain_text(run.state))}")
            st.caption(plain_text(_settings(run)))
            if run.error:
                st.caption(plain_text(run.error))
        figures.markdown(_figures(run))
        with st.container(horizontal=True, gap="small"):
            _buttons(run)
        if st.session_state.get("run_open") == run.name:
            _details(run)


def _settings(run: Run) -> str:
    card, config = run.card, run.config
    where = (card.get("collection") or {}).get("title") or collection_of(run) or "unknown collection"
    parts = [network_title(config), where, f"{config['size']} px", objective(config)]
    parts.append(f"{run.epochs_done} of {max(config['epochs'], run.epochs_done)} epochs")
    return " · ".join([*parts, str(card.get("made", ""))])


def _figures(run: Run) -> str:
    loss, found, probe = best_loss(run), retrieval_of(run), probe_of(run)
    parts = (
        [f"lowest validation {loss_title(run.config)} **{loss:.4g}**"]
        if loss is not None and not groups(run.config)
        else []
    )
    agreed = agreement_of(run)
    if agreed is not None:
        parts = [f"NMI with {agreed[0]} {agreed[1]:.2f} → **{agreed[2]:.2f}**"]
    copies = copies_of(run)
    if copies is not None and (probe is None or probe.measure == "precision@8"):
        parts.append(f"altered copy found {percent(copies[0])} → **{percent(copies[1])}**")
    if found is not None:
        measure = plain_text(probe.measure if probe else "precision@8")
        parts.append(f"{measure} {percent(found[0])} → **{percent(found[1])}**")
    return " · ".join(parts)


def _buttons(run: Run) -> None:
    name = run.name
    what_next(run, key="run")
    if run.state == "done" and not run.shipped:
        with st.popover(
            "Continue for more epochs", key=f"on-{name}", icon=":material/resume:", on_change="rerun"
        ) as panel:
            if panel.open:
                _more_epochs(run)
    if events_of(run):
        chosen = name in compared()
        st.button(
            "Compared" if chosen else "Compare", key=f"compare-{name}", on_click=toggle, args=(name,),
            icon=":material/check:" if chosen else ":material/stacked_line_chart:",
        )  # fmt: skip
    is_open = st.session_state.get("run_open") == name
    st.button(
        "Hide" if is_open else "Details",
        key=f"details-{name}",
        icon=":material/unfold_less:" if is_open else ":material/unfold_more:",
        on_click=_open,
        args=(None if is_open else name,),
    )
    with st.popover("More", key=f"more-run-{name}", on_change="rerun") as panel:
        if panel.open:
            _more(run)


def _open(name: str | None) -> None:
    st.session_state.run_open = name


def _more_epochs(run: Run) -> None:
    st.caption(f"Continues after epoch {run.epochs_done}. The schedule is stretched over all epochs.")
    if not state_bytes(run):
        kept = run.card.get("best_epoch", run.epochs_done)
        st.caption(f"Starts from the kept weights (epoch {kept}) with a fresh optimizer: its state was not kept.")
    more = st.number_input("More epochs", step=1, value=MORE_EPOCHS, key=f"more-epochs-{run.name}")
    if st.button("Continue", key=f"train-on-{run.name}", type="primary"):
        with errors_shown():
            continued(run, run.epochs_done + int(more or 0))
            st.rerun()


# ── more ─────────────────────────────────────────────────────────────────────────────────────────────────────────────


def _more(run: Run) -> None:
    name = run.name
    if not run.shipped:
        rename_field("Title", run.title, run.rename, f"title-run-{name}", f"rename-run-{name}", 80)
    with st.container(horizontal=True):
        st.download_button(
            "ZIP", run.archive, f"{name}.zip", "application/zip", key=f"zip-{name}", icon=":material/download:",
            disabled=not run.ready, on_click="ignore", help="Weights, settings and the figures of each epoch.",
        )  # fmt: skip
        st.download_button(
            "CSV", lambda: epochs_csv(run), f"{name}.csv", "text/csv", key=f"csv-{name}", icon=":material/download:",
            disabled=not events_of(run), on_click="ignore", help="One row per epoch.",
        )  # fmt: skip
    _for_other_programs(run)
    if can_free(run):
        size = file_size(state_bytes(run))
        help = "Deletes the state that is needed only to continue this run exactly."
        if st.button(f"Free {size} …", key=f"free-{name}", icon=":material/cleaning_services:", help=help):
            _ask_to_free([run])
    if not run.shipped and st.button(
        "Delete …", key=f"delete-run-{name}", icon=":material/delete:", disabled=run.alive
    ):
        _ask_to_delete(run)


def _for_other_programs(run: Run) -> None:
    """The encoder as ONNX or safetensors, with its preparation and an example of use."""
    st.caption("The encoder for other programs, with its preparation and an example of use")
    helps = {"onnx": "The network in float32, for any runtime of ONNX.", "safetensors": "Its weights, for PyTorch."}
    with st.container(horizontal=True):
        for form, title in (("onnx", "ONNX"), ("safetensors", "safetensors")):
            missing = form == "onnx" and find_spec("onnx") is None
            st.download_button(
                title, partial(_exported, run.name, form), f"{run.name}-{form}.zip", "application/zip",
                key=f"{form}-{run.name}", icon=":material/output:", disabled=not run.ready or missing,
                on_click="ignore", help=f"Needs a package: pip install {ONNX_PACKAGE}" if missing else helps[form],
            )  # fmt: skip


def _exported(name: str, form: str) -> bytes:
    return zipped(workbench().export_run(name, form))


def epochs_csv(run: Run) -> bytes:
    """What was noted of each epoch, as a table for spreadsheets."""
    rows = [["" if event.get(name) is None else event[name] for name in _COLUMNS] for event in events_of(run)]
    return csv_text(_COLUMNS, rows).encode("utf-8-sig")


@st.dialog("Delete this run?")
def _ask_to_delete(run: Run) -> None:
    st.write(
        f"**{plain_text(run.title)}** with its weights, its curves and all {run.epochs_done} epochs of work "
        f"({run.size_bytes / 1e6:,.0f} MB) will be permanently deleted. This encoder can then no longer be used."
    )
    confirm_buttons("Delete run", run.remove, "delete-run", then=partial(_forget, run, run.encoder, run.job))


def _forget(run: Run, encoder: str, job: str) -> None:
    """Nothing in the session speaks of a deleted run any more."""
    st.session_state.setdefault("dismissed", set()).add(job)
    if st.session_state.get("encoder") == f"{encoder}@{run.name}":
        del st.session_state["encoder"]
    if run.name in compared():
        toggle(run.name)


# ── details ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def _details(run: Run) -> None:
    if run.state != "training":  # then it is drawn at the top of the page
        run_view(run, key=f"details-{run.name}")
    left, right = st.columns(2, gap="large")
    with left:
        st.markdown("**Settings**")
        st.table(_table(heeded(run.config)), border="horizontal", hide_header=True, hide_index=True)
    with right:
        _over_seeds(run)
        st.markdown("**Provenance**")
        st.table(_table(run.card), border="horizontal", hide_header=True, hide_index=True)
        for note in run.notes():
            st.caption(plain_text(_note(note)))
        st.caption("Folder, and how to open the curves in TensorBoard")
        st.code(str(run.folder), language=None, wrap_lines=True)
        st.code(f"tensorboard --logdir {shlex.quote(str(run.folder / 'tensorboard'))}", language=None, wrap_lines=True)


def _over_seeds(run: Run) -> None:
    """What runs that differ in their seeds alone reach together."""
    same = of_the_same_settings(run, workbench().runs())
    found = figures_over_seeds(same)
    if found:
        st.markdown(f"**Over {len(same)} seeds**")
        values = [f"{mean:.3f} ± {deviation:.3f}" for mean, deviation in found.values()]
        names = [name[:1].upper() + name[1:] for name in found]
        st.table({"what": names, "value": values}, border="horizontal", hide_header=True, hide_index=True)


def _table(facts: dict[str, Any]) -> dict[str, list[str]]:
    there = {name: value for name, value in facts.items() if value not in (None, "", {}, [])}
    return {"what": list(map(setting, there)), "value": list(map(shown, there.values()))}


def _note(note: dict[str, Any]) -> str:
    kind = note["kind"]
    if kind == "halved":
        return f"Memory ran short in epoch {note.get('epoch_begun', '?')}: batches are split into two halves."
    if kind == "continued":
        after = f" after epoch {note['epoch_begun']}" if "epoch_begun" in note else ""
        if "weights_of" in note:
            after += f", from the weights of epoch {note['weights_of']} with a fresh optimizer"
        return f"Continued{after}."
    if kind == "asked":
        return learned_from_asked(note)
    return str(kind)
