"""Torch and TransformerLens come without the window feeling it: what loads them would hold up every thread.

Two things do, beside importing itself, which leaves other threads their turns. The linker takes 160 ms
for torch's library, under Python's lock; and Python's collector, woken by all that is imported, goes
through everything there is again and again, at the end half a million objects in 270 ms, in which no
thread runs. So the library is linked first, without the lock, and nothing is collected until all is
there; what is there then is here to stay, and is not gone through any more.
"""

from __future__ import annotations

import ctypes
import gc
import importlib.util
import os
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from circuitviz.workbench.gc_pause import gc_paused

_import_lock = threading.RLock()  # the second thread that wants a library waits for the first


def load_torch() -> None:
    """Import torch, unless it is there."""
    with _import_lock:
        if "torch" not in sys.modules:
            with _gc_paused_and_frozen():
                _preload_torch_library()
                import torch  # noqa: F401  # the purpose of the function


def load_transformer_lens() -> None:
    """Import what models are opened with, unless it is there."""
    with _import_lock:
        if "transformer_lens.model_bridge" not in sys.modules:
            with _gc_paused_and_frozen():
                import circuitviz.models.hugging_face  # noqa: F401  # imports transformers and TransformerLens


@contextmanager
def _gc_paused_and_frozen() -> Iterator[None]:
    """Collect nothing meanwhile, and never again what came meanwhile."""
    with gc_paused():
        yield
        gc.freeze()


def _preload_torch_library() -> None:
    """Have torch's library linked while other threads run: a call of a foreign function leaves the lock.

    Where that does not work, importing torch links it as ever, or says what is wrong.
    """
    found = importlib.util.find_spec("torch")
    if not sys.platform.startswith("linux") or found is None or found.origin is None:
        return
    link = ctypes.CDLL(None).dlopen
    link.restype, link.argtypes = ctypes.c_void_p, [ctypes.c_char_p, ctypes.c_int]
    library = Path(found.origin).parent / "lib" / "libtorch_cpu.so"
    link(os.fsencode(library), os.RTLD_NOW | os.RTLD_LOCAL)
