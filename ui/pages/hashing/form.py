"""The form that starts a study: methods and their settings, the evaluation, and the expected cost."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import streamlit as st

from engine.cluster import ASKED
from engine.comparisons.hashing.foreseen import foreseen
from engine.comparisons.hashing.plan import StudyPlan, grid
from engine.core.errors import BadParameter, BenzerError
from engine.core.humanize import count_of, duration
from engine.workbench.cost import study_seconds
from ui.comparisons.state import begin
from ui.pages.hashing.presets import PRESETS, fill, first_look
from ui.pages.hashing.source import Source
from ui.pages.hashing.state import STUDIES
from ui.session.opened import workbench
from ui.shared.messages import errors_shown, show_error
from ui.shared.plain_text import plain_text

_DOUBTS = 4  # listed one by one
_ALL = "all"
_LOOKUPS = {"": "Default of each method", "buckets": "Buckets (hash table)", "hamming": "Hamming ranking"}
_LOOKUP_HELP = (
    "A code is used in two ways. **In buckets** only the vectors with the query's own code are candidates, which is "
    "fast and needs several tables. **By Hamming distance** all codes are ranked by the number of bits in which they "
    "differ from the query's, and the nearest are candidates."
)
_FUNCTIONS_HELP = (
    "RDH splits the vectors at random into parts. **Same**: all parts hash alike, so that the candidates are those of "
    "one LSH over everything. **Different**: each part draws its own functions. **Selected**: the same in all "
    "parts, of planes that split the vectors nearly in half."
)
_LIST_HELP = "Several numbers, as in 8, 16: every combination becomes a configuration. Empty: chosen from the data."
_NUMBERS = {
    "bits": ("Bits", "Length of the codes. More bits make smaller buckets."),
    "tables": ("Tables", "Number of hash tables. More tables find more and cost more."),
    "probes": ("Probes", "Multi-probe: neighbouring buckets that are scanned besides the query's own."),
    "parts": ("Parts (nodes)", "Number of parts RDH splits the vectors into: the nodes of the thesis."),
}
SEEDS = 3  # that show how much a figure depends on chance
_WHOLE = {"neighbours": "number of neighbours", "queries": "number of queries", "folds": "folds", "seed": "seed"}


def study_form(source: Source) -> None:
    """Draw the form over these vectors."""
    _presets(source)
    for field, value in first_look(source.count).items():
        st.session_state.setdefault(f"study-{field}", value)
    with st.container(key="study-fields"):
        settings, summary = st.columns([1.75, 1], gap="large")
    with settings:
        _methods()
        _judging()
        _expert()
    with summary:
        _summary(source)


def _presets(source: Source) -> None:
    with st.container(horizontal=True, gap="small"):
        for name, preset in PRESETS.items():
            st.button(
                preset.title, key=f"study-preset-{name}", help=preset.help, on_click=fill, args=(source.count, name),
            )  # fmt: skip


# ── the settings ─────────────────────────────────────────────────────────────────────────────────────────────────────


def _methods() -> None:
    found = sorted(workbench().methods().values(), key=lambda method: method.rank)
    titles = {method.name: method.title for method in found if method.name != "exact"}
    st.pills(
        "Methods", list(titles), selection_mode="multi", key="study-methods", format_func=titles.__getitem__,
        help="Exact search is always included.", persist_state="session",
    )  # fmt: skip
    st.text_input(
        "Extra methods", key="study-own", max_chars=1000, persist_state="session",
        placeholder="hnsw(effort=50) itq(tables=1)",
        help="Methods with settings of their own in brackets; missing settings come from the fields below.",
    )  # fmt: skip
    for column, (name, (label, help)) in zip(st.columns(4), _NUMBERS.items(), strict=True):
        _numbers(column, name, label, f"{help} {_LIST_HELP}", "2" if name == "parts" else "automatic")
    left, right = st.columns(2)
    with left:
        st.selectbox(
            "Lookup", list(_LOOKUPS), format_func=_LOOKUPS.__getitem__, key="study-lookup", help=_LOOKUP_HELP,
            persist_state="session",
        )  # fmt: skip
    right.multiselect(
        "RDH's hash functions", ["same", "different", "selected"], key="study-functions", help=_parts_help(),
        placeholder="same", persist_state="session",
    )  # fmt: skip
    st.toggle(
        "Also each method with automatic settings", key="study-automatic", persist_state="session",
        help="As Search does for empty settings: the cheapest that promises a recall near 1 on a sample.",
    )  # fmt: skip


def _parts_help() -> str:
    address = os.environ.get(ASKED, "")
    spread = f"Parts live on Ray, as {ASKED}={plain_text(address)} asks for."
    here = f"Parts live in this process; set {ASKED} to spread them."
    return f"{_FUNCTIONS_HELP}\n\n{spread if address else here}"


def _judging() -> None:
    left, right = st.columns(2)
    _whole(
        left, "neighbours", "Neighbours (R)",
        "The R exact nearest neighbours of a query are what should be found: MAP@R and recall@R are over them.",
    )  # fmt: skip
    _whole(
        right, "queries", "Queries",
        "Vectors used as queries. They are left out of the searched vectors, so that none finds itself.",
    )  # fmt: skip


def _expert() -> None:
    with st.expander("Sizes, folds, seed", icon=":material/tune:", key="study-expert"):
        _numbers(
            st, "sizes", "Collection sizes",
            "Size-up: the same methods on random samples of these sizes, as in 1000, 5000, all.", _ALL,
        )  # fmt: skip
        left, right = st.columns(2)
        _whole(
            left, "folds", "Folds",
            "With more than 1, cross validation: each fold is the queries once, while the others are searched.",
        )  # fmt: skip
        _whole(right, "seed", "Seed", "The same seed gives the same random choices.")
    st.toggle(
        "Three seeds", key="study-three", persist_state="session",
        help="Methods with random parts, such as the planes of LSH, are built with three seeds; the table shows means "
        "and standard deviations.",
    )  # fmt: skip


def _numbers(where: Any, name: str, label: str, help: str, placeholder: str) -> None:
    """A field for a list of numbers."""
    where.text_input(
        label, key=f"study-{name}", help=help, placeholder=placeholder, max_chars=200, persist_state="session"
    )


def _whole(where: Any, name: str, label: str, help: str) -> None:
    where.number_input(label, step=1, value=None, key=f"study-{name}", help=help, persist_state="session")


# ── summary ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def _summary(source: Source) -> None:
    """The number of cells, the time, the title and the button; or a sentence on what is impossible."""
    plan: StudyPlan | None = None
    with st.container(border=True, key="study-summary"):
        try:
            plan = planned(source)
            _size(plan, source)
        except BenzerError as error:
            show_error(error)
        placeholder = plan.title if plan else ""
        st.text_input("Title", key="study-title", max_chars=100, placeholder=placeholder, persist_state="session")
        if st.button(
            "Start benchmark", key="study-start", type="primary", icon=":material/play_arrow:", width="stretch",
            disabled=plan is None,
        ):  # fmt: skip
            with errors_shown():
                start(plan)


def planned(source: Source) -> StudyPlan:
    """The study described by the fields; BadParameter for an invalid field."""
    state = st.session_state
    sizes = [None if size == _ALL else size for size in whole_numbers("sizes", state["study-sizes"], also=(_ALL,))]
    plan = StudyPlan(
        title="untitled",
        source=source.text,
        metric=source.metric,
        asked=source.asked,
        methods=_calls(),
        sizes=tuple(sizes) or (None,),
        draws=SEEDS if state.get("study-three") else 1,
        **{name: _given(name, label) for name, label in _WHOLE.items()},
    )
    title = (state.get("study-title") or "").strip()
    return replace(plan, title=title or f"{source.short[:80]}: {count_of(len(plan.cells()), 'configuration')}")


def _given(name: str, label: str) -> int:
    """The number in a field; BadParameter if the field is empty."""
    number: int | None = st.session_state[f"study-{name}"]
    if number is None:
        raise BadParameter(label, "a benchmark", "a whole number", "nothing")
    return number


def _calls() -> tuple[str, ...]:
    """Every method with every combination of the numbers, and without them if requested."""
    state = st.session_state
    names = [*state["study-methods"], *methods_in(state["study-own"])]
    if not names:
        raise BadParameter("methods", "a benchmark", "at least one", "none")
    lists: dict[str, Any] = {name: whole_numbers(name, state[f"study-{name}"]) for name in _NUMBERS}
    lists |= {"functions": state["study-functions"], "lookup": state["study-lookup"]}
    calls = grid(names, **lists)
    return (*calls, *names) if state["study-automatic"] else calls


def methods_in(text: str) -> list[str]:
    """A list of methods with settings: commas and spaces separate methods, but also occur within brackets."""
    return [re.sub(r"\s+", "", found) for found in re.findall(r"[^\s,(]+(?:\s*\([^)]*\)?)?", text)]


def whole_numbers(name: str, text: str, also: Sequence[str] = ()) -> list[Any]:
    """The numbers of a list like "8, 16", and any of the words in `also`; BadParameter for anything else."""
    words = text.replace(",", " ").split()
    wrong = [word for word in words if word not in also and not word.isdecimal()]
    if wrong:
        raise BadParameter(name, "a benchmark", " or ".join(["whole numbers, as in 8, 16", *also]), wrong[0])
    return [word if word in also else int(word) for word in words]


def _size(plan: StudyPlan, source: Source) -> None:
    st.markdown(f"**{count_of(len(plan.cells()), 'configuration')}**")
    factors = [(len(plan.methods) + 1, "method"), (len(plan.sizes), "size"), (plan.folds, "fold"), (plan.draws, "seed")]
    said = [count_of(*factor) for factor in factors if factor[0] > 1]
    st.caption(" × ".join(said) + ", exact search included.")
    st.caption(f"About {duration(study_seconds(workbench().home, plan, source.count, source.width))} on this computer.")
    _doubts(plan, source)


def _doubts(plan: StudyPlan, source: Source) -> None:
    """Warn about what will not be measured, or not as expected."""
    if plan.folds > 1 and source.queries:
        st.caption("With folds the vectors query each other; the queries in the file are not used.")
    if sentences := foreseen(plan, source.count, source.width):
        more = [f"… and {len(sentences) - _DOUBTS:,} more."] if len(sentences) > _DOUBTS else []
        listed = "".join(f"\n- {plain_text(sentence)}" for sentence in [*sentences[:_DOUBTS], *more])
        st.warning(f"Some configurations cannot be measured:{listed}", icon=":material/error:")


def start(plan: StudyPlan | None) -> None:
    """Store the plan, start measuring, and show the study; only once on a double click."""
    begin(STUDIES, plan, workbench().plan_study, "study-title")
