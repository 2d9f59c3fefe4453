"""Places of local models, tasks and dictionaries: absolute while a person works, portable in every file.

A file that is published must not tell the folders of the machine that it was made on, and the same circuit
saved in two folders is the same file.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from circuitviz.document.provenance import Provenance
from circuitviz.graph.names import DOCUMENT_FOLDER_PREFIX, is_local_path, parse_folders, portable_path

PATH_OPTIONS = ("dictionaries", "file")  # options that name places


def with_portable_paths(origin: Provenance, folder: Path | None) -> Provenance:
    """A provenance as a file in ``folder`` holds it; None: a file that no place is relative to."""
    return _map_paths(origin, lambda text: portable_path(text, folder))


def with_local_paths(
    origin: Provenance, folder: Path, find_path: Callable[[str, str], str | None]
) -> Provenance:
    """A provenance of a file in ``folder`` with the places that are there.

    find_path: (last part, hash of the weights) → a place that was written down on this machine, or None.
    """

    def find(text: str) -> str:
        beside = (
            os.path.abspath(os.path.join(folder, text)) if text.startswith(DOCUMENT_FOLDER_PREFIX) else ""
        )
        if os.path.exists(beside):
            return beside
        return text if is_local_path(text) else find_path(text, origin.weight_hash) or text

    return _map_paths(origin, find)


def _map_paths(origin: Provenance, change: Callable[[str], str]) -> Provenance:
    options: dict[str, Any] = dict(origin.options)
    for name in PATH_OPTIONS:
        given = options.get(name)
        if isinstance(given, str) and name == "dictionaries":
            options[name] = "; ".join(map(change, parse_folders(given)))
        elif isinstance(given, str):
            options[name] = change(given)
        elif isinstance(given, list | tuple):
            options[name] = [change(text) if isinstance(text, str) else text for text in given]
    return replace(origin, model=change(origin.model), task=change(origin.task), options=options)
