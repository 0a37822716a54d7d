"""Objects on the nodes of a Ray cluster: actors, each with direct connections beside Ray's own calls."""

from __future__ import annotations

import os
import secrets
import socket
import threading
import time
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from engine.cluster.rpc import Connection, Connections, Endpoint, RpcServer, packed
from engine.cluster.workers import Call, Lost
from engine.core.errors import BenzerError, MissingPackage
from engine.core.home import IMPORTED_FROM

_LOCAL = "local"
_BACK_AT_ONCE = 0.3  # seconds for a disconnected worker to report back
_NODE_REACHED_WITHIN = 1.0
_REACHED_WITHIN = 5.0  # seconds until an address counts as unreachable
_STORE = 256 << 20  # bytes of Ray's own memory on this computer: queries and answers are small
_QUIET = {"RAY_USAGE_STATS_ENABLED": "0", "RAY_ENABLE_UV_RUN_RUNTIME_ENV": "0"}
# Attempts, a second apart, at an address that answers but is not our Ray; Ray's own default is twenty.
_JOINING = {"RAY_NUM_REDIS_GET_RETRIES": "4"}
_THREADS = "1"  # per worker: a node runs one worker per processor
_AT_ONCE = 4  # concurrent calls that Ray allows per worker


class Actor:
    """An actor that holds one object on a node and calls its methods."""

    def __init__(self, kind: type, arguments: tuple[Any, ...]) -> None:
        self._held = kind(*arguments)
        self._server: RpcServer | None = None
        self._starting = threading.Lock()

    def call(self, method: str, *arguments: Any) -> Any:
        """The method's return value."""
        return getattr(self._held, method)(*arguments)

    def endpoint(self) -> Endpoint:
        """Where the object listens for direct calls."""
        import ray

        with self._starting:
            if self._server is None:
                self._server = RpcServer(self._held, ray.util.get_node_ip_address())
            return self._server.address


@dataclass(eq=False)
class ActorHandle:
    """The caller's handle to a held object; its actor may be restarted on another node."""

    kind: type
    arguments: tuple[Any, ...]
    apart: list[ActorHandle]
    at_once: int = _AT_ONCE
    node: str = ""
    actor: Any = None
    locating: Any = None  # the pending call for its endpoint
    connections: Connections = field(default_factory=Connections)


