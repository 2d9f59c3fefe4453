"""Only regular files are read: opening a pipe waits for a writer, and a device may have no end."""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path


def read_regular_file(path: Path, max_bytes: int | None = None) -> bytes:
    """The bytes of a regular file, or of what a link to one points to, at most ``max_bytes`` and one more.

    Raises OSError where there is no such file, where it cannot be read, or where it is a folder, a pipe or a
    device; FIFOs are opened without waiting.
    """
    flags = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
    with open(path, "rb", opener=lambda name, _: os.open(name, flags)) as file:
        if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
            raise OSError(errno.EINVAL, "it is not a regular file", str(path))
        return file.read() if max_bytes is None else file.read(max_bytes + 1)
