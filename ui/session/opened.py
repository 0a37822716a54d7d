"""What a session remembers and what all sessions share: the workbench, opened collections, the address and the recipe.

The address holds the whole recipe and the query, in the engine's own words, so that a link opens the same search
anywhere: `?collection=animal-faces&encoder=model-4@default&embedding=max&metric=cosine&method=lsh(bits=8)&q=17`;
with `&words=black+watch&share=30` where an encoder is asked for words as well.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import streamlit as st

from engine.core.cache import Shelf, catalogue_stamp
from engine.core.errors import BadParameter, BenzerError, Corrupt, NameTaken, NotFound
from engine.core.home import slug
from engine.core.recipe import MAX_K, Recipe, parse_method
from engine.core.settings import Choice
from engine.jobs.job import Job
from engine.workbench.workbench import CollectionCard, Workbench
from ui.session.query import MOST_WORDS, Asked, ask_for_image, asked

if TYPE_CHECKING:
    from engine.collections.collection import Collection, Images

FIRST_SAMPLE = "animal-faces"
EIGHT = 8

# What an address may name in the place of a recipe: the pages read it.
_OPENED = {"experiment", "study", "classification", "classifier"}
_ABOUT_NO_COLLECTION = {"train", "experiment", "study", "classification", "classifier"}  # their names are others
_COLLECTIONS_KEPT = 8
_JOBS_SHOWN = 30
_PICTURE_SIDE = 640  # pixels; what a page shows of an uploaded picture

_images: Shelf[Images] = Shelf(_COLLECTIONS_KEPT)
_opened: Shelf[Collection] = Shelf(_COLLECTIONS_KEPT)
_cards: Shelf[list[CollectionCard]] = Shelf(1)
_described: Shelf[bool] = Shelf(_COLLECTIONS_KEPT)


@cache
def workbench() -> Workbench:
    """The one workbench of this server."""
    return Workbench()


def open_collection(name: str) -> Collection:
    """The collection of that name, kept open until it changes; NotFound when there is none."""
    return _opened.get((name, catalogue_stamp(workbench().home.datasets / name)), lambda: workbench().collection(name))


def images_of(name: str) -> Images:
    """The usable images of a collection, kept until it changes."""
    return _images.get(
        (name, catalogue_stamp(workbench().home.datasets / name)), lambda: open_collection(name).images()
    )


def has_texts(name: str) -> bool:
    """Whether any usable image of a collection has a text, kept until it changes."""
    key = (name, catalogue_stamp(workbench().home.datasets / name))
    return _described.get(key, lambda: any(map(str.strip, images_of(name).texts)))


def free_name(title: str) -> None:
    """Raise NameTaken at once instead of in the job, BadParameter for a title that gives no name.

    The name of an import that was cut off is free for taking it up again.
    """
    name = slug(title)
    if (workbench().home.datasets / name).exists() and open_collection(name).complete:
        raise NameTaken(f"There is a collection named {title!r} already.", way_out="Choose another name.")


def row_of(collection: str, id: int) -> int:
    """The row of an image among those of its collection; NotFound when it is there no more."""
    ids = images_of(collection).ids
    row = int(ids.searchsorted(id))
    if row >= len(ids) or ids[row] != id:
        raise NotFound(f"Picture {id} is not in this collection any more.", way_out="Choose another one below.")
    return row


def collection_cards() -> list[CollectionCard]:
    """A card for every collection, kept until one of them changes."""
    folders = sorted(p for p in workbench().home.datasets.glob("*") if p.is_dir())
    key = tuple((folder.name, catalogue_stamp(folder)) for folder in folders)
    return _cards.get(key, workbench().collections)


def recent_jobs(kind: str = "") -> list[Job]:
    """The last jobs, all or those of one kind, newest first: the older ones only matter to the command line."""
    pattern = f"*-{kind}/config.json" if kind else "*/config.json"
    folders = sorted((path.parent for path in workbench().home.jobs.glob(pattern)), reverse=True)
    found = []
    for folder in folders[:_JOBS_SHOWN]:
        with suppress(FileNotFoundError, Corrupt):
            job = Job(folder)
            if job.config:
                found.append(job)
    return found


def job_about(collection: str) -> Job | None:
    """The job that works on a collection right now, if any."""
    for job in recent_jobs():
        arguments = job.config["arguments"]
        names = {arguments.get("collection"), arguments.get("name"), arguments.get("recipe", {}).get("collection")}
        if collection in names and job.kind not in _ABOUT_NO_COLLECTION and job.alive:
            return job
    return None


# ── the address ──────────────────────────────────────────────────────────────────────────────────────────────────────


def read_address() -> None:
    """Take over what the address asks for, when it is not what this session wrote there itself (a link, or Back)."""
    address = {name: st.query_params[name] for name in st.query_params}
    if "grouping" in address:
        _read_grouping(address)
        return
    opened = address.keys() & _OPENED
    # A collection alone is what the groups page writes; it counts when the page is loaded, not after a quick click.
    opened = opened or (address.keys() == {"collection"} and "grouping_written" in st.session_state)
    if not address or opened or address == st.session_state.get("address") or _chosen_since():
        return
    st.session_state.address = address
    st.session_state.linked = True
    for choice in ("collection", "encoder", "metric", "method", "label"):
        if choice in address:
            st.session_state[choice] = address[choice]
    if "embedding" in address:
        choose_embedding(address["embedding"])
    try:
        _read_details(address)
    except (BenzerError, ValueError):
        st.session_state.complaint = "This link is not whole: a part of it could not be read and was left out."


def _read_grouping(address: dict[str, str]) -> None:
    """Take over the collection and the grouping that a link names; the groups page opens it."""
    state = st.session_state
    written = state.get("grouping_written")
    opened = state.get("groupings_open", {}).get(state.get("collection"))
    here = (state.get("collection"), opened or "")
    chosen_since = bool(written) and here != (written["collection"], written.get("grouping", ""))
    if address != written and not chosen_since:
        state.collection = address.get("collection", state.get("collection"))
        state.grouping_linked, state.linked = address["grouping"], True


def _chosen_since() -> bool:
    """Whether a choice was changed since the address was written: then the browser sent the address from before it."""
    return "address" in st.session_state and _choices() != st.session_state.get("choices_written")


def _choices() -> tuple[object, ...]:
    state = st.session_state
    names = ["asked", "label", "include_query", "k", "collection", "encoder", "embedding", "whiten", "metric", "method"]
    names += sorted(key for key in map(str, state) if "." in key)
    return tuple((name, state.get(name)) for name in names)


def choose_embedding(name: str) -> None:
    """Put an embedding into the sidebar: its drop-down holds the plain one, a checkbox says whether it is whitened."""
    from engine.encoders.pooling import unwhitened

    st.session_state.embedding = unwhitened(name)
    st.session_state.whiten = name != unwhitened(name)


def chosen_embedding() -> str:
    """The embedding of the sidebar, as it is written in a recipe."""
    from engine.encoders.pooling import WHITE

    return f"{st.session_state.embedding}{WHITE if st.session_state.get('whiten') else ''}"


def choose_method(text: str) -> None:
    """Put a search method with its settings into the sidebar; BadParameter where the text is none."""
    name, options = parse_method(text)
    for key in [key for key in map(str, st.session_state) if key.partition(".")[0] in workbench().methods()]:
        st.session_state[key] = None  # what is not named is automatic, not what it was before
    st.session_state.method = name
    method = workbench().methods().get(name)
    choices = {setting.name: setting for setting in (method.settings if method else ()) if isinstance(setting, Choice)}
    for option, value in options:
        choice = choices.get(option)
        st.session_state[f"{name}.{option}"] = choice.checked(value, name) if choice else int(value)


def _read_details(address: dict[str, str]) -> None:
    if "method" in address:
        choose_method(address["method"])
    if "label" not in address:
        st.session_state.label = ""
    st.session_state.include_query = address.get("self") == "1"
    st.session_state.k = min(max(int(address.get("k", EIGHT)), 1), MAX_K)
    _read_query(address)


def _read_query(address: dict[str, str]) -> None:
    """The picture and the words that an address names; an upload, which it cannot name, stays."""
    before = asked()
    words = Asked(words=" ".join(address.get("words", "")[:MOST_WORDS].split()), share=_share(address))
    if "q" in address:
        crop = tuple(float(side) for side in address["crop"].split(",")) if "crop" in address else None
        wanted = replace(words, image_id=int(address["q"]), crop=crop)  # type: ignore[arg-type]
        wanted.as_query()
        ask_for_image(wanted.image_id)
        st.session_state.asked = wanted
    elif before is not None and before.data is not None:
        st.session_state.asked = replace(before, words=words.words, share=words.share)
    elif words.words:
        ask_for_image(None)
        st.session_state.asked = words
    elif before is not None and before.words:
        ask_for_image(None)


def _share(address: dict[str, str]) -> int | None:
    """How much the words of an address count; ValueError where that is no percentage."""
    if not address.get("words", "").strip() or "share" not in address:
        return None
    share = int(address["share"])
    if not 0 <= share <= 100:
        raise ValueError(share)
    return share


def write_address(recipe: Recipe) -> None:
    """Put the recipe and the query into the address, where they differ from what stands there."""
    encoder = f"{recipe.encoder}@{recipe.weights}" if recipe.weights else recipe.encoder
    address = {
        "collection": recipe.collection,
        "encoder": encoder,
        "embedding": recipe.embedding,
        "metric": recipe.metric,
        "method": recipe.method_text,
    }
    if recipe.k != EIGHT:
        address["k"] = str(recipe.k)
    if label := st.session_state.get("label"):
        address["label"] = label
    if st.session_state.get("include_query"):
        address["self"] = "1"
    query = asked()
    if query is not None and query.image_id is not None:
        address["q"] = str(query.image_id)
        if query.crop:
            address["crop"] = ",".join(f"{side:.4f}" for side in query.crop)
    if query is not None and query.words:
        address["words"] = query.words
        if query.share is not None and query.pictured:
            address["share"] = str(query.share)
    st.session_state.address = address
    st.session_state.choices_written = _choices()
    if {name: st.query_params[name] for name in st.query_params} != address:
        st.query_params.from_dict(address)


def recipe_of_choices(options: dict[str, Any]) -> Recipe:
    """The recipe of the sidebar's present choices; BadParameter when one is missing."""
    state = st.session_state
    encoder, _, weights = str(state.encoder).partition("@")
    return Recipe(
        state.collection,
        encoder,
        weights,
        chosen_embedding(),
        state.metric,
        state.method,
        int(state.k),
        tuple(options.items()),
    )


