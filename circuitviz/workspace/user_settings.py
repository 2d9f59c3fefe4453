"""What panels remember of a person between two starts; the shell hands over where it is kept."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol


class UserSettings(Protocol):
    """What a panel may read and remember."""

    @property
    def author(self) -> str:
        """The name on new labels; empty until there is one."""
        ...

    @author.setter
    def author(self, name: str) -> None: ...

    def last_folder(self, purpose: str) -> str:
        """Where a file of a purpose was chosen last; empty where none was, or where the folder is gone."""
        ...

    def remember_folder(self, folder: Path, purpose: str) -> None:
        """Begin there when a file of this purpose is chosen the next time."""
        ...


class SessionSettings:
    """Remembers as long as the process runs: for workspaces without a window."""

    def __init__(self) -> None:
        self.author = ""
        self._folders: dict[str, Path] = {}

    def last_folder(self, purpose: str) -> str:
        """Where a file of a purpose was chosen last; empty where none was, or where the folder is gone."""
        folder = self._folders.get(purpose)
        return str(folder) if folder is not None and folder.is_dir() else ""

    def remember_folder(self, folder: Path, purpose: str) -> None:
        """Begin there when a file of this purpose is chosen the next time."""
        self._folders[purpose] = folder
