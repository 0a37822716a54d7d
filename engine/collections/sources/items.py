"""What every source offers: one Item for each file."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from engine.collections.catalogue import ImageRow
from engine.collections.reading.regular_files import modified_ns
from engine.collections.reading.worker_tasks import Failure


@dataclass(frozen=True)
class Item:
    """One file of a source. `key` names it in its source; `location` is where its bytes are now; `owned` files are
    moved into the collection; `failure` says why it cannot be read; `former` is its row if it is known; `columns` are
    the further cells of its line in a table."""

    key: bytes
    label: str = ""
    text: str = ""
    location: str = ""
    root: str = ""
    owned: bool = False
    size: int = 0
    mtime_ns: int = 0
    ctime_ns: int = 0
    failure: Failure | None = None
    former: ImageRow | None = None
    shown: str = ""
    columns: Mapping[str, str] = field(default_factory=dict, hash=False)

    @property
    def bounds(self) -> str:
        """The folder, named without links, in which its file must lie."""
        return self.root or os.path.dirname(self.location)

    @property
    def name(self) -> str:
        """The key for display: bytes that are not text become a replacement character."""
        return self.shown or self.key.split(b"\0")[0].decode("utf-8", "replace")


def dated(item: Item, facts: os.stat_result) -> Item:
    """The item with size and times of its file."""
    return replace(item, size=facts.st_size, mtime_ns=modified_ns(facts), ctime_ns=facts.st_ctime_ns)
