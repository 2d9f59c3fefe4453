"""What the application remembers between two starts."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import QByteArray, QSettings, QStandardPaths

MOST_RECENT = 10


class Settings:
    """Theme, recent files, and the window's shape. Kept where the platform keeps settings."""

    def __init__(self) -> None:
        self._store = QSettings()

    @property
    def theme(self) -> str:
        """``system``, ``light`` or ``dark``."""
        return str(self._store.value("theme", "system", type=str))

    @theme.setter
    def theme(self, name: str) -> None:
        self._store.setValue("theme", name)

    @property
    def recent(self) -> list[Path]:
        """Files opened lately that still exist, the latest first."""
        kept = self._store.value("recent", [], type=list)
        return [Path(str(p)) for p in kept if Path(str(p)).is_file()]  # type: ignore[attr-defined]

    def add_recent(self, path: Path) -> None:
        """Put a file first."""
        others = [p for p in self.recent if p != path.absolute()]
        self._store.setValue("recent", [str(p) for p in [path.absolute(), *others][:MOST_RECENT]])

    @property
    def data_folder(self) -> Path:
        """Where unsaved work and claims on open files lie: the platform's folder for local data."""
        return Path(QStandardPaths.writableLocation(QStandardPaths.StandardLocation.AppLocalDataLocation))

    @property
    def geometry(self) -> tuple[QByteArray, QByteArray] | None:
        """The window's geometry and its docks' places."""
        geometry, state = self._store.value("geometry"), self._store.value("docks")
        if isinstance(geometry, QByteArray) and isinstance(state, QByteArray):
            return geometry, state
        return None

    @geometry.setter
    def geometry(self, value: tuple[QByteArray, QByteArray]) -> None:
        self._store.setValue("geometry", value[0])
        self._store.setValue("docks", value[1])
