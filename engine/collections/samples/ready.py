"""The sample that ships ready to search: pictures, thumbnails and vectors in one archive, unpacked in one step."""

from __future__ import annotations

import os
import tempfile
import zipfile
from pathlib import Path

from engine.core.home import Home
from engine.core.storage import full_disk_named

NAME = "sample-pictures"
TITLE = "Sample pictures"
_FILE = Path(__file__).with_name("ready.zip")


def unpack_sample(home: Home) -> str:
    """Put the sample into the home, unless a collection of its name is there, and return the name.

    Raises:
        StorageFull: nothing of it is left behind.
    """
    target = home.datasets / NAME
    if target.exists():
        return NAME
    home.jobs.mkdir(parents=True, exist_ok=True)
    home.datasets.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="sample-", dir=home.jobs) as folder, full_disk_named(TITLE):
        with zipfile.ZipFile(_FILE) as archive:
            archive.extractall(Path(folder) / NAME)
        if not target.exists():  # another tab may have been faster
            os.replace(Path(folder) / NAME, target)
    return NAME
