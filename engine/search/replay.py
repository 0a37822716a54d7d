"""Repeating the query of an exported answer and reporting exactly what differs."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields
from itertools import zip_longest
from pathlib import Path
from typing import Any

import numpy as np

from engine.collections.collection import Images
from engine.collections.reading.regular_files import read_bytes
from engine.core.errors import BadParameter, NotFound
from engine.search.answer import Query
from engine.search.examples import Example
from engine.search.provenance import Provenance

Body = Mapping[str, Any]
_ROUNDING = 1e-6  # distances that differ by less are equal: an export holds single precision
_CONDITIONS = {field.name for field in fields(Provenance)}


def read_answer(path: Path) -> dict[str, Any]:
    """The exported answer in a file; BadParameter if it is something else."""
    try:
        body = json.loads(path.read_bytes())
    except (ValueError, RecursionError):
        body = None
    if not isinstance(body, dict) or not _is_answer(body):
        raise BadParameter("file", "the replay", "a result as `search --json` writes it", path)
    return body


def _is_answer(body: dict[str, Any]) -> bool:
    recipe, query, hits = body.get("recipe"), body.get("query"), body.get("hits")
    if not isinstance(recipe, dict) or not isinstance(query, dict) or not isinstance(hits, list):
        return False
    made_with = body["made_with"] if body.get("made_with") is not None else dict.fromkeys(_CONDITIONS)
    if not isinstance(query.get("name"), str) or not isinstance(made_with, dict) or not set(made_with) >= _CONDITIONS:
        return False
    return _has_texts(body, query) and all(isinstance(hit, dict) and {"name", "distance"} <= set(hit) for hit in hits)


def _has_texts(body: Body, query: Body) -> bool:
    """Whether all that is searched for and filtered by is text, where it is given."""
    examples = query.get("examples") or []
    if not isinstance(examples, list) or not all(isinstance(one, dict) for one in examples):
        return False
    texts = [query.get("text"), body.get("where"), body.get("label"), *(one.get("text") for one in examples)]
    return all(isinstance(text or "", str) for text in texts)


def query_of(former: Body, images: Images, kept: Callable[[str], Path | None] = lambda _: None) -> Query:
    """The query of an exported answer: the image of the collection with the same file, else that file itself.

    Args:
        kept: where an uploaded picture is kept, by its sha256; None if it is not.

    Raises:
        NotFound: neither exists any more, or the file's contents have changed.
    """
    asked = former["query"]
    if asked.get("examples"):
        return Query.of(*(_example(one, images, kept) for one in asked["examples"]))
    crop = tuple(asked["crop"]) if asked.get("crop") else None
    words = {"text": asked.get("text", ""), "share": asked.get("share")}
    known, name, id = asked.get("sha256", ""), asked["name"], asked.get("image")
    if id is None and not known:
        return Query(name=name, crop=crop, **words)
    if id is not None:
        id = _image_with(known, id, images)
        return Query(image_id=id, name=name, crop=crop, **words)
    return Query(data=_file_with(known, name, kept), name=name, crop=crop, sha256=known, **words)


def _example(one: Body, images: Images, kept: Callable[[str], Path | None]) -> Example:
    """One of several examples; raises as `query_of`."""
    crop = tuple(one["crop"]) if one.get("crop") else None
    weight, name = float(one.get("weight", 1)), str(one.get("name", ""))
    if one.get("text"):
        return Example(text=one["text"], weight=weight)
    if one.get("image") is not None:
        id = _image_with(one.get("sha256", ""), one["image"], images)
        return Example(image_id=id, name=name, crop=crop, weight=weight)
    if not one.get("sha256"):
        raise NotFound(f"The export does not say what the file {name} held.")
    data = _file_with(one["sha256"], name, kept)
    return Example(data=data, name=name, crop=crop, weight=weight)


def _file_with(sha256: str, name: str, kept: Callable[[str], Path | None]) -> bytes:
    """The bytes of the file of that name or of the upload that is kept; NotFound if its contents have changed."""
    data = read_bytes(kept(sha256) or Path(name))
    if hashlib.sha256(data).hexdigest() != sha256:
        raise NotFound(f"The file {name} is not the one that was asked for: its contents have changed.")
    return data


def _image_with(sha256: str, id: int, images: Images) -> int:
    """The id of the image with that file; for exports without a file's hash, the id they name."""
    if not sha256:
        return id
    if sha256 not in images.hashes:
        raise NotFound("The query's picture is not in this collection: no picture has the same contents.")
    return int(images.ids[images.hashes.index(sha256)])