# ── pictures from outside ────────────────────────────────────────────────────────────────────────────────────────────


def shown(data: bytes) -> str:
    """An uploaded picture as a small data address, upright; UnreadableImage when it cannot be opened."""
    import base64

    picture = workbench().preview(data, _PICTURE_SIDE)
    return "data:image/webp;base64," + base64.b64encode(picture).decode()


def roots() -> list[Path]:
    """The folders below which a person may name a folder to import: the home directory and those of $BENZER_ROOTS."""
    named = [Path(part) for part in os.environ.get("BENZER_ROOTS", "").split(os.pathsep) if part]
    return [root.expanduser().resolve() for root in [Path.home(), *named] if root.expanduser().is_dir()]


def folder_under_roots(text: str) -> Path:
    """The folder a person typed, absolute or below one of the roots.

    Raises:
        BadParameter: there is no such folder, or it is not below a root.
    """
    return _under_roots(text, "folder", "the import", Path.is_dir)


def pictures_under_roots(text: str) -> Path:
    """The folder, table or archive of pictures a person typed; BadParameter where there is none below the roots."""
    return _under_roots(text, "folder or file", "the import", Path.exists)


def file_under_roots(text: str, thing: str) -> Path:
    """The file a person typed, absolute or below one of the roots; BadParameter where there is no such file."""
    return _under_roots(text, "file", thing, Path.is_file)


def _under_roots(text: str, kind: str, thing: str, fits: Callable[[Path], bool]) -> Path:
    if not text.strip() or "\0" in text:
        raise BadParameter(kind, thing, f"the path of a {kind} on this computer", text)
    for root in roots():
        try:
            path = (root / Path(text.strip()).expanduser()).resolve(strict=True)
        except (OSError, RuntimeError):
            continue
        if path.is_relative_to(root) and fits(path):
            return path
    allowed = ", ".join(map(str, roots()))
    raise BadParameter(kind, thing, f"an existing {kind} below {allowed}", text.strip())
