"""Moving a file to a name of its own: nothing that has the name is replaced."""

from __future__ import annotations

import errno
import os
from pathlib import Path

_NO_LINKS = {errno.EPERM, errno.ENOTSUP, errno.EOPNOTSUPP, errno.EMLINK, errno.ENOSYS}


def move_without_replacing(source: Path, target: Path) -> None:
    """Rename a file; FileExistsError where the target is there. Cut off, the file has both names."""
    try:
        os.link(source, target, follow_symlinks=False)
    except OSError as error:
        if error.errno not in _NO_LINKS:
            raise
        if os.path.lexists(target):
            raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), str(target)) from error
        os.rename(source, target)
    else:
        os.unlink(source)