def compared(former: Body, latter: Body) -> tuple[bool, list[str]]:
    """Whether both answers have the same results, and sentences on that and on differences in how they were made."""
    differences = _results(former["hits"], latter["hits"])
    conditions = _conditions(former.get("made_with"), latter["made_with"])
    conditions += _words(former.get("words") or {}, latter.get("words") or {})
    if differences:
        return False, ["The results differ.", *differences, *conditions]
    return True, ["The same results.", *conditions]


def _words(former: Body, latter: Body) -> list[str]:
    """What differs in how words were understood; nothing for a search without words, or an export from before."""
    if not former or not latter:
        return []
    found = []
    if former.get("lexicon") != latter["lexicon"]:
        found.append(f"Dictionary: sha256 {_short(former.get('lexicon', ''))} then, {_short(latter['lexicon'])} now.")
    then, now = former.get("classes", []), latter["classes"]
    if then != now:
        found.append(f"The words stood for {_kinds(then)} then, for {_kinds(now)} now.")
    if former.get("weights") != latter["weights"]:
        weights = _short(former.get("weights", "")), _short(latter["weights"])
        found.append(f"Weights of the network that recognises words: sha256 {weights[0]} then, {weights[1]} now.")
    if former.get("precision") != latter["precision"]:
        then, now = former.get("precision") or "none", latter["precision"] or "none"
        found.append(f"Precision of the network that recognises words: {then} then, {now} now.")
    return found


def _kinds(classes: Sequence[str]) -> str:
    named = ", ".join(classes[:3]) or "nothing"
    return f"{len(classes)} classes ({named}, …)" if len(classes) > 3 else named


def _conditions(former: Body | None, latter: Body | None) -> list[str]:
    if latter is None:  # by names, labels and texts only: no encoder had a say
        return []
    if former is None:
        return ["The former result does not say with which precision, weights and collection it was made."]
    found = []
    if former["precision"] != latter["precision"]:
        then, now = former["precision"], latter["precision"]
        found.append(f"Precision: {then} then, {now} now (--precision {then} computes as then).")
    if former["weights"] != latter["weights"]:
        found.append(f"Weights: sha256 {_short(former['weights'])} then, {_short(latter['weights'])} now.")
    if not found and former["encoder"] != latter["encoder"]:
        found.append("Encoder: another version, or it learned from other pictures.")
    if former["collection"] != latter["collection"]:
        found.append(f"Collection: other contents, {former['images']:,} pictures then and {latter['images']:,} now.")
    return found + _versions(former["versions"], latter["versions"])


def _versions(former: Mapping[str, str], latter: Mapping[str, str]) -> list[str]:
    names = [name for name in latter if former.get(name) != latter[name]]
    return [f"Version of {name}: {former.get(name, 'unknown')} then, {latter[name]} now." for name in names]


def _results(former: Sequence[Body], latter: Sequence[Body]) -> list[str]:
    """The differences between two lists of hits: which ranks, and by how much the distances of common hits."""
    found = []
    if len(former) != len(latter):
        found.append(f"{len(former):,} pictures were found then, {len(latter):,} now.")
    key = "sha256" if all(hit.get("sha256") for hit in former) else "name"  # ids are those of one home
    nothing: Body = {}
    pairs = enumerate(zip_longest(former, latter, fillvalue=nothing), 1)
    found += [f"Rank {n}: {_named(a)} then, {_named(b)} now." for n, (a, b) in pairs if a.get(key) != b.get(key)]
    now = {hit[key]: float(hit["distance"]) for hit in latter}
    moved = [_difference(float(hit["distance"]), now[hit[key]]) for hit in former if hit[key] in now]
    return [*found, f"Distances of the same pictures differ by up to {max(moved):.2g}."] if any(moved) else found


def _difference(then: float, now: float) -> float:
    return 0.0 if np.isclose(then, now, rtol=_ROUNDING, atol=_ROUNDING) else abs(then - now)


def _named(hit: Body) -> str:
    return str(hit["name"]) if hit else "nothing"


def _short(digest: str) -> str:
    return f"{digest[:12]}…" if digest else "none"