class RayActors:
    """Objects as Ray actors, spread over the nodes.

    Ray restarts an actor whose process died on the same node; `mend` recreates it elsewhere if the node is gone.
    """

    def __init__(self, address: str) -> None:
        self.ray, self.address = _joined(address), address
        self._held: list[ActorHandle] = []

    @property
    def title(self) -> str:
        nodes = len(self._nodes())
        return f"Ray on {nodes} node" + ("s" if nodes != 1 else "")

    def hold(self, kind: type, arguments: tuple[Any, ...], apart: Sequence[ActorHandle] = ()) -> ActorHandle:
        handle = ActorHandle(kind, arguments, list(apart))
        for other in apart:
            other.apart.append(handle)
        self._place(handle, self._nodes())
        self._held.append(handle)
        return handle

    def hold_on(self, node: str, kind: type, arguments: tuple[Any, ...]) -> ActorHandle:
        """Create an object on that node, or on another if that node is gone; its calls are answered one by one."""
        handle = ActorHandle(kind, arguments, [], at_once=1, node=node)
        self._place(handle, self._nodes())
        self._held.append(handle)
        return handle

    def processors(self) -> list[str]:
        """The live nodes, each repeated once per processor; at least one entry."""
        nodes = self._nodes()
        places = [name for name, node in nodes.items() for _ in range(int(node["Resources"].get("CPU", 0)))]
        return places or list(nodes)[:1]

    def submit(self, handle: ActorHandle, method: str, *arguments: Any) -> Any:
        """Start a method call and return a ticket for `first_done`."""
        return handle.actor.call.remote(method, *arguments)

    def first_done(self, tickets: Sequence[Any], seconds: float) -> list[tuple[Any, Any]]:
        """The first call to finish within the given seconds, with its result or Lost; empty if none does."""
        ready, _ = self.ray.wait(list(tickets), num_returns=1, timeout=seconds)
        return [(ticket, self._answer(ticket)) for ticket in ready]

    def renew(self, handle: ActorHandle) -> None:
        """Recreate a lost object from its arguments."""
        self._kill(handle)
        self._place(handle, self._nodes())

    def ask(self, calls: Sequence[Call], seconds: float | None = None) -> list[Any]:
        return self._gather(self._submit(calls), seconds)

    def read(self, calls: Sequence[Call], seconds: float | None = None) -> list[Any]:
        until = None if seconds is None else time.monotonic() + seconds
        messages = _messages(calls)
        sent = [self._sent(call[0], message, until) for call, message in zip(calls, messages, strict=True)]
        plain = [number for number, connection in enumerate(sent) if connection is None]
        waiting = dict(zip(plain, self._submit([calls[number] for number in plain]), strict=True))
        answers: list[Any] = [None] * len(calls)
        for number, connection in enumerate(sent):
            if connection is not None:
                answers[number] = self._received(calls[number][0], connection, messages[number], until)
        failed = [number for number, answer in enumerate(answers) if answer is None and number not in waiting]
        waiting.update(zip(failed, self._submit([calls[number] for number in failed]), strict=True))
        left = None if until is None else max(until - time.monotonic(), 0.1)
        for number, answer in zip(waiting, self._gather(list(waiting.values()), left), strict=True):
            answers[number] = answer
        return answers

    def mend(self, handle: ActorHandle) -> None:
        nodes = self._nodes()
        own = nodes.pop(handle.node, None)
        if nodes and (own is None or not _listens(own)):
            self._kill(handle)
            self._place(handle, nodes)

    def let_go(self, handles: Sequence[ActorHandle]) -> None:
        for handle in handles:
            self._kill(handle)
            for other in handle.apart:
                other.apart.remove(handle)
            handle.apart = []
        self._held = [handle for handle in self._held if handle not in handles]

    def idle_nodes(self) -> int:
        return len(set(self._nodes()) - {handle.node for handle in self._held})

    # ── where ────────────────────────────────────────────────────────────────────────────────────────────────────

    def _nodes(self) -> dict[str, dict[str, Any]]:
        """Ray's description of the live nodes; nodes without a processor only if there are no others."""
        alive = {node["NodeID"]: node for node in self.ray.nodes() if node["Alive"]}
        return {name: node for name, node in alive.items() if node["Resources"].get("CPU")} or alive

    def _place(self, handle: ActorHandle, nodes: dict[str, dict[str, Any]]) -> None:
        """Start its actor on its previous node, else on the node with the fewest of `apart`, then the fewest actors."""
        from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

        near = Counter(other.node for other in handle.apart)
        all_ = Counter(other.node for other in self._held if other is not handle)
        own = handle.node  # its previous node, "" for a new actor
        ranked = sorted(nodes, key=lambda node: (node != own, near[node], all_[node], secrets.randbits(16)))
        handle.node = next((node for node in ranked if _listens(nodes[node])), ranked[0])
        options = {
            "num_cpus": 0,
            "max_restarts": -1,
            "max_task_retries": 0,
            "max_concurrency": handle.at_once,
            "scheduling_strategy": NodeAffinitySchedulingStrategy(handle.node, soft=False),
        }
        handle.actor = self.ray.remote(**options)(Actor).remote(handle.kind, handle.arguments)

    def _kill(self, handle: ActorHandle) -> None:
        handle.connections.drop()
        handle.locating = None
        if self.ray.is_initialized():
            with suppress(ValueError):  # it is gone already
                self.ray.kill(handle.actor)

    # ── Ray's own calls ──────────────────────────────────────────────────────────────────────────────────────────

    def _submit(self, calls: Sequence[Call]) -> list[Any]:
        """Calls in flight. Arguments shared by several calls are put into Ray's object store once."""
        given = Counter(id(argument) for _, _, arguments in calls for argument in arguments)
        put = {
            id(argument): self.ray.put(argument)
            for _, _, arguments in calls
            for argument in {id(one): one for one in arguments}.values()
            if given[id(argument)] > 1 and not isinstance(argument, int | float | str | tuple)
        }
        return [
            handle.actor.call.remote(method, *(put.get(id(argument), argument) for argument in arguments))
            for handle, method, arguments in calls
        ]

    def _gather(self, waiting: Sequence[Any], seconds: float | None) -> list[Any]:
        if waiting:
            self.ray.wait(list(waiting), num_returns=len(waiting), timeout=seconds)
        return [self._answer(one) for one in waiting]

    def _answer(self, one: Any) -> Any:
        errors = self.ray.exceptions
        try:
            return self.ray.get(one, timeout=0)
        except errors.RayTaskError as error:
            raise error.cause if isinstance(error.cause, Exception) else error from None
        except errors.RayError as error:  # the worker or its node is gone, or the call timed out
            message = f"A worker of the cluster does not answer ({type(error).__name__})."
            return Lost(message, way_out="Try again in a few seconds.")

    # ── direct connections ──────────────────────────────────────────────────────────────────────────────────────

    def _sent(self, handle: ActorHandle, message: bytes, until: float | None) -> Connection | None:
        """The connection that carries the call; None if it has to go through Ray."""
        connection = self._connection(handle)
        if connection is not None:
            with suppress(OSError):  # reading the answer will report the failure
                connection.send(message, until)
        return connection

    def _received(self, handle: ActorHandle, connection: Connection, message: bytes, until: float | None) -> Any:
        """The answer; Lost if none arrives; None if the call has to go through Ray."""
        try:
            return self._answer_on(handle, connection, until)
        except TimeoutError:
            handle.connections.drop()
            return Lost("A worker of the cluster does not answer in time.")
        except (OSError, ValueError):
            handle.connections.drop()
        try:  # it may have been restarted since the last call
            handle.connections.address = self.ray.get(handle.actor.endpoint.remote(), timeout=_BACK_AT_ONCE)
            again = self._sent(handle, message, until)
            return None if again is None else self._answer_on(handle, again, until)
        except (OSError, ValueError, self.ray.exceptions.RayError):
            handle.connections.drop()
            return Lost("A worker of the cluster hung up.", way_out="Try again in a few seconds.")

    def _answer_on(self, handle: ActorHandle, connection: Connection, until: float | None) -> Any:
        try:
            well, *answer = connection.receive(until)
        except (OSError, ValueError):
            connection.close()
            raise
        handle.connections.put_back(connection)
        return tuple(answer) if well else None

    def _connection(self, handle: ActorHandle) -> Connection | None:
        """A connection to the object; None while its endpoint is being looked up, without blocking."""
        connections = handle.connections
        if connections.address is None and not connections.barred:
            locating = handle.locating = handle.locating or handle.actor.endpoint.remote()
            if not self.ray.wait([locating], timeout=0)[0]:
                return None
            handle.locating = None
            with suppress(BenzerError, self.ray.exceptions.RayError):
                connections.address = self.ray.get(locating)
        return connections.take()


