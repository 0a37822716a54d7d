"""A rerun that comes just after a run has ended: what that run drew arrives first."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest.mock import MagicMock

import pytest
from streamlit import config
from streamlit.proto.ClientState_pb2 import ClientState
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from streamlit.runtime.app_session import AppSession
from streamlit.runtime.script_data import ScriptData
from streamlit.runtime.scriptrunner import ScriptRunnerEvent

from ui import reruns

SETTINGS = Path(__file__).resolve().parents[2] / ".streamlit" / "config.toml"


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[Any]]:
    """The reruns for which a new runner was started; each becomes the session's runner, and accepts what follows."""
    found: list[Any] = []

    def start(session: AppSession, rerun: Any) -> None:
        found.append(rerun)
        session._scriptrunner = runner(accepts=True)

    monkeypatch.setattr(reruns, "_start_runner", start)
    monkeypatch.setattr(AppSession, "_create_scriptrunner", AppSession._create_scriptrunner)
    reruns.let_runs_be_delivered()
    before = config.get_option("runner.fastReruns")
    config.set_option("runner.fastReruns", False)  # as in the settings of the app
    yield found
    config.set_option("runner.fastReruns", before)


def runner(*, accepts: bool) -> Any:
    """A runner that is at work, or has ended by itself."""
    return MagicMock(request_rerun=MagicMock(return_value=accepts))


def in_session(act: Callable[[AppSession], Any]) -> Any:
    """What an act on a session of its own, with an event loop, gives."""

    async def run() -> Any:
        session = AppSession(ScriptData("app.py"), MagicMock(), MagicMock(), None, {})
        session._fragment_storage = SimpleNamespace(contains=lambda _: True)  # type: ignore[assignment]
        return await act(session)

    with ThreadPoolExecutor(1) as thread:  # of its own, as a browser test may have left a loop in this one
        return thread.submit(asyncio.run, run()).result()


def drawn(text: str) -> ForwardMsg:
    message = ForwardMsg()
    message.delta.new_element.markdown.body = text
    return message


def texts(session: AppSession) -> list[str]:
    return [message.delta.new_element.markdown.body for message in session.flush_browser_queue()]


@pytest.mark.parametrize("fragment", ["watches-a-job", ""])
def test_what_an_ended_run_drew_arrives_before_the_next_run(started: list[Any], fragment: str) -> None:
    async def act(session: AppSession) -> tuple[list[Any], list[str]]:
        ended = session._scriptrunner = runner(accepts=False)
        session._on_scriptrunner_event(ended, ScriptRunnerEvent.ENQUEUE_FORWARD_MSG, forward_msg=drawn("results"))
        session.request_rerun(ClientState(fragment_id=fragment, is_auto_rerun=bool(fragment)))
        before = list(started)
        session._on_scriptrunner_event(ended, ScriptRunnerEvent.SHUTDOWN, client_state=ClientState())
        await asyncio.sleep(0.1)
        return before, [text for text in texts(session) if text]

    before, arrived = in_session(act)
    assert before == []
    assert arrived == ["results"]
    assert len(started) == 1
    assert started[0].fragment_id == (fragment or None)


def test_streamlit_alone_drops_what_an_ended_run_drew(started: list[Any], monkeypatch: pytest.MonkeyPatch) -> None:
    """Why all this is there; once this fails, `ui/reruns.py` can go."""
    monkeypatch.setattr(AppSession, "_create_scriptrunner", reruns._start_runner)

    async def act(session: AppSession) -> list[str]:
        ended = session._scriptrunner = runner(accepts=False)
        session._on_scriptrunner_event(ended, ScriptRunnerEvent.ENQUEUE_FORWARD_MSG, forward_msg=drawn("results"))
        session.request_rerun(ClientState(fragment_id="watches-a-job", is_auto_rerun=True))
        await asyncio.sleep(0.05)
        return [text for text in texts(session) if text]

    assert in_session(act) == []


def test_a_rerun_that_waits_goes_to_the_runner_that_another_has_started(started: list[Any]) -> None:
    async def act(session: AppSession) -> Any:
        session._scriptrunner = runner(accepts=False)
        session.request_rerun(ClientState(fragment_id="first"))
        session._scriptrunner = runner(accepts=True)
        await asyncio.sleep(0.05)
        return session._scriptrunner

    given = in_session(act).request_rerun.call_args.args[0]
    assert (given.fragment_id, started) == ("first", [])


def test_a_run_begins_although_the_end_of_the_former_never_arrives(
    started: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reruns, "_AGAIN", 0.0)

    async def act(session: AppSession) -> None:
        session._scriptrunner = runner(accepts=False)
        session.request_rerun(ClientState(fragment_id="first"))
        for _ in range(2000):
            await asyncio.sleep(0)

    in_session(act)
    assert len(started) == 1


def test_a_session_that_has_been_closed_runs_no_more(started: list[Any]) -> None:
    async def act(session: AppSession) -> None:
        session._scriptrunner = ended = runner(accepts=False)
        session.request_rerun(ClientState(fragment_id="first"))
        session._state = type(session._state).SHUTDOWN_REQUESTED
        session._on_scriptrunner_event(ended, ScriptRunnerEvent.SHUTDOWN, client_state=ClientState())
        await asyncio.sleep(0.05)

    in_session(act)
    assert started == []


def test_the_app_joins_requests_instead_of_replacing_one_that_waits() -> None:
    assert "fastReruns = false" in SETTINGS.read_text(encoding="utf-8")
