"""Paths of local models, tasks and dictionaries: absolute in an open document, relative or bare in files.

A published file must not reveal the folders of the machine that it was made on, and the same circuit saved
in two folders is the same file.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Protocol, Self, TypeVar

from circuitviz.graph.names import DOCUMENT_FOLDER_PREFIX, is_local_path, portable_path


class _NamesPaths(Protocol):
    """What names a model and folders, such as an origin."""

    @property
    def weight_hash(self) -> str: ...

    def map_paths(self, change: Callable[[str], str]) -> Self: ...


T = TypeVar("T", bound=_NamesPaths)


def with_portable_paths(origin: T, folder: Path | None) -> T:
    """An origin, or what else names paths, as a file in ``folder`` stores it; None: it has no folder."""
    return origin.map_paths(lambda text: portable_path(text, folder))


def with_local_paths(origin: T, folder: Path, find_path: Callable[[str, str], str | None]) -> T:
    """An origin, or what else names paths, of a file in ``folder`` with the paths of this machine.

    Args:
        origin: The origin as the file stores it.
        folder: Folder of the file.
        find_path: (last part of a path, hash of the weights) → a path recorded on this machine, or None.
    """

    def resolve(text: str) -> str:
        path_in_folder = (
            os.path.abspath(os.path.join(folder, text)) if text.startswith(DOCUMENT_FOLDER_PREFIX) else ""
        )
        if os.path.exists(path_in_folder):
            return path_in_folder
        return text if is_local_path(text) else find_path(text, origin.weight_hash) or text

    return origin.map_paths(resolve)
