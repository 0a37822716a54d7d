"""References to messages that the browser surely still has; of all others the message itself is sent.

A browser keeps a large message until three runs have ended without it, and with each request names those that it has:
of these Streamlit 1.67 sends references. But a request may wait while another run ends, and what the browser forgets by
that is in its list nevertheless; it then ends the connection for good, and nothing on the page answers any more. What
the last run of the whole page has sent is kept until two more have ended, so a reference to it is not missed however
long the request waited.
"""

from __future__ import annotations

from typing import Any
from weakref import WeakValueDictionary

from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from streamlit.runtime.app_session import AppSession
from streamlit.runtime.scriptrunner_utils.script_run_context import ScriptRunContext

_flush = AppSession.flush_browser_queue
_reset = ScriptRunContext.reset
_sessions: WeakValueDictionary[str, AppSession] = WeakValueDictionary()


def refer_only_to_what_is_kept() -> None:
    """Have every session of this process send what the browser may have forgotten once more."""
    AppSession.flush_browser_queue = _flush_and_note  # type: ignore[method-assign, assignment]
    ScriptRunContext.reset = _reset_and_forget  # type: ignore[method-assign, assignment]


def _flush_and_note(session: AppSession) -> list[ForwardMsg]:
    messages = _flush(session)
    _sessions[session.id] = session
    session.kept_by_browser = kept(getattr(session, "kept_by_browser", frozenset()), messages)  # type: ignore[attr-defined]
    return messages


def kept(before: frozenset[str], messages: list[ForwardMsg]) -> frozenset[str]:
    """The hashes of what was sent since the last run of the whole page began, with these messages.

    Parts of a page that run by themselves are left out: what they sent may be forgotten at the end of their own runs.
    """
    found = set(before)
    for message in messages:
        kind = message.WhichOneof("type")
        if kind == "new_session" and not message.metadata.run.fragment_ids:
            found.clear()
        elif kind == "ref_hash":
            found.add(message.ref_hash)
        elif message.metadata.cacheable and not message.delta.fragment_id:
            found.add(message.hash)
    return frozenset(found)


def _reset_and_forget(context: ScriptRunContext, *given: Any, **named: Any) -> None:
    _reset(context, *given, **named)
    session = _sessions.get(context.session_id)
    context.cached_message_hashes &= getattr(session, "kept_by_browser", frozenset())
