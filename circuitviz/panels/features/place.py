"""Where the application keeps what belongs to no one document: indexes, explanations, dictionaries."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import QStandardPaths

STORE = "explanations.sqlite"


def data_folder() -> Path:
    """The platform's folder for what the application keeps."""
    return Path(QStandardPaths.writableLocation(QStandardPaths.StandardLocation.AppLocalDataLocation))
