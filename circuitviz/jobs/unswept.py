"""Python's sweeps for lost objects halt every thread, while a file's hundreds of thousands are not lost."""

from __future__ import annotations

import gc
import threading
from collections.abc import Iterator
from contextlib import contextmanager

_lock = threading.Lock()
_inside = 0  # how many threads are in there
_usual = True


@contextmanager
def unswept() -> Iterator[None]:
    """No sweeps while something large is read, written or imported, in whatever thread: one took 300 ms."""
    global _inside, _usual
    with _lock:
        if not _inside:
            _usual = gc.isenabled()
            gc.disable()
        _inside += 1
    try:
        yield
    finally:
        with _lock:
            _inside -= 1
            if not _inside and _usual:
                gc.enable()
