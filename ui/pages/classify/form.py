"""The form that starts a classification: encoders, models, folds, labels, corruptions, and the expected time."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import streamlit as st

from engine.classification.corruptions import USUAL
from engine.classification.plan import FUSIONS, ClassificationPlan
from engine.collections.collection import Collection
from engine.collections.label_spelling import spelling_notes
from engine.core.errors import BadParameter, BenzerError
from engine.core.humanize import count_of
from engine.encoders.pooling import POOLINGS
from engine.workbench.cost import classification_cost
from engine.workbench.workbench import CollectionCard
from ui.comparisons.state import begin, listed, seen
from ui.pages.classify.source import checked, columns_of, picture_encoders, sizes_of
from ui.pages.classify.state import CLASSIFICATIONS, FUSION_HELP, text_title
from ui.pages.classify.tuning import is_tuned, tuning_field, tuning_settings, tuning_warning
from ui.session.opened import has_texts, open_collection, workbench
from ui.shared.messages import errors_shown, show_error
from ui.shared.network_fetch import fetch_texts
from ui.shared.plain_text import plain_text
from ui.shared.titles import embedding_title

_EARLIER = 8  # classifications that are looked at for rates
_OWN = ""  # the collection's own labels, in the place of a column
DEFAULTS: dict[str, Any] = {
    "fusions": list(FUSIONS), "folds": 5, "each": None, "noisy": False, "missing": 0,
    "epochs": 30, "rate": 0.001, "batch": 32, "patience": 8, "seed": 0,
}  # fmt: skip
PRESETS: dict[str, tuple[str, str, dict[str, Any]]] = {
    "quick": (
        "Quick", "All models, 40 items per class, 3 folds.",
        {"folds": 3, "each": 40, "noisy": False, "missing": 0},
    ),
    "all": (
        "Everything, 5 folds", "All models on everything that has a label.",
        {"folds": 5, "each": None, "noisy": False, "missing": 0},
    ),
    "noisy": (
        "With robustness",
        "Also tests with blurred and missing pictures and with dropped words, and trains the models for it.",
        {"folds": 5, "each": None, "noisy": True, "missing": 20},
    ),
}  # fmt: skip


def classification_form(card: CollectionCard) -> None:
    """Draw the form for a labelled collection."""
    collection = open_collection(card.name)
    described = has_texts(card.name)
    for name, value in DEFAULTS.items():
        st.session_state.setdefault(f"classify-{name}", value)
    st.write(
        f"Cross-validate classifiers on the {card.count:,} items of **{plain_text(card.title)}**, using picture, "
        "text or "
        "both."
    )
    if described:
        with st.container(horizontal=True, gap="small"):
            for name, (title, help, _) in PRESETS.items():
                st.button(title, key=f"classify-preset-{name}", help=help, on_click=_fill, args=(name,))
    else:
        st.info(
            "These pictures have no texts, so only the picture can be used. A table with a column named “text” "
            "brings texts along.",
            icon=":material/info:",
        )
    with st.container(key="study-fields"):
        settings, summary = st.columns([1.75, 1], gap="large")
    with settings:
        _encoders(card.name, described)
        _models(described)
        _labels(collection)
        _noise(described)
        _more(described)
    with summary:
        _summary(card, collection, described)


def _fill(preset: str) -> None:
    for name, value in PRESETS[preset][2].items():
        st.session_state[f"classify-{name}"] = value


# ── the settings ─────────────────────────────────────────────────────────────────────────────────────────────────────


def _encoders(collection: str, described: bool) -> None:
    titles = picture_encoders(collection)
    first_picture, first_text = workbench().default_encoders(collection)
    left, right = st.columns(2) if described else (st.container(), None)
    names = list(titles)
    with left:
        _one(
            "picture", "Picture encoder", names, first_picture if first_picture in names else names[0], titles,
            "Turns a picture into a vector, from which the class is predicted. A ready-made network is a good "
            "first choice.",
        )  # fmt: skip
    if right is None:
        return
    choices = workbench().text_choices()
    titles = {choice.name: choice.title + ("" if choice.ready else " · not downloaded") for choice in choices}
    with right:
        chosen = _one(
            "text", "Text encoder", list(titles), first_text, titles,
            "Turns a text into a vector. TF-IDF counts words and needs no download; MiniLM and BERT know what "
            "words mean.",
        )  # fmt: skip
        choice = next(choice for choice in choices if choice.name == chosen)
        st.caption(plain_text(choice.help))
        fetch_texts(chosen)


def _one(name: str, label: str, options: list[str], first: str, titles: Mapping[str, str], help: str) -> str:
    """A drop-down whose choice is kept as long as it is offered."""
    key = f"classify-{name}"
    if st.session_state.get(key) not in options:
        st.session_state[key] = first
    return str(
        st.selectbox(
            label, options, key=key, format_func=lambda one: titles.get(one, one), help=help, persist_state="session"
        )
    )


def _models(described: bool) -> None:
    if not described:
        return
    help = "\n\n".join(f"**{title}**: {FUSION_HELP[name]}" for name, title in FUSIONS.items())
    st.pills(
        "Models", list(FUSIONS), selection_mode="multi", key="classify-fusions", format_func=FUSIONS.__getitem__,
        help=help, persist_state="session",
    )  # fmt: skip


def _labels(collection: Collection) -> None:
    columns = [_OWN, *columns_of(collection)]
    if st.session_state.get("classify-column") not in columns:
        st.session_state["classify-column"] = _OWN if sizes_of(collection, _OWN) else columns[-1]
    places = list(st.columns(3 if len(columns) > 1 else 2))
    if len(columns) > 1:
        places.pop(0).selectbox(
            "Label column", columns, key="classify-column", persist_state="session",
            format_func=lambda name: f"column {name}" if name else "labels",
            help="The table from which the collection was imported has further columns.",
        )  # fmt: skip
    _number(places[0], "folds", "Folds", _FOLDS)
    places[1].number_input(
        "Items per class", step=10, value=None, key="classify-each", placeholder="all", persist_state="session",
        help="A random sample of each class; all of a smaller class. Empty: all.",
    )  # fmt: skip
    sizes = sizes_of(collection, st.session_state["classify-column"])
    chosen = st.session_state.get("classify-labels") or []
    if not set(chosen) <= set(sizes):
        st.session_state["classify-labels"] = [label for label in chosen if label in sizes]
    st.multiselect(
        "Classes", list(sizes), key="classify-labels", persist_state="session",
        format_func=lambda label: f"{label} ({sizes.get(label, 0):,})", placeholder=f"All {len(sizes)}",
        help="Empty: all. Items without a label are left out; a classifier can predict them afterwards.",
    )  # fmt: skip
    for note in spelling_notes(sizes):
        st.caption(plain_text(note))


_FOLDS = (
    "The labelled items are split into this many parts. Each part is predicted once by models trained on the others, "
    "so that every figure is about items a model has never seen."
)


def _noise(described: bool) -> None:
    what = "pictures and words" if described else "pictures"
    st.toggle(
        f"Also test with missing or noisy {what}", key="classify-noisy", persist_state="session",
        help="Each model is tested again on the same items, with the picture blurred or missing, and with words "
        "dropped or no "
            "text.",
    )  # fmt: skip


def _more(described: bool) -> None:
    with st.expander(
        "More: epochs, learning rate, modality dropout, fine-tuning", icon=":material/tune:", key="classify-expert"
    ):
        left, middle, right = st.columns(3)
        _number(left, "epochs", "Epochs", "Passes over the training items, at most.")
        _number(middle, "patience", "Patience", "Epochs without improvement before training stops. 0: never.")
        _number(right, "batch", "Batch", "Items per step.")
        left, middle, right = st.columns(3)
        left.number_input(
            "Learning rate", key="classify-rate", step=0.0005, value=None, format="%g", persist_state="session",
            help="Step size of the optimizer.",
        )  # fmt: skip
        _number(middle, "seed", "Seed", "The same seed gives the same random choices.")
        with right:
            names = _embeddings()
            _one(
                "embedding",
                "Pooling",
                names,
                "avg",
                {name: embedding_title(name).removesuffix(" pool") for name in names},
                _EMBEDDING,
            )
        tuning_field(described)
        if described:
            st.slider(
                "Modality dropout", 0, 45, key="classify-missing", step=5, format="%d %%",
                persist_state="session",
                help="Share of the items whose picture, or text, is hidden during training. It prepares for items "
                "where one is missing.",
            )  # fmt: skip


_EMBEDDING = "How the encoder's feature map becomes one vector."


def _embeddings() -> list[str]:
    return list(POOLINGS)


def _number(where: Any, name: str, label: str, help: str) -> None:
    where.number_input(label, step=1, value=None, key=f"classify-{name}", help=help, persist_state="session")


# ── what that means ──────────────────────────────────────────────────────────────────────────────────────────────────


def planned(card: CollectionCard, described: bool) -> ClassificationPlan:
    """The plan described by the fields; BadParameter for an invalid field."""
    state = st.session_state
    fusions = tuple(name for name in FUSIONS if name in state["classify-fusions"]) if described else ("picture",)
    if not fusions:
        raise BadParameter("models", "a classification", "at least one", "none")
    settings = {name: _given(name) for name in ("epochs", "rate", "batch", "patience")} | tuning_settings()
    if described and state["classify-missing"]:
        settings["missing"] = state["classify-missing"] / 100
    conditions = tuple(name for name in USUAL if described or name.startswith("picture"))
    plan = ClassificationPlan(
        title="untitled",
        collection=card.name,
        picture=state["classify-picture"],
        text=state["classify-text"] if described else "tf-idf",
        embedding=state["classify-embedding"],
        fusions=fusions,
        folds=_given("folds"),
        labels=tuple(state.get("classify-labels") or ()),
        each=state["classify-each"],
        column=state["classify-column"],
        conditions=conditions if state["classify-noisy"] else (),
        settings=settings,
        seed=_given("seed"),
    )
    title = (state.get("classify-title") or "").strip()
    return replace(plan, title=title or f"{card.title[:70]}: {_what(plan)}")


def _what(plan: ClassificationPlan) -> str:
    if plan.fusions == ("picture",):
        return "pictures"
    return f"{count_of(len(plan.fusions), 'model')}, {text_title(plan.text)}"


def _given(name: str) -> Any:
    number = st.session_state[f"classify-{name}"]
    if number is None:
        raise BadParameter(name, "a classification", "a number", "nothing")
    return number


def _summary(card: CollectionCard, collection: Collection, described: bool) -> None:
    """The number of trainings, the time, the title and the button; or the sentence that says what is impossible."""
    plan: ClassificationPlan | None = None
    with st.container(border=True, key="classify-summary"):
        try:
            plan = planned(card, described)
            _size(plan, checked(plan, collection), card)
        except BenzerError as error:
            show_error(error)
            _without_rare(collection)
            impossible = True
        else:
            impossible = False
        placeholder = plan.title if plan else ""
        st.text_input("Title", key="classify-title", max_chars=100, placeholder=placeholder, persist_state="session")
        if st.button(
            "Start", key="classify-start", type="primary", icon=":material/play_arrow:", width="stretch",
            disabled=impossible,
        ):  # fmt: skip
            with errors_shown():
                start(plan)


def _without_rare(collection: Collection) -> None:
    """Where labels have fewer items than there are folds: a button that takes only the others."""
    state, sizes = st.session_state, sizes_of(collection, st.session_state["classify-column"])
    chosen = state.get("classify-labels") or list(sizes)
    frequent = [label for label in chosen if sizes[label] >= (state["classify-folds"] or 0)]
    if len(frequent) in (0, 1, len(chosen)):
        return
    label = f"Leave out {count_of(len(chosen) - len(frequent), 'rare label')}"
    st.button(label, key="classify-rare", on_click=state.update, args=({"classify-labels": frequent},))


def _size(plan: ClassificationPlan, sizes: Mapping[str, int], card: CollectionCard) -> None:
    st.markdown(f"**{count_of(len(plan.cells()), 'training')}**")
    st.caption(f"{count_of(len(plan.fusions), 'model')} × {count_of(plan.folds, 'fold')}")
    items = sum(min(size, plan.each or size) for size in sizes.values())
    st.caption(f"{items:,} items of {len(sizes)} classes; {_rare(sizes)}.")
    if is_tuned(plan):
        tuning_warning(plan, items)
        return
    earlier = []
    for comparison in listed(CLASSIFICATIONS)[:_EARLIER]:
        view = seen(CLASSIFICATIONS, comparison)
        earlier.append((view.plan, view.measured))
    expected = classification_cost(workbench().home, plan, items, earlier, _unseen(plan, card))
    st.caption(expected.sentence())


def _rare(sizes: Mapping[str, int]) -> str:
    label, least = min(sizes.items(), key=lambda pair: (pair[1], pair[0]))
    if least == max(sizes.values()):
        return f"{least:,} of each"
    return f"the rarest is {plain_text(label)} with {least:,}"


def _unseen(plan: ClassificationPlan, card: CollectionCard) -> int:
    """How many pictures must be embedded first: all or none."""
    if plan.fusions == ("text",):
        return 0
    vectors = open_collection(card.name).folder / "vectors"
    name = plan.picture.partition("@")[0]
    there = any(path.name.startswith((f"{name}-{plan.embedding}-", f"{name}-vector-")) for path in vectors.glob("*"))
    return 0 if there else card.count


def start(plan: ClassificationPlan | None) -> None:
    """Store the plan, start measuring, and show the classification; only once on a double click."""
    begin(CLASSIFICATIONS, plan, workbench().plan_classification, "classify-title")
