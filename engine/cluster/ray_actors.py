"""Workers on the nodes of a Ray cluster: actors, each with a direct line beside Ray's own calls."""

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
from engine.core.home import PROJECT

_LOCAL = "local"
_BACK_AT_ONCE = 0.3  # seconds for a worker that hung up to say that it is there again
_NODE_REACHED_WITHIN = 1.0
_REACHED_WITHIN = 5.0  # seconds to find out that nothing answers at an address
_STORE = 256 << 20  # bytes of Ray's own memory on this computer: queries and answers are small
_QUIET = {"RAY_USAGE_STATS_ENABLED": "0", "RAY_ENABLE_UV_RUN_RUNTIME_ENV": "0"}
# What listens there and is no Ray of ours is asked so often, a second apart; Ray itself would ask twenty times.
_JOINING = {"RAY_NUM_REDIS_GET_RETRIES": "4"}
_THREADS = "1"  # of each worker: a node has as many workers as it should use processors
_AT_ONCE = 4  # calls of one worker that Ray lets run side by side


class Actor:
    """The actor: holds one object and lets its methods be called."""

    def __init__(self, kind: type, arguments: tuple[Any, ...]) -> None:
        self._held = kind(*arguments)
        self._switchboard: RpcServer | None = None
        self._opening = threading.Lock()

    def call(self, method: str, *arguments: Any) -> Any:
        """What the method returns."""
        return getattr(self._held, method)(*arguments)

    def line(self) -> Endpoint:
        """Where the object listens for direct calls."""
        import ray

        with self._opening:
            if self._switchboard is None:
                self._switchboard = RpcServer(self._held, ray.util.get_node_ip_address())
            return self._switchboard.address


@dataclass(eq=False)
class ActorHandle:
    """A held object as the caller knows it; the actor behind it may be made anew on another node."""

    kind: type
    arguments: tuple[Any, ...]
    apart: list[ActorHandle]
    node: str = ""
    actor: Any = None
    opening: Any = None  # the call that asks for the address of its lines
    lines: Connections = field(default_factory=Connections)


