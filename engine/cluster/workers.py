"""The interface of workers that hold the objects of a distributed index and answer calls to them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

from engine.core.errors import BenzerError

Call = tuple[Any, str, tuple[Any, ...]]


class Lost(BenzerError):
    """A worker that no longer answers."""


class Workers(Protocol):
    """Holds objects and answers calls to them, from any thread."""

    @property
    def title(self) -> str:
        """Where they are: "this process", or "Ray on 3 nodes"."""

    def hold(self, kind: type, arguments: tuple[Any, ...], apart: Sequence[Any] = ()) -> Any:
        """Create an object, if possible on a node without any of those in `apart`, and return its handle."""

    def ask(self, calls: Sequence[Call], seconds: float | None = None) -> list[Any]:
        """Call methods of held objects concurrently; each result, or Lost if none arrives. Other errors are raised."""

    def read(self, calls: Sequence[Call], seconds: float | None = None) -> list[Any]:
        """As `ask`, over direct connections where possible.

        For methods listed in their class's `direct`: they are read-only, so that they may be called twice, and take and
        return numbers, texts and arrays.
        """

    def mend(self, handle: Any) -> None:
        """Recreate an object from its arguments after its node is gone."""

    def let_go(self, handles: Sequence[Any]) -> None:
        """Release objects."""

    def idle_nodes(self) -> int:
        """How many nodes hold no object of these workers."""


class InThisProcess:
    """Objects in the caller's process, called one after the other: all nodes' work on one processor."""

    title = "this process"

    def hold(self, kind: type, arguments: tuple[Any, ...], apart: Sequence[Any] = ()) -> Any:
        return kind(*arguments)

    def ask(self, calls: Sequence[Call], seconds: float | None = None) -> list[Any]:
        return [getattr(held, method)(*arguments) for held, method, arguments in calls]

    def read(self, calls: Sequence[Call], seconds: float | None = None) -> list[Any]:
        return self.ask(calls, seconds)

    def mend(self, handle: Any) -> None:
        pass

    def let_go(self, handles: Sequence[Any]) -> None:
        pass

    def idle_nodes(self) -> int:
        return 0
