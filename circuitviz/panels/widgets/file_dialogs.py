"""Dialogs that ask for a file or a folder, and open where one of the same purpose was chosen last."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtWidgets import QFileDialog, QWidget

from circuitviz.workspace.user_settings import UserSettings


def ask_open_file(
    parent: QWidget, title: str, file_filter: str, purpose: str, settings: UserSettings
) -> Path | None:
    """Let the person choose a file that exists.

    Args:
        parent: The dialog is over its window.
        title: What the dialog says.
        file_filter: As ``QFileDialog`` reads it.
        purpose: What kind of file it is: each kind has its own last folder.
        settings: Where these folders are remembered.

    Returns:
        The file; None where none was chosen.
    """
    path, _ = QFileDialog.getOpenFileName(parent, title, settings.last_folder(purpose), file_filter)
    return _remember(path, purpose, settings)


def ask_save_file(
    parent: QWidget, title: str, name: str, file_filter: str, purpose: str, settings: UserSettings
) -> Path | None:
    """Let the person choose where to write; ``name`` is proposed, the rest is as in ``ask_open_file``."""
    folder = settings.last_folder(purpose)
    proposed = str(Path(folder) / name) if folder else name
    path, _ = QFileDialog.getSaveFileName(parent, title, proposed, file_filter)
    return _remember(path, purpose, settings)


def ask_folder(parent: QWidget, title: str, purpose: str, settings: UserSettings) -> Path | None:
    """Let the person choose a folder; the arguments are those of ``ask_open_file``."""
    path = QFileDialog.getExistingDirectory(parent, title, settings.last_folder(purpose))
    if path:
        settings.remember_folder(Path(path).parent, purpose)
    return Path(path) if path else None


def _remember(path: str, purpose: str, settings: UserSettings) -> Path | None:
    if not path:
        return None
    settings.remember_folder(Path(path).parent, purpose)
    return Path(path)
