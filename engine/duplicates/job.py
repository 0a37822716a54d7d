"""Finding duplicates, and acting on many of them, as jobs."""

from __future__ import annotations

from typing import Any

from engine.collections.collection import Collection
from engine.core.errors import BadParameter
from engine.core.home import home_of
from engine.core.progress import Reporter
from engine.duplicates.acts.checking import Drop
from engine.duplicates.acts.trash import Outcome, move_to_trash, restore, share_files
from engine.duplicates.pairs import find_same_pictures
from engine.duplicates.rules import Rule

ACTS = {"trash": "moved to the trash", "link": "share the file of the kept picture now", "restore": "restored"}


def find(arguments: dict[str, Any], reporter: Reporter) -> dict[str, Any]:
    """Find the pictures of `collection` that show the same, regardless of size, orientation, crop and colour."""
    found = find_same_pictures(Collection.open(home_of(arguments), arguments["collection"]), reporter)
    return {"collection": arguments["collection"], "pairs": len(found.rows)}


def act(arguments: dict[str, Any], reporter: Reporter) -> dict[str, Any]:
    """Do what `act` says, trash or link with `drops` (id, content, keeper), restore with `batch`, in `collection`."""
    collection = Collection.open(home_of(arguments), arguments["collection"])
    outcome = _outcome(collection, arguments, reporter)
    refused = [[refusal.name, refusal.sentence] for refusal in outcome.refused]
    sentence = outcome.sentence(ACTS[arguments["act"]])
    return {"batch": outcome.batch, "files": outcome.files, "refused": refused, "sentence": sentence}


def _outcome(collection: Collection, arguments: dict[str, Any], reporter: Reporter) -> Outcome:
    what = arguments["act"]
    if what not in ACTS:
        raise BadParameter("act", "duplicates", "one of " + ", ".join(ACTS), what)
    if what == "restore":
        return restore(collection, arguments["batch"], reporter=reporter)
    drops = [Drop(*drop) for drop in arguments["drops"]]
    rule = Rule(protected=tuple(arguments.get("protected", ())))
    return (move_to_trash if what == "trash" else share_files)(collection, drops, rule, reporter)
