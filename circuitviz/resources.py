"""Paths of shipped data, and of the application's own files; window and command line share them without Qt.

Shipped data is beside the package in a checkout, and inside it in a wheel.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

_PACKAGE = Path(__file__).parent


def resource_path(*parts: str) -> Path:
    """Return the path of a file or folder that the application ships.

    >>> resource_path("demo", "model").name
    'model'
    """
    installed = _PACKAGE / "_resources"
    root = installed if installed.is_dir() else _PACKAGE.parent / "resources"
    return root.joinpath(*parts)


def user_data_folder() -> Path:
    """The folder for unsaved work, locks of open files, explanations and indexes; it need not exist yet.

    Equals Qt's ``AppLocalDataLocation`` for the organisation and application ``circuitviz``, which on Linux
    follows the XDG base directory specification.
    """
    if sys.platform == "win32":
        root = Path(os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local")
    elif sys.platform == "darwin":
        root = Path.home() / "Library" / "Application Support"
    else:
        given = os.environ.get("XDG_DATA_HOME", "")
        root = Path(given) if os.path.isabs(given) else Path.home() / ".local" / "share"
    return root / "circuitviz" / "circuitviz"


def user_cache_folder() -> Path:
    """The folder for what was downloaded and can be downloaded again; it need not exist yet.

    On Linux it follows the XDG base directory specification.
    """
    if sys.platform == "win32":
        return user_data_folder() / "cache"
    if sys.platform == "darwin":
        root = Path.home() / "Library" / "Caches"
    else:
        given = os.environ.get("XDG_CACHE_HOME", "")
        root = Path(given) if os.path.isabs(given) else Path.home() / ".cache"
    return root / "circuitviz"
