"""Dialogs that ask for a file or a folder, and open where one of the same purpose was chosen last."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import QSettings
from PySide6.QtWidgets import QFileDialog, QWidget


def ask_open_file(parent: QWidget, title: str, file_filter: str, purpose: str) -> Path | None:
    """Let the person choose a file that exists.

    Args:
        parent: The dialog is over its window.
        title: What the dialog says.
        file_filter: As ``QFileDialog`` reads it.
        purpose: What kind of file it is: each kind has its own last folder.

    Returns:
        The file; None where none was chosen.
    """
    path, _ = QFileDialog.getOpenFileName(parent, title, last_folder(purpose), file_filter)
    return _remember(path, purpose)


def ask_save_file(parent: QWidget, title: str, name: str, file_filter: str, purpose: str) -> Path | None:
    """Let the person choose where to write; ``name`` is proposed, the rest is as in ``ask_open_file``."""
    proposed = str(Path(last_folder(purpose)) / name) if last_folder(purpose) else name
    path, _ = QFileDialog.getSaveFileName(parent, title, proposed, file_filter)
    return _remember(path, purpose)


def ask_folder(parent: QWidget, title: str, purpose: str) -> Path | None:
    """Let the person choose a folder; the arguments are those of ``ask_open_file``."""
    path = QFileDialog.getExistingDirectory(parent, title, last_folder(purpose))
    if path:
        remember_folder(Path(path).parent, purpose)
    return Path(path) if path else None


def last_folder(purpose: str) -> str:
    """Where a file of this purpose was chosen last; empty where none was, or where the folder is gone."""
    folder = str(QSettings().value(f"folders/{purpose}", "", type=str))
    return folder if folder and Path(folder).is_dir() else ""


def remember_folder(folder: Path, purpose: str) -> None:
    """Begin there the next time."""
    QSettings().setValue(f"folders/{purpose}", str(folder))


def _remember(path: str, purpose: str) -> Path | None:
    if not path:
        return None
    remember_folder(Path(path).parent, purpose)
    return Path(path)
