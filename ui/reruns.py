"""Reruns that wait until the browser has been sent everything that the run before them drew.

What a run draws goes to the browser through the queue of the server's event loop. A rerun that is asked for when a run
has just ended, while the loop still has that queue to go through, makes Streamlit 1.67 start a new runner, and whatever
the former one has in the queue is dropped from then on as that of a runner which is no longer in use. On a busy server
a click was without any effect that way: the part of the page that watches a job asked for its own rerun at that moment,
and the results that the click had led to were never drawn.
"""

from __future__ import annotations

from functools import partial

from streamlit.runtime.app_session import AppSession, AppSessionState
from streamlit.runtime.scriptrunner import RerunData

_AGAIN = 0.01  # seconds
_PATIENCE = 500  # times: if the end of a run never arrives, a new one begins nevertheless

_start_runner = AppSession._create_scriptrunner


def let_runs_be_delivered() -> None:
    """Have every session of this process start no run before what its last one drew is on its way to the browser."""
    AppSession._create_scriptrunner = _start_or_wait  # type: ignore[method-assign, assignment]


def _start_or_wait(session: AppSession, rerun: RerunData, patience: int = _PATIENCE) -> None:
    """Start a run; later, where a runner has ended by itself and its last event has not arrived."""
    if session._scriptrunner is None or not patience:
        _start_runner(session, rerun)
        return
    session._event_loop.call_later(_AGAIN, partial(_run_or_wait, session, rerun, patience - 1))


def _run_or_wait(session: AppSession, rerun: RerunData, patience: int) -> None:
    """As a session does with a request: give it to its runner if that still works, else to a new one."""
    if session._state == AppSessionState.SHUTDOWN_REQUESTED:
        return
    if session._scriptrunner is None or not session._scriptrunner.request_rerun(rerun):
        _start_or_wait(session, rerun, patience)
