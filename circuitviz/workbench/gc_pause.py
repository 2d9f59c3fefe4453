"""Python's sweeps for lost objects halt every thread, while a file's hundreds of thousands are not lost."""

from __future__ import annotations

import gc
import threading
from collections.abc import Iterator
from contextlib import contextmanager

_lock = threading.Lock()
_depth = 0  # how many threads are in there
_was_enabled = True


@contextmanager
def gc_paused() -> Iterator[None]:
    """No sweeps while something large is read, written or imported, in whatever thread: one took 300 ms."""
    global _depth, _was_enabled
    with _lock:
        if not _depth:
            _was_enabled = gc.isenabled()
            gc.disable()
        _depth += 1
    try:
        yield
    finally:
        with _lock:
            _depth -= 1
            if not _depth and _was_enabled:
                gc.enable()
