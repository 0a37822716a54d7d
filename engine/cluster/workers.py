"""Who holds the objects of a distributed index and answers calls to them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

from engine.core.errors import BenzerError

Call = tuple[Any, str, tuple[Any, ...]]


class Lost(BenzerError):
    """A worker that does not answer any more."""


class Workers(Protocol):
    """Who holds objects and answers calls to them, from any thread."""

    @property
    def title(self) -> str:
        """Where they are: "this process", or "Ray on 3 nodes"."""

    def hold(self, kind: type, arguments: tuple[Any, ...], apart: Sequence[Any] = ()) -> Any:
        """Make an object somewhere, on another node than those `apart` where there is one; a handle to it."""

    def ask(self, calls: Sequence[Call], seconds: float | None = None) -> list[Any]:
        """Call methods of held objects, all at once; each result, or Lost where none comes. Other errors are raised."""

    def read(self, calls: Sequence[Call], seconds: float | None = None) -> list[Any]:
        """As `ask`, by the shortest way there is.

        For methods named in their class's `direct`: they change nothing, so that they may be called twice, and take and
        return numbers, texts and arrays.
        """

    def mend(self, handle: Any) -> None:
        """Make an object anew, from its arguments, whose node is gone."""

    def let_go(self, handles: Sequence[Any]) -> None:
        """Forget objects."""

    def idle_nodes(self) -> int:
        """How many nodes hold nothing of these workers."""


class InThisProcess:
    """Objects beside the caller, asked one after the other: every node's share of the work on one processor."""

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
