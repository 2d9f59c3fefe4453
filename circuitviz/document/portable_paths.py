"""Places of local models, tasks and dictionaries: absolute while a person works, portable in every file.

A file that is published must not tell the folders of the machine that it was made on, and the same circuit
saved in two folders is the same file.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

from circuitviz.document.origin import Origin
from circuitviz.graph.names import DOCUMENT_FOLDER_PREFIX, is_local_path, portable_path


def with_portable_paths(origin: Origin, folder: Path | None) -> Origin:
    """An origin as a file in ``folder`` holds it; None: a file that no place is relative to."""
    return origin.map_paths(lambda text: portable_path(text, folder))


def with_local_paths(origin: Origin, folder: Path, find_path: Callable[[str, str], str | None]) -> Origin:
    """An origin of a file in ``folder`` with the places that are there.

    find_path: (last part, hash of the weights) → a place that was written down on this machine, or None.
    """

    def find(text: str) -> str:
        beside = (
            os.path.abspath(os.path.join(folder, text)) if text.startswith(DOCUMENT_FOLDER_PREFIX) else ""
        )
        if os.path.exists(beside):
            return beside
        return text if is_local_path(text) else find_path(text, origin.weight_hash) or text

    return origin.map_paths(find)
