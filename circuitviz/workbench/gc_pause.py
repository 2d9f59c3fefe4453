"""Pauses Python's cyclic garbage collector while large files are read or written and libraries are imported.

A full collection of the hundreds of thousands of objects that are made then held every thread for 300 ms, and
none of them is garbage.
"""

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
    """Pause the collector within a ``with`` block, for all threads; blocks of several threads may overlap."""
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
