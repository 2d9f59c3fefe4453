"""A claim on a file is held by one process and falls with it, however the process ends."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import IO, Any

from circuitviz.errors import InputError
from circuitviz.resources import user_data_folder

MAX_OWNER_BYTES = 64 * 1024  # of what a claim says of itself
WINDOWS_LOCK_OFFSET = 2**30  # Windows locks a byte behind what is written, so that others can read it
LOCK_TIMEOUT_S = 30.0  # for which a command waits until another one has written the same file
LOCK_POLL_INTERVAL_S = 0.01
COMMAND_OWNER = "command"  # the kind of owner that lets go by itself; windows keep a file for hours


@dataclass
class FileLock:
    """A lock file that the system lets go when its owner dies; what it says can be read meanwhile."""

    path: Path
    _file: IO[bytes]

    @staticmethod
    def acquire(path: Path, owner: Mapping[str, Any]) -> FileLock | None:
        """Claim a path; None where another window, also of this process, holds it.

        Raises OSError where the folder cannot be written.
        """
        while True:
            file = open(path, "a+b")  # noqa: SIM115 # it stays open as long as the claim is held
            if try_lock(file) is False:
                file.close()
                return None
            if is_file_at(file, path):  # an owner that let go in between has taken the name away
                break
            file.close()
        file.truncate(0)
        file.write(json.dumps(dict(owner)).encode())
        file.flush()
        return FileLock(path, file)

    @staticmethod
    def is_held(path: Path) -> bool:
        """Whether a living process holds the claim of a path."""
        try:
            with open(path, "r+b") as file:
                return try_lock(file) is False
        except OSError:
            return False

    @staticmethod
    def read_owner(path: Path) -> dict[str, Any]:
        """What the owner of a claim says of it; nothing where that cannot be read."""
        try:
            with open(path, "rb") as file:
                told = json.loads(file.read(MAX_OWNER_BYTES))
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


def lock_path(path: Path) -> Path:
    """The lock file of a document, the same for every name that leads to it."""
    real = os.fsencode(os.path.realpath(path))
    return user_data_folder() / "open" / f"{hashlib.sha256(real).hexdigest()[:32]}.lock"


def lock_document(path: Path, kind: str) -> FileLock | None:
    """Claim a document for a ``kind`` of owner, "window" or "command"; None where another process has it.

    Raises OSError where there is no place for claims.
    """
    lock = lock_path(path)
    lock.parent.mkdir(parents=True, exist_ok=True)
    about = {"path": os.path.realpath(path), "pid": os.getpid(), "since": datetime.now().isoformat()}
    return FileLock.acquire(lock, {**about, "kind": kind})


@contextlib.contextmanager
def document_locked(path: Path, timeout_s: float = LOCK_TIMEOUT_S) -> Iterator[None]:
    """Hold the claim on a document while a command reads, changes and writes it.

    Waits up to ``timeout_s`` seconds for other commands, and not at all for a window. Raises InputError
    that names the owner where the document cannot be had. Where there is no place for claims, the caller's
    comparison before it writes has to do.
    """
    end = time.monotonic() + timeout_s
    claim = None
    with contextlib.suppress(OSError):
        while (claim := lock_document(path, COMMAND_OWNER)) is None:
            owner = FileLock.read_owner(lock_path(path))  # empty: it has just been taken, or let go
            if owner.get("kind", COMMAND_OWNER) != COMMAND_OWNER or time.monotonic() > end:
                raise InputError(_describe_owner(path, owner))
            time.sleep(LOCK_POLL_INTERVAL_S)
    try:
        yield
    finally:
        if claim is not None:
            claim.release()


def _describe_owner(path: Path, owner: Mapping[str, Any]) -> str:
    since, pid = str(owner.get("since", ""))[11:16], owner.get("pid", "unknown")
    if owner.get("kind", COMMAND_OWNER) != COMMAND_OWNER:
        return (
            f"'{path.name}' is open in a window since {since} (process {pid}), which may hold changes that "
            "are not saved; nothing was changed. Close it there first, or change a copy."
        )
    return (
        f"'{path.name}' is being changed by another command since {since} (process {pid}); nothing was "
        "changed. Try again when that has ended."
    )


def is_file_at(file: IO[bytes], path: Path) -> bool:
    """Whether an open file still is what its name leads to."""
    try:
        return os.path.samestat(os.fstat(file.fileno()), os.stat(path, follow_symlinks=False))
    except FileNotFoundError:
        return False


if sys.platform == "win32":
    import msvcrt

    def try_lock(file: IO[bytes]) -> bool | None:
        """Lock an open file without waiting: whether it could be; None where the file system has no locks."""
        file.seek(WINDOWS_LOCK_OFFSET)
        try:
            msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
        except OSError:
            return False
        file.seek(0)
        return True

else:
    import fcntl

    def try_lock(file: IO[bytes]) -> bool | None:
        """Lock an open file without waiting: whether it could be; None where the file system has no locks."""
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        except OSError:  # better no claim than no work
            return None
        return True
