"""Moving pictures to the trash folder, and restoring them. Nothing is ever deleted for good."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable, Sequence
from collections.abc import Collection as Some
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from engine.collections.collection import Collection
from engine.core.humanize import count_of, file_size
from engine.core.moving import move_without_replacing
from engine.core.progress import Reporter
from engine.core.storage import sync_folder
from engine.duplicates.acts.catalogue_rows import settle, settle_all
from engine.duplicates.acts.checking import Drop, Refusal, Refused, checked
from engine.duplicates.acts.journal import SIDECAR, Batch, Entry, Kind, batch_of, begin
from engine.duplicates.acts.links import put_link, restore_links
from engine.duplicates.decisions import decisions_of
from engine.duplicates.rules import Rule

# What is being done, for progress and titles of jobs.
DOING = {"trash": "Moving pictures", "link": "Linking pictures", "restore": "Restoring pictures"}


@dataclass(frozen=True)
class Outcome:
    """The outcome of an act: its name ("" if nothing was done), files and bytes, and what was refused."""

    batch: str
    files: int
    bytes: int
    refused: tuple[Refusal, ...] = ()

    def sentence(self, done: str) -> str:
        """E.g. "12 pictures (3.1 MB) moved to the trash." with `done` "moved to the trash"."""
        if not self.files and self.refused:
            return f"Nothing was changed: {self.refused[0].sentence}"
        text = f"{count_of(self.files, 'picture')} ({file_size(self.bytes)}) {done}."
        left = count_of(len(self.refused), "picture")
        return f"{text} {left} left in place: {self.refused[0].sentence}" if self.refused else text


def move_to_trash(
    collection: Collection, drops: Sequence[Drop], rule: Rule | None = None, reporter: Reporter | None = None
) -> Outcome:
    """Move the files of these pictures to the trash folder and delete their rows from the catalogue.

    A file is refused if it, or the one that is kept, is gone or has changed, or if it is outside the root.

    Raises:
        BenzerError: other work changes the collection, or the folder cannot be written to; nothing was changed.
    """
    return _act(collection, "trash", drops, rule, reporter, _take_away)


def share_files(
    collection: Collection, drops: Sequence[Drop], rule: Rule | None = None, reporter: Reporter | None = None
) -> Outcome:
    """Replace files by hard links to the kept ones of equal content; raises and refuses as `move_to_trash` does."""
    return _act(collection, "link", drops, rule, reporter, put_link)


def _act(
    collection: Collection,
    kind: Kind,
    drops: Sequence[Drop],
    rule: Rule | None,
    reporter: Reporter | None,
    act: Callable[[Batch, Entry], None],
) -> Outcome:
    with collection.alone():
        collection.check_unmoved()
        settle_all(collection)
        given, decided = rule or Rule(), decisions_of(collection)
        protecting = Rule(given.keep, given.folder, (*given.protected, *decided.protected))
        entries, refused = checked(collection, list(drops), protecting, kind)
        if not entries:
            return Outcome("", 0, 0, tuple(refused))
        batch = begin(collection, kind, entries)
        try:
            done, left = _each(DOING[kind], entries, lambda entry: act(batch, entry), reporter or Reporter())
        finally:  # a stop leaves what has been moved so far where it is
            settle(collection, batch)
            batch.note("done")
    return Outcome(batch.name, len(done), sum(entry.size for entry in done), (*refused, *left))


def restore(
    collection: Collection, name: str, paths: Some[str] | None = None, reporter: Reporter | None = None
) -> Outcome:
    """Put the files of an act back in place, all or those of the given paths; their rows keep their ids.

    Raises:
        NotFound: no such act. BenzerError: other work changes the collection.
    """
    with collection.alone():
        collection.check_unmoved()
        settle_all(collection)
        batch = batch_of(collection, name)
        wanted = [entry for entry in batch.waiting if paths is None or entry.path in paths]
        batch.note("restoring")
        put = restore_links if batch.kind == "link" else _put_back
        try:
            back, left = _each(DOING["restore"], wanted, lambda entry: put(batch, entry), reporter or Reporter())
        finally:
            settle(collection, batch)
            batch.note("done" if batch.waiting else "restored")
    _remove_empty(batch)
    return Outcome(batch.name, len(back), sum(entry.size for entry in back), tuple(left))


def _each(
    doing: str, entries: list[Entry], act: Callable[[Entry], None], reporter: Reporter
) -> tuple[list[Entry], list[Refusal]]:
    """Act on every entry: those it was done to, and those that it was refused for."""
    done: list[Entry] = []
    refused: list[Refusal] = []
    for number, entry in enumerate(entries):
        reporter.update(doing, number, len(entries), "files")
        try:
            act(entry)
            done.append(entry)
        except Refused as error:
            refused.append(Refusal(entry.path, error.message))
        except OSError as error:
            refused.append(Refusal(entry.path, f"The disk refused: {os.strerror(error.errno or errno.EIO).lower()}."))
    reporter.update(doing, len(entries), len(entries), "files")
    return done, refused


def _take_away(batch: Batch, entry: Entry) -> None:
    target = batch.inside(entry)
    _make_durably(target.parent, batch.folder)
    try:
        os.rename(batch.at(entry), target)  # the target is in a new folder: nothing can be there
    except FileNotFoundError as error:
        raise Refused("The file is no longer there.") from error
    except OSError as error:
        if error.errno == errno.EXDEV:
            raise Refused("It is not on the same disk as the trash folder.") from error
        raise
    if entry.sidecar:
        _carry(batch.at(entry), target)
    sync_folder(target.parent)


def _put_back(batch: Batch, entry: Entry) -> None:
    source, target = batch.inside(entry), batch.at(entry)
    _check_place(target.parent, batch.root)
    _make_durably(target.parent, batch.root)
    try:
        move_without_replacing(source, target)  # cut off, the file has both names: see `settle`
    except FileExistsError as error:
        raise Refused("Another file has its name now.") from error
    if entry.sidecar:
        _carry(source, target)
    sync_folder(target.parent)


def _make_durably(folder: Path, below: Path) -> None:
    """Make a folder and those between, durably: what is moved there must not vanish with them at a power failure."""
    if folder.is_dir():
        return
    folder.mkdir(parents=True, exist_ok=True)
    for parent in folder.parents[: len(folder.relative_to(below).parts)]:
        sync_folder(parent)


def _check_place(folder: Path, root: Path) -> None:
    """Refused where the folder, as far as it exists and links resolved, is no longer below the root."""
    if not folder.resolve().is_relative_to(root.resolve()):
        raise Refused("Its former place is now outside the folder of the collection.")


def _carry(source: Path, target: Path) -> None:
    """Let the sidecar of a picture go with it, where it can."""
    beside, there = (path.with_name(path.name + SIDECAR) for path in (source, target))
    if beside.is_file():
        with suppress(OSError):  # the picture itself has been moved already
            move_without_replacing(beside, there)


def _remove_empty(batch: Batch) -> None:
    """Take away the empty folders that a restored act leaves; its plan and journal stay as a log."""
    for folder, _, _ in os.walk(batch.folder / "files", topdown=False):
        try:
            os.rmdir(folder)
        except OSError:
            continue
