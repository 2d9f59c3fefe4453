"""Temporary files for atomic writing, and removal of those whose process was killed.

A temporary file is locked (``flock``) from its creation until it is renamed to its target. The system
releases the lock when the process ends, however it ends, so an unlocked file of this name pattern is
abandoned. Where the file system has no locks, nothing is removed.
"""

from __future__ import annotations

import contextlib
import os
import re
import sys
import uuid
from pathlib import Path
from typing import IO

from circuitviz.formats.file_lock import try_lock

TEMPORARY_NAME = re.compile(r"\.circuitviz-[0-9a-f]{32}\.tmp")


def create_temporary(folder: Path, is_private: bool) -> IO[bytes]:
    """Create a locked temporary file.

    Args:
        folder: Its folder.
        is_private: Whether only this user may read it; otherwise it has the permissions of the umask.

    Raises:
        OSError: The folder cannot be written.
    """
    mode = 0o600 if is_private else 0o666
    while True:
        path = folder / f".circuitviz-{uuid.uuid4().hex}.tmp"
        file = open(path, "x+b", opener=lambda name, flags: os.open(name, flags, mode))  # noqa: SIM115 - returned open
        if try_lock(file) is not False and _is_file_at(file, path):
            return file
        file.close()  # before it was locked, another process removed it as abandoned


def replace_target(file: IO[bytes], target: Path) -> None:
    """Rename a temporary file to its target, replacing it; raises OSError."""
    if sys.platform == "win32":
        file.close()  # an open file cannot be renamed there
    os.replace(file.name, target)
    file.close()


def remove_abandoned_files(folder: Path) -> None:
    """Remove the temporary files in a folder whose process has ended; failures are ignored."""
    names: list[str] = []
    with contextlib.suppress(OSError), os.scandir(folder) as entries:
        names = [
            e.name for e in entries if TEMPORARY_NAME.fullmatch(e.name) and e.is_file(follow_symlinks=False)
        ]
    for path in (folder / name for name in names):
        with contextlib.suppress(OSError):
            with open(path, "r+b") as file:
                abandoned = try_lock(file) is True and _is_file_at(file, path)
                if abandoned and sys.platform != "win32":
                    path.unlink()  # while it is locked: its owner, if it is just being created, makes another
            if abandoned and sys.platform == "win32":
                path.unlink()  # open files cannot be removed there


def _is_file_at(file: IO[bytes], path: Path) -> bool:
    """Whether a path still leads to an open file."""
    try:
        return os.path.samestat(os.fstat(file.fileno()), os.stat(path, follow_symlinks=False))
    except FileNotFoundError:
        return False
