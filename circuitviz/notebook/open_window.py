"""The window on a circuit of a notebook: a process of its own, so that the kernel goes on."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import time
import uuid

from circuitviz.document import Document
from circuitviz.errors import InputError
from circuitviz.formats.circuit_file import pack_document
from circuitviz.formats.file_io import write_atomically
from circuitviz.graph import Circuit, Scores
from circuitviz.notebook.convert import as_document
from circuitviz.notebook_methods import conversions
from circuitviz.resources import user_data_folder

KEPT_DAYS = 30
SCREENS = ("DISPLAY", "WAYLAND_DISPLAY", "QT_QPA_PLATFORM")


@conversions.register("show", summary="the window on a copy")
def show(subject: Circuit | Document, scores: Scores | None = None) -> subprocess.Popen[bytes]:
    """Write a copy into the user's data folder and open the window on it, as work that is nowhere saved yet.

    Copies are kept for ``KEPT_DAYS``.
    """
    document = as_document(subject, scores)
    if document.state.circuit is None:
        raise InputError("There is no circuit to open the window on; find one first.")
    if sys.platform.startswith("linux") and not any(os.environ.get(name) for name in SCREENS):
        raise InputError(
            "The window was asked for, but this kernel runs where there is no screen (DISPLAY and "
            "WAYLAND_DISPLAY are not set); save the document and open it on your own computer."
        )
    folder = user_data_folder() / "notebook"
    folder.mkdir(parents=True, exist_ok=True)
    for old in folder.glob("*.circuit"):
        with contextlib.suppress(OSError):
            if old.stat().st_mtime < time.time() - KEPT_DAYS * 86_400:
                old.unlink()
    name = document.path.stem if document.path is not None else "circuit"
    path = folder / f"{name}-{uuid.uuid4().hex[:8]}.circuit"
    write_atomically(path, pack_document(document, folder=folder))
    return subprocess.Popen(
        [sys.executable, "-m", "circuitviz", "--copy", str(path)],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        start_new_session=True,  # Ctrl+C in a terminal's kernel does not end it
    )
