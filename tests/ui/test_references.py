"""References to messages that a browser keeps: only to what the last run of the whole page has sent."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from streamlit.runtime.app_session import AppSession
from streamlit.runtime.scriptrunner_utils.script_run_context import ScriptRunContext

from ui import references
from ui.references import kept

NOTHING: frozenset[str] = frozenset()


def begun(*fragments: str) -> ForwardMsg:
    message = ForwardMsg()
    message.new_session.name = "page"
    message.metadata.run.fragment_ids.extend(fragments)
    return message


def large(name: str, fragment: str = "", *, cacheable: bool = True) -> ForwardMsg:
    message = ForwardMsg(hash=name)
    message.delta.fragment_id = fragment
    message.delta.new_element.text.body = name
    message.metadata.cacheable = cacheable
    return message


def reference(name: str) -> ForwardMsg:
    return ForwardMsg(ref_hash=name)


@pytest.mark.parametrize(
    ("sent", "names"),
    [
        ([begun(), large("map")], {"map"}),
        ([begun(), large("map"), begun(), large("grid")], {"grid"}),
        ([begun(), large("map"), begun(), reference("map")], {"map"}),
        ([begun(), large("map"), begun("watch"), large("chart", "watch")], {"map"}),
        ([begun(), large("map"), large("chart", "watch")], {"map"}),
        ([begun(), large("text", cacheable=False)], set()),
        ([], set()),
    ],
)
def test_what_the_last_run_of_the_whole_page_sent_is_kept(sent: list[ForwardMsg], names: set[str]) -> None:
    assert kept(NOTHING, sent) == names


def test_a_run_may_be_delivered_in_pieces() -> None:
    first = kept(NOTHING, [begun(), large("map")])
    assert kept(first, [large("grid")]) == {"map", "grid"}
    assert kept(first, [begun()]) == NOTHING


@pytest.fixture
def session(monkeypatch: pytest.MonkeyPatch) -> Any:
    """A session whose browser has been sent a map and then, with another page, a grid."""

    class Session:
        id = "mine"

    for kind, name in ((AppSession, "flush_browser_queue"), (ScriptRunContext, "reset")):
        monkeypatch.setattr(kind, name, getattr(kind, name))
    queue = [begun(), large("map"), begun(), large("grid")]
    monkeypatch.setattr(references, "_flush", lambda _: queue)
    monkeypatch.setattr(
        references, "_reset", lambda context, **named: setattr(context, "cached_message_hashes", named["has"])
    )
    references.refer_only_to_what_is_kept()
    mine = Session()
    assert AppSession.flush_browser_queue(mine) == queue  # type: ignore[arg-type]
    return mine


@pytest.mark.parametrize(
    ("id", "names"), [("mine", {"grid"}), ("another", set())], ids=["its own session", "a session without any message"]
)
def test_what_a_browser_names_but_may_have_forgotten_is_sent_again(session: Any, id: str, names: set[str]) -> None:
    context = SimpleNamespace(session_id=id)
    ScriptRunContext.reset(context, has=frozenset({"map", "grid"}))  # type: ignore[arg-type, call-arg]
    assert context.cached_message_hashes == names
