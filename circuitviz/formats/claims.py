"""A claim on a file is held by one process and falls with it, however the process ends."""

from __future__ import annotations

import contextlib
import json
import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

LONGEST = 64 * 1024  # of what a claim says of itself
FAR = 2**30  # Windows locks a byte behind what is written, so that others can read it


@dataclass
class Claim:
    """A lock file that the system lets go when its owner dies; what it says can be read meanwhile."""

    path: Path
    _file: IO[bytes]

    @staticmethod
    def take(path: Path, about: Mapping[str, Any]) -> Claim | None:
        """Claim a path; None where another window, also of this process, holds it.

        Raises OSError where the folder cannot be written.
        """
        while True:
            file = open(path, "a+b")  # noqa: SIM115 # it stays open as long as the claim is held
            if not _lock(file):
                file.close()
                return None
            if _same(file, path):  # an owner that let go in between has taken the name away
                break
            file.close()
        file.truncate(0)
        file.write(json.dumps(dict(about)).encode())
        file.flush()
        return Claim(path, file)

    @staticmethod
    def held(path: Path) -> bool:
        """Whether a living process holds the claim of a path."""
        try:
            with open(path, "r+b") as file:
                return not _lock(file)
        except OSError:
            return False

    @staticmethod
    def read(path: Path) -> dict[str, Any]:
        """What the owner of a claim says of it; nothing where that cannot be read."""
        try:
            with open(path, "rb") as file:
                told = json.loads(file.read(LONGEST))
        except (OSError, ValueError, RecursionError):
            return {}
        return told if isinstance(told, dict) else {}

    def release(self) -> None:
        """Let go; the lock file disappears."""
        with contextlib.suppress(OSError):
            if sys.platform != "win32":
                self.path.unlink(missing_ok=True)  # while it is held: nobody can take a stale name
        self._file.close()
        with contextlib.suppress(OSError):
            if sys.platform == "win32":
                self.path.unlink(missing_ok=True)


def _same(file: IO[bytes], path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(file.fileno()), path.stat())
    except FileNotFoundError:
        return False


if sys.platform == "win32":
    import msvcrt

    def _lock(file: IO[bytes]) -> bool:
        file.seek(FAR)
        try:
            msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
        except OSError:
            return False
        file.seek(0)
        return True

else:
    import fcntl

    def _lock(file: IO[bytes]) -> bool:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        except OSError:  # a file system without locks: better no claim than no work
            return True
        return True
