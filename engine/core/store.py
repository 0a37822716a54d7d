"""Stores: folders of immutable generations with one commit point.

    vectors/model-2@1f3a.../
        current.json            -> {"generation": "000007", "manifest": "<sha256 of its manifest.json>"}
        000007/manifest.json    format, version, facts, and the sha256 of every other file
        000007/vectors.npy ...

A reader follows the pointer once, so it never sees files of two generations together; a writer that dies leaves
the pointer where it was. Whatever was left half-written is swept away by the next publish.
"""

from __future__ import annotations

import logging
import os
import shutil
import tempfile
from collections.abc import Callable, Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from filelock import FileLock

from engine.core.errors import Corrupt, NotFound, checksum_mismatch, reason_of
from engine.core.storage import (
    NOT_READABLE,
    file_digest,
    full_disk_named,
    read_object,
    replace_file,
    sealed,
    set_aside,
    sync_folder,
)

T = TypeVar("T")


@dataclass(frozen=True)
class Snapshot:
    """One generation of a store, checked: its folder, the facts it was published with, and its digest."""

    folder: Path
    facts: dict[str, Any]
    digest: str


class Store:
    """A folder of immutable generations with one commit point (see the head of this file).

    `format` and `version` name what the generations hold; a generation of another format or version reads as absent,
    so that it is rebuilt instead of misread.
    """

    def __init__(self, folder: Path, *, format: str, version: int) -> None:
        self.folder = Path(folder)
        self.format = format
        self.version = version

    @property
    def pointer(self) -> Path:
        """The file that names the current generation; every publish changes it."""
        return self.folder / "current.json"

    def publish(self, fill: Callable[[Path], None], facts: dict[str, Any]) -> Snapshot:
        """Let `fill(folder)` write the files of a new generation, then make it current in a single step.

        The last two levels of the store's folder are created if missing, never their parents.

        Raises:
            NotFound: the owner of the store has been removed, before or meanwhile.
            StorageFull: the disk refused; the previous generation stays current.
        """
        try:
            with full_disk_named(self.folder.name):
                for folder in (self.folder.parent, self.folder):
                    if folder.is_file():
                        set_aside(folder)
                    folder.mkdir(exist_ok=True)
                return self._publish(fill, facts)
        except FileNotFoundError as error:
            if self.folder.is_dir():
                raise
            raise NotFound(f"The folder {self.folder} has been removed meanwhile.") from error

    def _publish(self, fill: Callable[[Path], None], facts: dict[str, Any]) -> Snapshot:
        with FileLock(self.folder / ".lock"):
            former = self._pointer(broken_ok=True)
            building = Path(tempfile.mkdtemp(dir=self.folder, prefix=".building-"))
            try:
                fill(building)
                digest = self._write_manifest(building, facts)
                target = self.folder / self._next_name()
                os.rename(building, target)
            except BaseException:
                shutil.rmtree(building, ignore_errors=True)
                raise
            sync_folder(self.folder)
            pointer = {"generation": target.name, "manifest": digest}
            replace_file(self.pointer, sealed(pointer))
            self._sweep(keep={target.name, former["generation"] if former else ""})
        return Snapshot(target, facts, digest)

    def open(self, only: Collection[str] | None = None) -> Snapshot | None:
        """The current generation with every checksum verified, or None if none has this format and version.

        `only` lists the files to verify, for quick access to the facts and the small files; None verifies all.

        Raises:
            Corrupt: a file differs from what was published; the message names it.
        """
        return self._current(lambda folder, digest: self._checked(folder, digest, only))

    def intact(self, **facts: Any) -> Snapshot | None:
        """The current generation if it is undamaged and was published with these facts, else None.

        For what can be made again: damage is only noted in the log.
        """
        try:
            snapshot = self.open()
        except Corrupt as error:
            logging.getLogger("benzer").warning("%s It is made again.", error.message)
            return None
        if snapshot is None or any(snapshot.facts.get(name) != value for name, value in facts.items()):
            return None
        return snapshot

    def verify(self) -> None:
        """Compare every file of the current generation with its checksum, whatever its format and version.

        Raises:
            Corrupt: a file differs from what was published; the message names it.
        """
        self._current(self._verified)

    def _current(self, look: Callable[[Path, str], T]) -> T | None:
        """The result of `look(folder, digest of the manifest)` on the current generation, None if there is none."""
        for _ in range(8):
            pointer = self._pointer()
            if pointer is None:
                return None
            folder = self.folder / pointer["generation"]
            try:
                return look(folder, pointer["manifest"])
            except NOT_READABLE as error:
                raise Corrupt(f"The file {error.filename} has been damaged: {reason_of(error)}.") from error
            except FileNotFoundError as error:
                # A newer generation may have been published, and this one deleted, since the pointer was read.
                missing = error.filename
                if self._pointer() == pointer:
                    break
        raise Corrupt(f"The file {missing} is missing although it was published.")

    def outdated(self) -> bool:
        """Whether the current generation has another format or version, and so reads as absent.

        Raises:
            Corrupt: its manifest is damaged.
        """
        return self._pointer() is not None and self.open(only=()) is None

    def forget_former(self) -> None:
        """Delete all generations but the current one, for stores that have no readers while they are written.

        Raises:
            StorageFull: the disk refused; nothing is deleted then.
        """
        with full_disk_named(self.folder.name), FileLock(self.folder / ".lock"):
            pointer = self._pointer(broken_ok=True)
            if pointer:
                self._sweep(keep={pointer["generation"]})

    def discard(self) -> None:
        """Delete the store with all its generations."""
        shutil.rmtree(self.folder, ignore_errors=True)

    def _pointer(self, *, broken_ok: bool = False) -> dict[str, str] | None:
        try:
            pointer: dict[str, str] = read_object(self.pointer, generation=str, manifest=str)
        except FileNotFoundError:
            return None
        except Corrupt:
            if broken_ok:
                return None
            raise
        return pointer

    def _checked(self, folder: Path, digest: str, only: Collection[str] | None) -> Snapshot | None:
        manifest = _manifest(folder, digest)
        if (manifest["format"], manifest["version"]) != (self.format, self.version):
            return None
        _verify(folder, manifest["files"], only)
        return Snapshot(folder, manifest["facts"], digest)

    @staticmethod
    def _verified(folder: Path, digest: str) -> None:
        _verify(folder, _manifest(folder, digest)["files"], None)

    def _write_manifest(self, folder: Path, facts: dict[str, Any]) -> str:
        files = {}
        for path in sorted(p for p in folder.rglob("*") if p.is_file()):
            with open(path, "rb+") as file:
                os.fsync(file.fileno())
            files[path.relative_to(folder).as_posix()] = file_digest(path)
        body = {"format": self.format, "version": self.version, "facts": facts, "files": files}
        replace_file(folder / "manifest.json", sealed(body))
        return file_digest(folder / "manifest.json")

    def _next_name(self) -> str:
        numbers = [int(p.name) for p in self.folder.iterdir() if p.name.isdigit()]
        return f"{max(numbers, default=0) + 1:06d}"

    def _sweep(self, keep: set[str]) -> None:
        # The previous generation stays until the next publish: a reader may just have followed the pointer.
        for path in self.folder.iterdir():
            if path.is_dir() and path.name not in keep:
                shutil.rmtree(path, ignore_errors=True)


def _manifest(folder: Path, digest: str) -> dict[str, Any]:
    path = folder / "manifest.json"
    if file_digest(path) != digest:
        raise checksum_mismatch(path)
    return read_object(path, format=str, version=int, files=dict, facts=dict)


def _verify(folder: Path, files: dict[str, str], only: Collection[str] | None) -> None:
    for name, known in files.items():
        if (only is None or name in only) and file_digest(folder / name) != known:
            raise checksum_mismatch(folder / name)
