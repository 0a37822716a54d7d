"""The interface of formats: how a data set is written for another program, and read from one."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import ClassVar

from engine.core.errors import BadParameter
from engine.interchange.dataset import Dataset, Sample
from engine.interchange.files import Files
from engine.interchange.target import Target


class Format(ABC):
    """A format of data sets. The constructor only stores which columns the user named.

    Args:
        columns: the program's name of each of our fields, where it differs: {"label": "class_name"}.

    Raises:
        BadParameter: columns for a format whose names are fixed.
    """

    name: ClassVar[str]  # on the command line and in jobs
    title: ClassVar[str]
    summary: ClassVar[str]  # one plain sentence
    rank: ClassVar[int] = 50
    needs_vectors: ClassVar[bool] = False
    needs_pictures: ClassVar[bool] = True  # whether it is written with the pictures themselves, and can be imported
    names_columns: ClassVar[bool] = False

    def __init__(self, columns: Mapping[str, str] | None = None) -> None:
        if columns and not self.names_columns:
            raise BadParameter("columns", f"the format {self.name}", "left out: their names are fixed", str(columns))
        self.columns = dict(columns or {})

    @abstractmethod
    def write(self, dataset: Dataset, target: Target) -> None:
        """Write a data set into an empty folder."""

    @abstractmethod
    def read(self, files: Files) -> list[Sample]:
        """The samples among the files of a folder or archive.

        Raises:
            Unreadable: these are not the files of such a data set. BadParameter: a value that cannot be.
        """
