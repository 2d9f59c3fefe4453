"""Reading of regular files only: opening a pipe waits for a writer, and a device may have no end."""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path


def read_regular_file(path: Path, max_bytes: int | None = None) -> bytes:
    """The bytes of a regular file, or of what a link to one points to.

    FIFOs are opened without waiting.

    Args:
        path: The file.
        max_bytes: At most so many bytes are read, and one more, so that a larger file is noticed.

    Raises:
        OSError: There is no such file, it cannot be read, or it is a folder, a pipe or a device.
    """
    flags = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
    with open(path, "rb", opener=lambda name, _: os.open(name, flags)) as file:
        if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
            raise OSError(errno.EINVAL, "it is not a regular file", str(path))
        return file.read() if max_bytes is None else file.read(max_bytes + 1)
