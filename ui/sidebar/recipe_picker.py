"""The sidebar's drop-downs, which together make the recipe."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import streamlit as st

from engine.core.distances import METRICS
from engine.core.recipe import MAX_K, Recipe
from engine.core.settings import Choice, Setting
from engine.encoders.encoder import EncoderChoice
from engine.encoders.pooling import FINISHES, POOLINGS, unfinished
from engine.indexes import Index
from engine.workbench.workbench import CollectionCard
from ui.session.opened import DEFAULT_K, has_texts, workbench
from ui.session.query import current_query, set_query_image
from ui.session.recipe import choose_embedding, recipe_of_choices
from ui.sidebar.cluster_help import cluster_help
from ui.sidebar.encoder_combination import combine_encoders


def recipe_picker(cards: Sequence[CollectionCard]) -> Recipe:
    """Draw the drop-downs in the sidebar and return the recipe; requires at least one collection."""
    collection = _collection(cards)
    default = workbench().default_recipe(collection)
    choices = workbench().choices(collection, also=str(st.session_state.get("encoder") or ""))
    _encoder(choices, offered(choices, collection, str(st.session_state.get("encoder") or "")), default)
    _embedding(default)
    _choice("metric", "Distance", list(METRICS), _metric_title, default.metric, _METRIC_HELP)
    options = _method(default)
    return recipe_of_choices(options)


_NEWEST = 3  # most classifiers listed, of those trained on this collection and on others each
_FINISH_HELP = (
    "What is done to the vectors afterwards. Precision@8 of EfficientNet-Lite0, average pool, on 1,500 photographs of "
    "three species and on 114 paintings by five artists: none .974 and .825; square root and centred .977 and .840; "
    "averaged with neighbours .981 and .832; both .981 and .848; PCA whitening .941 and .785. Averaging with the eight "
    "nearest pictures (DBA) blurs fine differences, so duplicates are found without it."
)
_METRIC_HELP = "Cosine ignores the overall strength of the vectors, such as brightness; Euclidean compares every value."


def _collection(cards: Sequence[CollectionCard]) -> str:
    titles = _distinct({card.name: card.title for card in cards})
    names = [card.name for card in cards]
    before = st.session_state.get("searched_collection")
    name = _choice("collection", "Collection", names, lambda name: titles.get(name, name), names[0])
    query = current_query()
    if before not in (None, name) and query is not None and query.data is None and not st.session_state.get("linked"):
        set_query_image(None, keep_words=True)  # the id belongs to a picture of the other collection
    st.session_state.linked = False
    st.session_state.searched_collection = name
    return name


def offered(choices: Sequence[EncoderChoice], collection: str, meant: str) -> list[EncoderChoice]:
    """The listed encoders, those trained to classify this collection's items in second place.

    Rare ones are left out, except the one that is `meant` (a link or a command may name an unlisted one) and the newest
    ones that take words or were trained on labelled items.
    """
    learned = [choice for choice in choices if choice.learned_from and choice.ready]
    own = [choice for choice in learned if choice.learned_from == collection][:_NEWEST]
    fits = [choice for choice in learned if choice.learned_from != collection and _fits(choice, collection)][:_NEWEST]
    plain = [c for c in choices if c not in own and (c in fits or not c.rare or meant in (c.name, _key_of(c)))]
    return [*plain[:1], *own, *plain[1:]]


def _fits(choice: EncoderChoice, collection: str) -> bool:
    """Whether an encoder trained on another collection applies to this one."""
    return choice.pictures or (choice.words and has_texts(collection))


def _key_of(choice: EncoderChoice) -> str:
    return f"{choice.name}@{choice.weights}" if choice.weights else choice.name


def _encoder(choices: Sequence[EncoderChoice], listed: Sequence[EncoderChoice], default: Recipe) -> None:
    by_key = {_key_of(choice): choice for choice in listed}
    titles = _distinct({key: c.title for key, c in by_key.items()})
    first = f"{default.encoder}@{default.weights}" if default.weights else default.encoder
    key = _choice(
        "encoder",
        "Encoder",
        list(by_key),
        lambda key: titles.get(key, key),
        first,
        "How similarity is judged: by colour, texture or content.",
        on_change=lambda: _follow_encoder({key: choice.embedding for key, choice in by_key.items()}),
    )
    if by_key[key].help:
        st.session_state.encoder_help = by_key[key].help
    combine_encoders(choices, by_key[key])


def _embedding(default: Recipe) -> None:
    present = st.session_state.get("embedding")
    if isinstance(present, str) and present != unfinished(present):  # put there by a link to a whole recipe
        choose_embedding(present)
    _choice(
        "embedding",
        "Pooling",
        list(POOLINGS),
        lambda name: POOLINGS[name].title.removesuffix(" pool"),  # the field says what it is
        unfinished(default.embedding),
        "How the encoder's feature map becomes one vector.",
    )
    finish = default.embedding.removeprefix(unfinished(default.embedding))
    _choice("finish", "Post-processing", list(FINISHES), _finish_title, finish, _FINISH_HELP)


def _metric_title(name: str) -> str:
    return METRICS[name].title + (" (ignores overall strength)" if name == "cosine" else "")


def _finish_title(name: str) -> str:
    title = FINISHES.get(name, name).removeprefix(", ")
    return title[:1].upper() + title[1:] or "None"


def _follow_encoder(embeddings: dict[str, str]) -> None:
    """On a change of encoder, choose the embedding that suits it."""
    choose_embedding(embeddings.get(str(st.session_state.encoder), str(st.session_state.embedding)))


def _method(default: Recipe) -> dict[str, int | str]:
    methods = workbench().methods()
    help_text = "\n\n".join(f"**{method.title}**: {method.summary}" for method in methods.values())
    name = _choice(
        "method", "Search method", list(methods), lambda name: methods[name].title, default.method, help_text
    )
    with st.expander("Settings", icon=":material/tune:"):
        st.session_state.setdefault("k", DEFAULT_K)
        st.number_input("Number of results", 1, MAX_K, key="k", help="How many similar pictures to show.")
        options = _settings(methods[name])
        if name == "kmeans":
            cluster_help(recipe_of_choices(options))
        return options


def _settings(method: type[Index]) -> dict[str, int | str]:
    """A field for each setting of the method; an empty field leaves it to the method."""
    chosen: dict[str, int | str] = {}
    for setting in method.settings:
        key = f"{method.name}.{setting.name}"
        value = _word(key, setting) if isinstance(setting, Choice) else _number(key, setting)
        if value is not None:
            chosen[setting.name] = value
    return chosen


def _number(key: str, setting: Setting) -> int | None:
    low, high = int(setting.low), int(setting.high)
    value = st.session_state.get(key)
    if value is not None and not low <= value <= high:
        st.session_state[key] = min(max(value, low), high)
    placeholder = "automatic" if setting.default is None else str(setting.default)
    value = st.number_input(setting.title, low, high, None, 1, key=key, help=setting.help, placeholder=placeholder)
    return None if value is None else int(value)


def _word(key: str, setting: Choice) -> str | None:
    """The word chosen, None for the default."""
    if st.session_state.get(key) not in setting.options:
        st.session_state[key] = setting.default
    titles = setting.options
    value = str(st.selectbox(setting.title, list(titles), format_func=titles.__getitem__, key=key, help=setting.help))
    return None if value == setting.default else value


def _choice(
    key: str,
    label: str,
    options: list[str],
    shown: Callable[[str], str],
    default: str,
    help: str | None = None,
    on_change: Callable[[], None] | None = None,
) -> str:
    """A drop-down of names. An unknown name (an old link) is replaced by the default, and the page says so."""
    present = st.session_state.get(key)
    if present not in options:
        if present is not None:
            st.session_state.complaint = (
                f"The {label.lower()} “{present}” is not available; using {shown(default)} instead."
            )
        st.session_state[key] = default
    return str(st.selectbox(label, options, format_func=shown, key=key, help=help, on_change=on_change))


def _distinct(titles: dict[str, str]) -> dict[str, str]:
    """Titles by name; duplicate titles include the name."""
    texts = list(titles.values())
    return {name: title if texts.count(title) == 1 else f"{title} ({name})" for name, title in titles.items()}