class RayActors:
    """Objects as Ray actors, spread over the nodes.

    Ray makes one whose process dies anew on its node; `mend` does so elsewhere where the node is gone.
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

    def ask(self, calls: Sequence[Call], seconds: float | None = None) -> list[Any]:
        return self._gather(self._submit(calls), seconds)

    def read(self, calls: Sequence[Call], seconds: float | None = None) -> list[Any]:
        until = None if seconds is None else time.monotonic() + seconds
        messages = _messages(calls)
        lines = [self._sent(call[0], message, until) for call, message in zip(calls, messages, strict=True)]
        plain = [number for number, line in enumerate(lines) if line is None]
        waiting = dict(zip(plain, self._submit([calls[number] for number in plain]), strict=True))
        answers: list[Any] = [None] * len(calls)
        for number, line in enumerate(lines):
            if line is not None:
                answers[number] = self._received(calls[number][0], line, messages[number], until)
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
        """What Ray says of the nodes that are there; of those without a processor only where there are no others."""
        alive = {node["NodeID"]: node for node in self.ray.nodes() if node["Alive"]}
        return {name: node for name, node in alive.items() if node["Resources"].get("CPU")} or alive

    def _place(self, handle: ActorHandle, nodes: dict[str, dict[str, Any]]) -> None:
        """Begin its actor on the node with none of those that it must be apart from, and with the fewest of all."""
        from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

        near = Counter(other.node for other in handle.apart)
        all_ = Counter(other.node for other in self._held if other is not handle)
        ranked = sorted(nodes, key=lambda node: (near[node], all_[node], secrets.randbits(16)))
        handle.node = next((node for node in ranked if _listens(nodes[node])), ranked[0])
        options = {
            "num_cpus": 0,
            "max_restarts": -1,
            "max_task_retries": 0,
            "max_concurrency": _AT_ONCE,
            "scheduling_strategy": NodeAffinitySchedulingStrategy(handle.node, soft=False),
        }
        handle.actor = self.ray.remote(**options)(Actor).remote(handle.kind, handle.arguments)

    def _kill(self, handle: ActorHandle) -> None:
        handle.lines.drop()
        handle.opening = None
        if self.ray.is_initialized():
            with suppress(ValueError):  # it is gone already
                self.ray.kill(handle.actor)

    # ── Ray's own calls ──────────────────────────────────────────────────────────────────────────────────────────

    def _submit(self, calls: Sequence[Call]) -> list[Any]:
        """Calls on their way. What several of them are given is put into Ray's memory once."""
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
            raise error.cause from error
        except errors.RayError as error:  # the worker or its node is gone, or the time is over
            return Lost(
                f"A part of the index does not answer ({type(error).__name__}).", way_out="Try again in a few seconds."
            )

    # ── direct lines ─────────────────────────────────────────────────────────────────────────────────────────────

    def _sent(self, handle: ActorHandle, message: bytes, until: float | None) -> Connection | None:
        """The line on which a call is under way; None where it has to go by Ray."""
        line = self._line(handle)
        if line is not None:
            with suppress(OSError):  # who waits for the answer hears of it
                line.send(message, until)
        return line

    def _received(self, handle: ActorHandle, line: Connection, message: bytes, until: float | None) -> Any:
        """The answer; Lost where none comes; None where the call has to go by Ray."""
        try:
            return self._answer_on(handle, line, until)
        except TimeoutError:
            handle.lines.drop()
            return Lost("A part of the index does not answer in time.")
        except (OSError, ValueError):
            handle.lines.drop()
        try:  # it may have been made anew since the last call
            handle.lines.address = self.ray.get(handle.actor.line.remote(), timeout=_BACK_AT_ONCE)
            again = self._sent(handle, message, until)
            return None if again is None else self._answer_on(handle, again, until)
        except (OSError, ValueError, self.ray.exceptions.RayError):
            handle.lines.drop()
            return Lost("A part of the index hung up.", way_out="Try again in a few seconds.")

    def _answer_on(self, handle: ActorHandle, line: Connection, until: float | None) -> Any:
        try:
            well, *answer = line.receive(until)
        except (OSError, ValueError):
            line.close()
            raise
        handle.lines.put_back(line)
        return tuple(answer) if well else None

    def _line(self, handle: ActorHandle) -> Connection | None:
        """A line to the object; while its address is asked for, which nobody waits for, there is none."""
        lines = handle.lines
        if lines.address is None and not lines.barred:
            opening = handle.opening = handle.opening or handle.actor.line.remote()
            if not self.ray.wait([opening], timeout=0)[0]:
                return None
            handle.opening = None
            with suppress(BenzerError, self.ray.exceptions.RayError):
                lines.address = self.ray.get(opening)
        return lines.take()


def _messages(calls: Sequence[Call]) -> list[bytes]:
    """What goes over the lines; calls alike are packed once."""
    distinct = {(method, id(arguments)): arguments for _, method, arguments in calls}
    ready = {key: packed([key[0], *arguments]) for key, arguments in distinct.items()}
    return [ready[method, id(arguments)] for _, method, arguments in calls]


def _listens(node: dict[str, Any]) -> bool:
    """Whether the node is there. Ray itself takes up to half a minute to notice that one is gone."""
    try:
        where = node["NodeManagerAddress"], node["NodeManagerPort"]
        socket.create_connection(where, timeout=_NODE_REACHED_WITHIN).close()
    except OSError:
        return False
    return True


def _joined(address: str) -> Any:
    """Ray, started here or joined; a second call finds it as it is."""
    if address != _LOCAL:
        _check_reached(address)
    # Ray looks when it is imported. Its ports are open on every interface: nobody without the token is answered.
    # Its workers would make way for everything else on the computer, and a person waits for theirs.
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
    code = {"env_vars": {"PYTHONPATH": str(PROJECT), "OMP_NUM_THREADS": _THREADS, "NUMBA_NUM_THREADS": _THREADS}}
    if address == _LOCAL:
        own = {"include_dashboard": False, "_node_ip_address": "127.0.0.1", "object_store_memory": _STORE}
        try:
            ray.init(runtime_env=code, **own, **quiet)
        except Exception as error:  # Ray raises bare ones
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
        way_out=f"Check the address, or set BENZER_RAY={_LOCAL} to start one on this computer.",
    )
