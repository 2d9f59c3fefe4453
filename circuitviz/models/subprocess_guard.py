"""A guard that no program is started while a model is opened, whatever a library would like to install."""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

_PROCESS_EVENTS = frozenset(
    ("subprocess.Popen", "os.system", "os.exec", "os.posix_spawn", "os.spawn", "os.fork", "os.startfile")
)
_thread_state = threading.local()
_hook_lock = threading.Lock()


@contextmanager
def forbid_subprocesses() -> Iterator[None]:
    """Within a ``with`` block, raise PermissionError where this thread would start a program."""
    if _hook_lock.acquire(blocking=False):  # once: an audit hook cannot be removed
        sys.addaudithook(_audit_hook)
    was_refusing, _thread_state.refuses = getattr(_thread_state, "refuses", False), True
    try:
        yield
    finally:
        _thread_state.refuses = was_refusing


def _audit_hook(
    event: str,
    _arguments: tuple[Any, ...],
    events: frozenset[str] = _PROCESS_EVENTS,
    here: Any = _thread_state,
) -> None:
    # Default arguments, because the hook still runs at Python's exit, when this module's globals are None
    if event in events and getattr(here, "refuses", False):
        raise PermissionError(f"No other program is started while a model is opened ({event}).")
