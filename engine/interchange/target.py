"""The folder that a data set is written to: pictures, texts and JSON, each under a safe name."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from engine.core.errors import NotFound
from engine.core.progress import Reporter
from engine.interchange.dataset import Sample


class Target:
    """An empty folder to fill.

    Args:
        picture: the bytes of a picture by its id; NotFound where its file has vanished.
        total: how many pictures there are, for the progress.

    Attributes:
        count: pictures written so far. left_out: names of those that could not be read, each with the reason.
    """

    def __init__(self, folder: Path, picture: Callable[[int], bytes], reporter: Reporter, total: int) -> None:
        self.folder, self.total = folder, total
        self.count, self.left_out = 0, list[tuple[str, str]]()
        self._picture, self._reporter = picture, reporter

    def pictures(self, samples: Iterable[Sample]) -> Iterator[tuple[Sample, bytes]]:
        """Each sample with the bytes of its file; those whose file has vanished are noted and passed over."""
        for sample in samples:
            if (data := self.picture(sample)) is not None:
                yield sample, data

    def picture(self, sample: Sample) -> bytes | None:
        """The bytes of a sample's file, which counts as exported; None, and a note, where it has vanished."""
        self._reporter.update("Exporting", self.count + len(self.left_out), self.total, "pictures")
        try:
            data = self._picture(sample.id)
        except NotFound as error:
            self.left_out.append((sample.name, error.message))
            return None
        self.count += 1
        return data

    def copied(self, samples: Iterable[Sample], place: Callable[[Sample], str]) -> list[Sample]:
        """Copy the files of samples; those that were copied, each named by its place in the folder."""
        found = []
        for sample, data in self.pictures(samples):
            name = place(sample)
            self.path(name).write_bytes(data)
            found.append(replace(sample, name=name))
        return found

    def path(self, name: str) -> Path:
        """A path in the folder, whose own folders are made."""
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        return path

    def text(self, name: str, text: str) -> None:
        """Write a text file verbatim, without converting line ends."""
        self.path(name).write_text(text, encoding="utf-8", newline="")

    def json(self, name: str, body: Any) -> None:
        """Write a JSON file."""
        self.text(name, json.dumps(body, ensure_ascii=False))
