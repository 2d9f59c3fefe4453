"""Where the application keeps what belongs to no one document: indexes, explanations, dictionaries."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QStandardPaths

if TYPE_CHECKING:
    from circuitviz.features.explanations import Explanations

STORE = "explanations.sqlite"


def data_folder() -> Path:
    """The platform's folder for what the application keeps."""
    return Path(QStandardPaths.writableLocation(QStandardPaths.StandardLocation.AppLocalDataLocation))


def explanations() -> Explanations:
    """What is said of features, by the person and by others; to be closed."""
    from circuitviz.features.explanations import Explanations

    return Explanations(data_folder() / STORE)
