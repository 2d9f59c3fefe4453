"""Locks of documents, which the system releases when their process ends, however it ends.

The lock files are those of the ``filelock`` library; they also describe their owner and are removed on
release.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import IO, Any

import filelock

from circuitviz.errors import InputError
from circuitviz.resources import user_data_folder

MAX_OWNER_BYTES = 64 * 1024  # of a lock file's description of its owner
LOCK_TIMEOUT_S = 30.0  # how long a command waits for another one that writes the same file
LOCK_POLL_INTERVAL_S = 0.01
COMMAND_OWNER = "command"  # the kind of owner that releases soon; windows hold a lock for hours


@dataclass
class FileLock:
    """A held lock file, whose description of the owner other processes can read."""

    path: Path
    _lock: filelock.BaseFileLock

    @staticmethod
    def acquire(
        path: Path,
        owner: Mapping[str, Any],
        timeout_s: float = LOCK_POLL_INTERVAL_S,
        cancel_check: Callable[[], bool] | None = None,
    ) -> FileLock | None:
        """Lock a path; None where another owner, also of this process, holds it.

        Args:
            path: The lock file.
            owner: Description of the owner that is written to it.
            timeout_s: How long to wait for another owner, in seconds; at least one more attempt by default,
                as an owner may be releasing the lock during the first.
            cancel_check: Whether to stop waiting.

        Raises:
            OSError: The folder cannot be written, or its file system has no locks.
        """

        def write_owner(descriptor: int) -> None:
            os.ftruncate(descriptor, 0)
            os.write(descriptor, b" " + json.dumps(dict(owner)).encode())

        lock = filelock.FileLock(path, thread_local=False, fallback_to_soft=False, on_acquired=write_owner)
        try:
            lock.acquire(timeout_s, LOCK_POLL_INTERVAL_S, cancel_check=cancel_check)
        except filelock.Timeout:
            return None
        return FileLock(path, lock)

    @staticmethod
    def is_held(path: Path) -> bool:
        """Whether a living process holds the lock of a path."""
        try:
            with open(path, "r+b") as file:
                return try_lock(file) is False
        except OSError:
            return False

    @staticmethod
    def read_owner(path: Path) -> dict[str, Any]:
        """The description of a lock file's owner; empty where it cannot be read."""
        try:
            with open(path, "rb", buffering=0) as file:
                file.seek(1)  # Windows lets nobody else read the first byte of a locked file
                owner = json.loads(file.read(MAX_OWNER_BYTES))
        except (OSError, ValueError, RecursionError):
            return {}
        return owner if isinstance(owner, dict) else {}

    def release(self) -> None:
        """Release the lock; the lock file disappears."""
        if sys.platform != "win32":  # there the library removes it
            with contextlib.suppress(OSError):
                self.path.unlink(missing_ok=True)  # while it is held: nobody can lock a removed file
        self._lock.release()


def try_lock(file: IO[bytes]) -> bool | None:
    """Lock an open file without waiting: whether it could be; None where the file system has no locks."""
    try:
        return filelock.lock_descriptor(file.fileno(), blocking=False)
    except OSError:
        return None


def lock_path(path: Path) -> Path:
    """The lock file of a document, the same for every name that leads to it."""
    real = os.fsencode(os.path.realpath(path))
    return user_data_folder() / "open" / f"{hashlib.sha256(real).hexdigest()[:32]}.lock"


def lock_document(
    path: Path,
    kind: str,
    timeout_s: float = LOCK_POLL_INTERVAL_S,
    cancel_check: Callable[[], bool] | None = None,
) -> FileLock | None:
    """Lock a document for a ``kind`` of owner, "window" or "command"; None where another process has it.

    Raises:
        OSError: There is no place for lock files.
    """
    lock = lock_path(path)
    lock.parent.mkdir(parents=True, exist_ok=True)
    owner = {"path": os.path.realpath(path), "pid": os.getpid(), "since": datetime.now().isoformat()}
    return FileLock.acquire(lock, {**owner, "kind": kind}, timeout_s, cancel_check)


@contextlib.contextmanager
def document_locked(path: Path, timeout_s: float = LOCK_TIMEOUT_S) -> Iterator[None]:
    """Hold the lock of a document while a command reads, changes and writes it.

    Waits up to ``timeout_s`` seconds for other commands, and not at all for a window. Where there is no place
    for lock files, the caller's comparison before it writes has to do.

    Raises:
        InputError: Another process holds the lock; names that owner.
    """
    owner: dict[str, Any] = {}  # empty: the lock has just been taken, or released

    def is_open_in_window() -> bool:
        owner.clear()
        owner.update(FileLock.read_owner(lock_path(path)))
        return _is_window(owner)

    lock = None
    with contextlib.suppress(OSError):
        lock = lock_document(path, COMMAND_OWNER, timeout_s, is_open_in_window)
        if lock is None:
            raise InputError(_describe_owner(path, owner))
    try:
        yield
    finally:
        if lock is not None:
            lock.release()


def _is_window(owner: Mapping[str, Any]) -> bool:
    return bool(owner.get("kind", COMMAND_OWNER) != COMMAND_OWNER)


def _describe_owner(path: Path, owner: Mapping[str, Any]) -> str:
    since, pid = str(owner.get("since", ""))[11:16], owner.get("pid", "unknown")
    if _is_window(owner):
        return (
            f"'{path.name}' is open in a window since {since} (process {pid}), which may hold changes that "
            "are not saved; nothing was changed. Close it there first, or change a copy."
        )
    return (
        f"'{path.name}' is being changed by another command since {since} (process {pid}); nothing was "
        "changed. Try again when that has ended."
    )