def _messages(calls: Sequence[Call]) -> list[bytes]:
    """The messages to send; identical calls are packed once."""
    distinct = {(method, id(arguments)): arguments for _, method, arguments in calls}
    ready = {key: packed([key[0], *arguments]) for key, arguments in distinct.items()}
    return [ready[method, id(arguments)] for _, method, arguments in calls]


def _listens(node: dict[str, Any]) -> bool:
    """Whether the node is alive. Ray itself takes up to half a minute to notice a lost node."""
    try:
        where = node["NodeManagerAddress"], node["NodeManagerPort"]
        socket.create_connection(where, timeout=_NODE_REACHED_WITHIN).close()
    except OSError:
        return False
    return True


def _joined(address: str) -> Any:
    """Start or join Ray; later calls reuse it."""
    if address != _LOCAL:
        _check_reached(address)
    # Ray reads this on import. Its ports are open on every interface: clients without the token are refused.
    # By default Ray's workers yield to every other process on the computer, but a user is waiting for these.
    own = {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": secrets.token_hex(24), "RAY_worker_niceness": "0"}
    for name, value in (_QUIET | (own if address == _LOCAL else _JOINING)).items():
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
    code = {"env_vars": {"PYTHONPATH": str(IMPORTED_FROM), "OMP_NUM_THREADS": _THREADS, "NUMBA_NUM_THREADS": _THREADS}}
    if address == _LOCAL:
        own = {"include_dashboard": False, "_node_ip_address": "127.0.0.1", "object_store_memory": _STORE}
        try:
            ray.init(runtime_env=code, **own, **quiet)
        except Exception as error:  # Ray raises bare exceptions
            raise BenzerError(
                f"Ray did not start on this computer ({type(error).__name__}: {' '.join(str(error).split())[:200]})",
                way_out="Where the computer is very busy, try again later.",
            ) from error
        return
    try:
        ray.init(address=address, runtime_env=code, **quiet)
    except (ConnectionError, RuntimeError, ValueError, ray.exceptions.RayError) as error:
        raise _unreached(address) from error


def _check_reached(address: str) -> None:
    """Fail fast if nothing listens at the address: Ray itself would retry for half a minute."""
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
        way_out=f"Check the address, or set BENZER_RAY={_LOCAL} to start one on this computer.",
    )
