"""The circuits that were open when the application was left: their files, and where each was."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from PySide6.QtCore import QByteArray, QObject, QSize

from circuitviz.shell.canvas_panes import CanvasPanes
from circuitviz.shell.file_controller import FileController
from circuitviz.shell.settings import Settings
from circuitviz.workspace import Workspace
from circuitviz.workspace.tabs import DocumentTab

MIN_WINDOW_PX = 200


class LastCircuits(QObject):
    """Keeps which files are open and where, and opens them again there when the person says so."""

    def __init__(
        self, workspace: Workspace, panes: CanvasPanes, files: FileController, settings: Settings
    ) -> None:
        """Give windows of a circuit's own the size that they had last."""
        super().__init__(panes)
        self._workspace, self._panes, self._files, self._settings = workspace, panes, files, settings
        self._paths_to_open: list[Path] = []  # the first is being read
        size = QSize(*settings.document_window_size)
        if min(size.width(), size.height()) >= MIN_WINDOW_PX:
            panes.window_size = size

    @property
    def paths(self) -> list[Path]:
        """The files that were open last, and still exist."""
        return [path for path in self._settings.last_circuits[0] if path.is_file()]

    def save(self) -> None:
        """Write down what is open now, before the window closes; without any file the list stays.

        Files of last time that are still to be opened stay in the list, and all of last time in their places.
        """
        panes, tabs = self._panes, self._workspace.tabs
        named = {tab: tab.user_document.path for tab in tabs.tabs}
        open_paths = {tab: path.absolute() for tab, path in named.items() if path is not None}
        earlier = self._settings.last_circuits[0] if self._paths_to_open else []
        opening = [path for path in earlier if path in {*self._paths_to_open, *open_paths.values()}]
        paths = list(dict.fromkeys([*opening, *open_paths.values()]))
        if not paths:
            return
        numbers = {tab: paths.index(path) for tab, path in open_paths.items()}
        sides = [numbers.get(pane.tab) for pane in panes.panes]
        windows = {
            str(numbers[window.pane.tab]): bytes(window.saveGeometry().toBase64().data()).decode()
            for window in panes.windows
            if window.pane.tab in numbers
        }
        places = {
            "sides": sides if len(sides) > 1 and None not in sides else [],
            "sizes": panes.splitter.sizes(),
            "windows": windows,
            "main": numbers.get(panes.main_pane.tab),
            "front": numbers.get(tabs.front),
        }
        if self._paths_to_open:  # then nothing of last time is in its place yet
            places.update(self._earlier_places(paths, windows))
        self._settings.last_circuits = paths, json.dumps(places)

    def _earlier_places(self, new_paths: list[Path], windows: dict[str, str]) -> dict[str, Any]:
        """The places of last time, by numbers of files in a new list, beside windows that are open now."""
        paths, text = self._settings.last_circuits
        if (earlier := _read_places(text)) is None:
            return {}

        def renumber(number: Any) -> int | None:
            path = _path_at(paths, number)
            return new_paths.index(path) if path in new_paths else None

        sides = [renumber(number) for number in earlier["sides"]]
        renumbered = {renumber(number): place for number, place in earlier["windows"].items()}
        return {
            "sides": [] if None in sides else sides,
            "sizes": earlier["sizes"],
            "windows": {**{str(n): place for n, place in renumbered.items() if n is not None}, **windows},
            **{name: renumber(earlier.get(name)) for name in ("main", "front")},
        }

    def save_window_size(self) -> None:
        """Write down the size of windows of a circuit's own, once they are closed."""
        size = self._panes.window_size
        self._settings.document_window_size = size.width(), size.height()

    def open_again(self) -> None:
        """Open the files one after another; what cannot be read is told, and the others are opened."""
        if not self._paths_to_open:
            self._paths_to_open = self.paths
            self._open_next()

    def _open_next(self) -> None:
        while self._paths_to_open:
            handle = self._files.open_path(self._paths_to_open[0])
            if handle is not None:
                for end in (handle.finished, handle.failed, handle.cancelled):
                    end.connect(lambda *_result: self._end_opening())
                return
            self._paths_to_open.pop(0)
        self._put_in_places()

    def _end_opening(self) -> None:
        self._paths_to_open.pop(0)
        self._open_next()

    def _put_in_places(self) -> None:
        """Split the main window and give circuits windows, as far as the files are open now."""
        panes = self._panes
        paths, text = self._settings.last_circuits
        if (places := _read_places(text)) is None:
            return
        sides, sizes, windows = places["sides"], places["sizes"], places["windows"]
        for number, geometry in windows.items():
            if (tab := self._find_tab(paths, number)) is not None and not panes.is_in_window(tab):
                panes.show_in_window(tab, QByteArray.fromBase64(str(geometry).encode()))
        side_tabs = [self._find_tab(paths, number) for number in sides]
        if len(side_tabs) == 2 and side_tabs[0] is not None and side_tabs[1] is not None:
            panes.show_at_side(side_tabs[0], is_left=True)
            panes.show_at_side(side_tabs[1], is_left=False)
            if len(sizes) == 2 and all(isinstance(size, int) and size >= 0 for size in sizes):
                panes.splitter.setSizes(sizes)
        for number in (places.get("main"), places.get("front")):
            if (tab := self._find_tab(paths, number)) is not None:
                self._workspace.tab_controller.show(tab)

    def _find_tab(self, paths: list[Path], number: Any) -> DocumentTab | None:
        """The tab of a file, by its number as JSON has it."""
        path = _path_at(paths, number)
        return None if path is None else self._workspace.tabs.tab_at(path)


def _read_places(text: str) -> dict[str, Any] | None:
    """The places of circuits; None where they cannot be read."""
    try:
        places = json.loads(text)
        containers = {"sides": list, "sizes": list, "windows": dict}
        return {**places, **{name: container(places[name]) for name, container in containers.items()}}
    except (ValueError, KeyError, TypeError):
        return None


def _path_at(paths: list[Path], number: Any) -> Path | None:
    """The path of a number in the list, as JSON has the number."""
    text = str(number)
    index = int(text) if text.isdecimal() else len(paths)
    return paths[index] if index < len(paths) else None
