"""What may be put in the place of a file between the moment it is chosen and that at which it is read."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Callable
from functools import cache, partial
from pathlib import Path
from typing import Any

ASKED = (  # of the system, on the way to a file
    "lstat", "open", "fstat", "readlink", "stat", "scandir", "mkdir", "link", "replace", "unlink",
)  # fmt: skip
STEPS = {"open", "os.mkdir", "os.link", "os.rename", "os.remove", "os.rmdir"}  # as Python tells who audits it


def removed(path: Path) -> Path:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    elif os.path.lexists(path):
        path.unlink()
    return path


SWAPS: dict[str, Callable[[Path, Path], object]] = {
    "a link": lambda path, other: removed(path).symlink_to(other),
    "a pipe": lambda path, other: os.mkfifo(removed(path)),
    "a folder": lambda path, other: removed(path).mkdir(),
    "nothing": lambda path, other: removed(path),
    "a link above": lambda path, other: removed(path.parent).symlink_to(other.parent),
    "renamed above": lambda path, other: path.parent.rename(path.parent.with_name("renamed")),
}


class System:
    """The module `os`, but `act` is done right before the question of that number is asked of it."""

    def __init__(self, number: int, act: Callable[[], object], no_proc: bool = False) -> None:
        self.left, self.act, self.no_proc = number, act, no_proc

    def __getattr__(self, name: str) -> Any:
        return partial(self._asked, name) if name in ASKED else getattr(os, name)

    def _asked(self, name: str, *arguments: Any, **options: Any) -> Any:
        self.left -= 1
        if self.left == -1:
            self.act()
        if name == "readlink" and self.no_proc:
            raise FileNotFoundError(2, "No such file or directory")
        return getattr(os, name)(*arguments, **options)


class Moment:
    """`act` is done right before the step of that number since `waits` holds, whoever takes it."""

    now: Moment | None = None

    def __init__(self, waits: Callable[[], bool], number: int, act: Callable[[], object]) -> None:
        self.waits, self.left, self.act = waits, number, act
        _watch()

    def __enter__(self) -> Moment:
        Moment.now = self
        return self

    def __exit__(self, *_: object) -> None:
        Moment.now = None

    def step(self) -> None:
        Moment.now = None  # what happens here is no step of the import
        if self.waits():
            self.left -= 1
            if self.left < 0:
                self.act()
                return
        Moment.now = self


@cache
def _watch() -> None:
    sys.addaudithook(_noticed)  # it stays, and does nothing outside of a `Moment`


def _noticed(event: str, _: tuple[Any, ...]) -> None:
    if event in STEPS and Moment.now is not None:
        Moment.now.step()
