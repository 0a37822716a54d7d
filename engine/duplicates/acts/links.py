"""Hard links: files of equal content become one file with several names, if the file system supports it."""

from __future__ import annotations

import errno
import os
import shutil
from contextlib import suppress

from engine.core.storage import sync_folder
from engine.duplicates.acts.checking import Refused
from engine.duplicates.acts.journal import Batch, Entry

_UNABLE = (errno.EPERM, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS)


def put_link(batch: Batch, entry: Entry) -> None:
    """Replace a file by a hard link to the kept one, in one step."""
    beside, target = batch.root / entry.beside, batch.at(entry)
    try:
        os.link(batch.root / entry.keeper, beside, follow_symlinks=False)
    except OSError as error:
        if error.errno == errno.EXDEV:
            raise Refused("It is not on the same disk as the kept one.") from error
        if error.errno in _UNABLE:
            raise Refused("This disk has no hard links.") from error
        raise
    os.replace(beside, target)
    sync_folder(target.parent)


def restore_links(batch: Batch, entry: Entry) -> None:
    """Turn a hard link into a separate copy again, with its former time stamp."""
    target = batch.at(entry)
    if not target.is_file() or not os.path.samefile(target, batch.root / entry.keeper):
        raise Refused("It does not share its file with the kept one any more.")
    beside = batch.root / entry.beside
    with suppress(FileNotFoundError):  # of a restore that was cut off
        os.unlink(beside)
    with open(target, "rb") as source, open(beside, "xb") as copy:
        shutil.copyfileobj(source, copy)
        copy.flush()
        os.fsync(copy.fileno())
    shutil.copymode(target, beside)
    os.utime(beside, ns=(entry.mtime_ns, entry.mtime_ns))
    os.replace(beside, target)
    sync_folder(target.parent)


def forget_temporary(batch: Batch) -> None:
    """Delete leftovers of interrupted operations: a second name of a kept file, or a partial copy."""
    for entry in batch.entries:
        with suppress(OSError):
            os.unlink(batch.root / entry.beside)
