"""Where the parts of a distributed index live: in this process, or on the nodes of a Ray cluster.

Ray is never started or joined unasked. `$BENZER_RAY` asks for it: "local" starts one on this computer, anything else is
the address of a cluster to join ("auto" for the one this node belongs to). Without it parts live in this process.
"""

from __future__ import annotations

import os
import secrets
import socket
from collections.abc import Sequence
from typing import Any, Protocol

from engine.errors import BenzerError, MissingPackage
from engine.home import PROJECT

ASKED = "BENZER_RAY"
LOCAL = "local"
_REACHED_WITHIN = 5.0  # seconds to find out that nothing answers at an address
_STORE = 256 << 20  # bytes of Ray's own memory on this computer: queries and answers are small
_QUIET = {"RAY_USAGE_STATS_ENABLED": "0", "RAY_ENABLE_UV_RUN_RUNTIME_ENV": "0"}

Call = tuple[Any, str, tuple[Any, ...]]


class Lost(BenzerError):
    """A worker that does not answer any more."""


class Workers(Protocol):
    """Who holds objects and answers calls to them."""

    @property
    def title(self) -> str: ...

    def hold(self, kind: type, arguments: tuple[Any, ...]) -> Any:
        """Make an object somewhere; a handle to it."""

    def ask(self, calls: Sequence[Call], seconds: float | None = None) -> list[Any]:
        """Call methods of held objects, all at once; each result, or Lost where none comes. Other errors are raised."""

    def let_go(self, handles: Sequence[Any]) -> None:
        """Forget objects."""


class InThisProcess:
    """Objects beside the caller, asked one after the other: every node's share of the work on one processor."""

    title = "this process"

    def hold(self, kind: type, arguments: tuple[Any, ...]) -> Any:
        return kind(*arguments)

    def ask(self, calls: Sequence[Call], seconds: float | None = None) -> list[Any]:
        return [getattr(held, method)(*arguments) for held, method, arguments in calls]

    def let_go(self, handles: Sequence[Any]) -> None:
        pass


class OnRay:
    """Objects as Ray actors, spread over the nodes; one that dies is made anew from its arguments."""

    def __init__(self, address: str) -> None:
        self.ray, self.address = _joined(address), address

    @property
    def title(self) -> str:
        nodes = sum(node["Alive"] for node in self.ray.nodes())
        return f"Ray on {nodes} node" + ("s" if nodes != 1 else "")

    def hold(self, kind: type, arguments: tuple[Any, ...]) -> Any:
        options = {"num_cpus": 0, "max_restarts": -1, "max_task_retries": 0, "scheduling_strategy": "SPREAD"}
        return self.ray.remote(**options)(kind).remote(*arguments)

    def ask(self, calls: Sequence[Call], seconds: float | None = None) -> list[Any]:
        waiting = [getattr(handle, method).remote(*arguments) for handle, method, arguments in calls]
        self.ray.wait(waiting, num_returns=len(waiting), timeout=seconds)
        return [self._answer(one) for one in waiting]

    def let_go(self, handles: Sequence[Any]) -> None:
        for handle in handles if self.ray.is_initialized() else ():
            self.ray.kill(handle)

    def _answer(self, one: Any) -> Any:
        errors = self.ray.exceptions
        try:
            return self.ray.get(one, timeout=0)
        except (errors.RayActorError, errors.GetTimeoutError, errors.WorkerCrashedError) as error:
            return Lost(f"A part of the index does not answer ({type(error).__name__}).")
        except errors.RayTaskError as error:
            raise error.cause from error


def workers() -> Workers:
    """Those that `$BENZER_RAY` asks for.

    Raises:
        MissingPackage: Ray is asked for and not installed. BenzerError: nothing answers at the address.
    """
    address = os.environ.get(ASKED, "")
    return OnRay(address) if address else InThisProcess()


def _joined(address: str) -> Any:
    """Ray, started here or joined; a second call finds it as it is."""
    if address != LOCAL:
        _check_reached(address)
    own = {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": secrets.token_hex(24)}
    # Ray looks when it is imported. Its ports are open on every interface: nobody without the token is answered.
    for name, value in (_QUIET | (own if address == LOCAL else {})).items():
        os.environ.setdefault(name, value)
    try:
        import ray
        import ray.exceptions
    except ImportError as error:
        raise MissingPackage("An index on Ray", '"ray>=2.52"') from error
    if not ray.is_initialized():
        _begin(ray, address)
    return ray


def _begin(ray: Any, address: str) -> None:
    quiet = {"log_to_driver": False, "logging_level": "ERROR", "ignore_reinit_error": True}
    code = {"env_vars": {"PYTHONPATH": str(PROJECT), "OMP_NUM_THREADS": "1", "NUMBA_NUM_THREADS": "1"}}
    if address == LOCAL:
        own = {"include_dashboard": False, "_node_ip_address": "127.0.0.1", "object_store_memory": _STORE}
        ray.init(runtime_env=code, **own, **quiet)
        return
    try:
        ray.init(address=address, runtime_env=code, **quiet)
    except (ConnectionError, RuntimeError, ValueError) as error:
        raise _unreached(address) from error


def _check_reached(address: str) -> None:
    """Ray itself would try for half a minute before it says that nothing is there."""
    host, colon, port = address.removeprefix("ray://").rpartition(":")
    if not colon or not port.isdigit():
        return
    try:
        socket.create_connection((host.strip("[]"), int(port)), timeout=_REACHED_WITHIN).close()
    except (OSError, OverflowError) as error:
        raise _unreached(address) from error


def _unreached(address: str) -> BenzerError:
    return BenzerError(
        f"No Ray cluster answers at {address!r}.",
        way_out=f"Check the address, or set {ASKED}={LOCAL} to start one on this computer.",
    )
