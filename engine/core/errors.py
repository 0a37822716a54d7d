"""Everything that can go wrong, as one tree.

    BenzerError
    ├── BadParameter        an invalid value: of which parameter, and what it must be
    │   └── DoesNotApply        a parameter beside another that leaves it without a meaning
    ├── NotFound            no collection, image, run or file of that name
    ├── NothingKnown        nothing can be found here: by the words of a query, or within its limits
    ├── NameTaken           the name is already in use
    ├── InUse               other work is changing it at this moment
    ├── Unreadable          bytes in an unexpected format
    │   ├── UnreadableImage     one picture; carries the stage and a code
    │   ├── UnreadableArchive   a ZIP or tar
    │   └── UnreadableTable     a CSV
    ├── NotReady            something has to be prepared first; the page offers to do it
    │   ├── NotTrained
    │   ├── NoWeights
    │   ├── NoVectors
    │   ├── StaleVectors
    │   └── NoIndex
    ├── Corrupt             a stored file no longer matches its checksum; names the file
    ├── StorageFull         the disk refused a write; the previous content is intact
    ├── Diverged            a training whose loss became NaN or infinite
    ├── OutOfMemory         not even a part of the work fits into memory
    ├── MissingPackage      an optional package is not installed; carries the exact pip line
    ├── Offline             a download is needed and the network is unreachable
    └── Stopped             the user asked the work to stop

Every message is one sentence for the user. `way_out` is an optional second sentence: what to do about it.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any


class BenzerError(Exception):
    """The root: a sentence and, optionally, what to do about it."""

    def __init__(self, message: str, *, way_out: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.way_out = way_out

    def __str__(self) -> str:
        return f"{self.message} {self.way_out}".strip()

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle the finished sentence, not the arguments it was built from."""
        return _unpickled, (type(self), self.args), self.__dict__


def _unpickled(kind: type[BenzerError], arguments: tuple[Any, ...]) -> BenzerError:
    return kind.__new__(kind, *arguments)


class BadParameter(BenzerError, ValueError):
    """A parameter with an invalid value.

    >>> str(BadParameter("k", "the search", "a whole number from 1 to 1000", 0))
    'The k of the search must be a whole number from 1 to 1000; got 0.'
    """

    def __init__(self, parameter: str, thing: str, constraint: str, value: object, *, way_out: str = "") -> None:
        shown = repr(value) if isinstance(value, str) else str(value)
        shown = shown if len(shown) <= 80 else shown[:77] + "..."
        super().__init__(f"The {parameter} of {thing} must be {constraint}; got {shown}.", way_out=way_out)
        self.parameter = parameter


class DoesNotApply(BadParameter):
    """A parameter that what was asked leaves without a meaning.

    >>> str(DoesNotApply("--keep", "classify --list", "it only lists"))
    '--keep does not go with classify --list: it only lists.'
    """

    def __init__(self, parameter: str, thing: str, reason: str) -> None:
        BenzerError.__init__(self, f"{parameter} does not go with {thing}: {reason}.")
        self.parameter = parameter


class NotFound(BenzerError, LookupError):
    """No collection, image, run or file of that name."""


class NothingKnown(BenzerError):
    """Nothing can be found here: no word of a query means anything, or no picture is within its limits."""


class NameTaken(BenzerError):
    """The name is already in use."""


class InUse(BenzerError):
    """Other work is changing it at this moment."""


class Unreadable(BenzerError):
    """Bytes in an unexpected format."""


class UnreadableImage(Unreadable):
    """One picture that cannot be used: `stage` (look, header, decode, worker) and a short `code` say where and why."""

    def __init__(self, stage: str, code: str, message: str) -> None:
        super().__init__(message)
        self.stage = stage
        self.code = code

    def __reduce__(self) -> tuple[type[UnreadableImage], tuple[str, str, str]]:
        return type(self), (self.stage, self.code, self.message)


class UnreadableArchive(Unreadable):
    """A file that is not a valid ZIP or tar, or that must not be unpacked."""


class UnreadableTable(Unreadable):
    """A file that is not a valid CSV, or lacks a column."""


class NotReady(BenzerError):
    """Something has to be prepared first."""


class NotTrained(NotReady):
    """The encoder has no weights yet."""


class NoWeights(NotReady):
    """The weights of a ready-made network are not on this computer; `megabytes` is the size of the download."""

    def __init__(self, message: str, megabytes: int = 0, *, way_out: str = "") -> None:
        super().__init__(message, way_out=way_out)
        self.megabytes = megabytes


class NoVectors(NotReady):
    """The collection has not been embedded with this encoder yet."""


class StaleVectors(NotReady):
    """The vectors were computed from images or weights that have changed since."""


class NoIndex(NotReady):
    """The index of this recipe is too large to build on the fly and needs a job first."""


class Corrupt(BenzerError):
    """A stored file no longer matches its checksum."""


class StorageFull(BenzerError):
    """The disk refused a write."""


class Diverged(BenzerError):
    """A training whose loss became NaN or infinite."""


class OutOfMemory(BenzerError):
    """Not even a part of the work fits into memory."""


class MissingPackage(BenzerError, ImportError):
    """An optional package is not installed.

    >>> str(MissingPackage("HNSW search", "faiss-cpu"))
    'HNSW search needs a package that is not installed. Install it with: pip install faiss-cpu'
    """

    def __init__(self, thing: str, package: str) -> None:
        super().__init__(
            f"{thing} needs a package that is not installed.", way_out=f"Install it with: pip install {package}"
        )


class Offline(BenzerError):
    """A download is needed and the network is unreachable."""


class Stopped(BenzerError):
    """The user asked the work to stop."""

    def __init__(self, message: str = "Stopped, as asked.") -> None:
        super().__init__(message)


def reason_of(error: OSError) -> str:
    """The operating system's description of an error, for the middle of a sentence."""
    return (error.strerror or str(error)).lower()


def checksum_mismatch(path: Path, *, way_out: str = "") -> Corrupt:
    """The error for a stored file whose bytes have changed."""
    return Corrupt(f"The file {path} has been damaged: it no longer matches its checksum.", way_out=way_out)
