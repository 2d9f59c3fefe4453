"""What the application remembers between two starts."""

from __future__ import annotations

import os
from pathlib import Path
from urllib.parse import unquote_to_bytes

from PySide6.QtCore import QByteArray, QObject, QSettings, Signal

from circuitviz.dtypes import AUTO_DTYPE, DTYPE_CHOICES, NO_OFFLOAD, OFFLOAD_CHOICES
from circuitviz.formats.json_bounds import replace_surrogates
from circuitviz.resources import user_data_folder
from circuitviz.scene.node_naming import BY_NAME, NAMINGS
from circuitviz.scene.theme import EDGE_COLOURS

MAX_RECENT_FILES = 10
LOG_LEVELS = ("warning", "info", "debug")


class Settings(QObject):
    """Appearance, machine, recent files and the window's geometry, kept in ``QSettings``."""

    recent_files_changed = Signal()

    def __init__(self) -> None:
        super().__init__()
        self._store = QSettings()

    @property
    def theme(self) -> str:
        """``system``, ``light`` or ``dark``."""
        return str(self._store.value("theme", "system", type=str))

    @theme.setter
    def theme(self, name: str) -> None:
        self._store.setValue("theme", name)

    @property
    def edge_colours(self) -> str:
        """What edges are coloured by in the window and in new figures: one of ``EDGE_COLOURS``."""
        name = str(self._store.value("colours", EDGE_COLOURS[0], type=str))
        return name if name in EDGE_COLOURS else EDGE_COLOURS[0]

    @edge_colours.setter
    def edge_colours(self, name: str) -> None:
        self._store.setValue("colours", name)

    @property
    def is_canvas_horizontal(self) -> bool:
        """Whether layers go from left to right on the canvas."""
        return bool(self._store.value("canvas horizontal", False, type=bool))

    @is_canvas_horizontal.setter
    def is_canvas_horizontal(self, is_horizontal: bool) -> None:
        self._store.setValue("canvas horizontal", is_horizontal)

    @property
    def node_naming(self) -> str:
        """By what nodes on the canvas are named: one of ``NAMINGS``."""
        naming = str(self._store.value("node names", BY_NAME, type=str))
        return naming if naming in NAMINGS else BY_NAME

    @node_naming.setter
    def node_naming(self, naming: str) -> None:
        self._store.setValue("node names", naming)

    @property
    def text_size(self) -> int:
        """Size of all text in percent of the system's, from 80 to 200."""
        return self._read_int("text size", 100, 80, 200)

    @text_size.setter
    def text_size(self, percent: int) -> None:
        self._store.setValue("text size", percent)

    @property
    def device(self) -> str:
        """Where models run by default: ``cpu`` or ``cuda``."""
        return str(self._store.value("device", "cpu", type=str))

    @device.setter
    def device(self, name: str) -> None:
        self._store.setValue("device", name)

    @property
    def dtype(self) -> str:
        """The precision that weights are kept in by default: one of ``DTYPE_CHOICES``."""
        name = str(self._store.value("precision", AUTO_DTYPE, type=str))
        return name if name in DTYPE_CHOICES else AUTO_DTYPE

    @dtype.setter
    def dtype(self, name: str) -> None:
        self._store.setValue("precision", name)

    @property
    def offload(self) -> str:
        """Where dictionaries' encoders and decoders are: one of ``OFFLOAD_CHOICES``."""
        name = str(self._store.value("offload", NO_OFFLOAD, type=str))
        return name if name in OFFLOAD_CHOICES else NO_OFFLOAD

    @offload.setter
    def offload(self, name: str) -> None:
        self._store.setValue("offload", name)

    @property
    def n_threads(self) -> int:
        """Threads that a computation takes; 0: all cores but one."""
        return self._read_int("threads", 0, 0, 1024)

    @n_threads.setter
    def n_threads(self, number: int) -> None:
        self._store.setValue("threads", number)

    @property
    def log_level(self) -> str:
        """How much is logged: one of ``LOG_LEVELS``."""
        name = str(self._store.value("log level", LOG_LEVELS[0], type=str))
        return name if name in LOG_LEVELS else LOG_LEVELS[0]

    @log_level.setter
    def log_level(self, name: str) -> None:
        self._store.setValue("log level", name)

    @property
    def author(self) -> str:
        """The name on new labels; empty until there is one."""
        return str(self._store.value("author", "", type=str))

    @author.setter
    def author(self, name: str) -> None:
        self._store.setValue("author", name)

    def last_folder(self, purpose: str) -> str:
        """Where a file of a purpose was chosen last; empty where none was, or where the folder is gone."""
        folder = str(self._store.value(f"folders/{purpose}", "", type=str))
        return folder if folder and Path(folder).is_dir() else ""

    def remember_folder(self, folder: Path, purpose: str) -> None:
        """Begin there when a file of this purpose is chosen the next time."""
        self._store.setValue(f"folders/{purpose}", str(folder))

    @property
    def recent_files(self) -> list[Path]:
        """Files opened lately that still exist, the latest first."""
        return [path for path in self._read_paths("recent") if path.is_file()]

    def add_recent_file(self, path: Path) -> None:
        """Put a file first in the list."""
        others = [p for p in self.recent_files if p != path.absolute()]
        self._store.setValue("recent", [_path_text(p) for p in [path.absolute(), *others][:MAX_RECENT_FILES]])
        self.recent_files_changed.emit()

    def clear_recent_files(self) -> None:
        """Clear the list, and that of the circuits that were open last."""
        for key in ("recent", "last circuits", "last places"):
            self._store.remove(key)
        self.recent_files_changed.emit()

    @property
    def data_folder(self) -> Path:
        """The platform's folder for local data: unsaved work and locks of open files."""
        return user_data_folder()

    @property
    def window_geometry(self) -> tuple[QByteArray, QByteArray] | None:
        """The window's geometry and its docks' places."""
        geometry, state = self._store.value("geometry"), self._store.value("docks")
        if isinstance(geometry, QByteArray) and isinstance(state, QByteArray):
            return geometry, state
        return None

    @window_geometry.setter
    def window_geometry(self, value: tuple[QByteArray, QByteArray]) -> None:
        self._store.setValue("geometry", value[0])
        self._store.setValue("docks", value[1])

    @property
    def places_layout(self) -> str:
        """The places below the canvas, as ``DockManager.save_layout`` writes them; empty at first."""
        return str(self._store.value("places", "", type=str))

    @places_layout.setter
    def places_layout(self, text: str) -> None:
        self._store.setValue("places", text)

    @property
    def last_circuits(self) -> tuple[list[Path], str]:
        """The files that were open when the application was left, and their places as JSON."""
        return self._read_paths("last circuits"), str(self._store.value("last places", "", type=str))

    @last_circuits.setter
    def last_circuits(self, value: tuple[list[Path], str]) -> None:
        self._store.setValue("last circuits", [_path_text(path) for path in value[0]])
        self._store.setValue("last places", value[1])

    @property
    def document_window_size(self) -> tuple[int, int]:
        """Width and height of a window of a circuit's own, in pixels; 0 at first."""
        return self._read_int("window width", 0, 0, 20_000), self._read_int("window height", 0, 0, 20_000)

    @document_window_size.setter
    def document_window_size(self, size: tuple[int, int]) -> None:
        for key, pixels in zip(("window width", "window height"), size, strict=True):
            self._store.setValue(key, pixels)

    def _read_paths(self, key: str) -> list[Path]:
        """A list of files; empty where the settings file was edited and holds none."""
        kept = self._store.value(key, [], type=list)
        return [_read_path(str(text)) for text in kept] if isinstance(kept, list) else []

    def _read_int(self, key: str, default: int, low: int, high: int) -> int:
        """An integer within bounds; the settings file may have been edited."""
        try:
            return max(low, min(high, int(str(self._store.value(key, default)))))
        except ValueError:
            return default


def _path_text(path: Path) -> str:
    """A path as settings keep it: as a URI where its bytes are no UTF-8, which settings would lose."""
    return str(path) if replace_surrogates(str(path)) == str(path) else path.as_uri()


def _read_path(text: str) -> Path:
    """The path of ``_path_text``."""
    if not text.startswith("file:///"):
        return Path(text)
    return Path(os.fsdecode(unquote_to_bytes(text.removeprefix("file://"))))
