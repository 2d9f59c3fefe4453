"""Opening a model starts no other program, whatever a library would like to install."""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

_EVENTS = frozenset(
    ("subprocess.Popen", "os.system", "os.exec", "os.posix_spawn", "os.spawn", "os.fork", "os.startfile")
)
_here = threading.local()
_installed = threading.Lock()


@contextmanager
def no_programs() -> Iterator[None]:
    """Within it, this thread gets PermissionError where it would start a program (an installer above all)."""
    if _installed.acquire(blocking=False):  # once; a hook cannot be taken away
        sys.addaudithook(_refuse)
    before, _here.refuses = getattr(_here, "refuses", False), True
    try:
        yield
    finally:
        _here.refuses = before


def _refuse(
    event: str, _arguments: tuple[Any, ...], events: frozenset[str] = _EVENTS, here: Any = _here
) -> None:
    # defaults, because the hook is called while Python ends, when this module's names are None already
    if event in events and getattr(here, "refuses", False):
        raise PermissionError(f"No other program is started while a model is opened ({event}).")
