"""What the server sends to the browser: every message whole, none as a reference to one that it may have forgotten."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from streamlit.proto.ForwardMsg_pb2 import ForwardMsg

from engine.core.recipe import Recipe
from tests.browser.helpers import blobs, serving, settled

RECIPE = Recipe("blobs", "colour-histogram", embedding="flatten")
TILES = ".grid.answers button.tile"


def test_pages_never_refer_to_what_the_browser_may_have_forgotten(chromium: Any, tmp_path: Path) -> None:
    """A browser that misses one message ends its connection for good, and every click from then on is lost."""
    blobs(tmp_path).run("embed", recipe=RECIPE.as_dict())
    page, frames = chromium.new_page(), list[bytes]()
    page.on("websocket", lambda socket: socket.on("framereceived", lambda frame: frames.append(frame)))
    with serving(tmp_path) as server:
        page.goto(f"{server.url}/?collection=blobs&encoder=colour-histogram&embedding=flatten")
        for place in (2, 3):
            page.locator(TILES).nth(place).click()
            settled(page)
        page.close()
    messages = [ForwardMsg.FromString(frame) for frame in frames if isinstance(frame, bytes)]
    assert max(message.ByteSize() for message in messages) > 10_000  # from which on Streamlit would keep them
    assert not any(message.metadata.cacheable for message in messages)
    assert [message.ref_hash for message in messages if message.WhichOneof("type") == "ref_hash"] == []
