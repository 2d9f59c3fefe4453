"""What start pages list, and what is done when something is chosen on one."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QObject

from circuitviz.shell.canvas_panes import CanvasPanes
from circuitviz.shell.dock_manager import SEARCH, DockManager
from circuitviz.shell.file_controller import FileController
from circuitviz.shell.last_circuits import LastCircuits
from circuitviz.shell.settings import Settings
from circuitviz.shell.start_page import StartPage
from circuitviz.workspace import Workspace


class StartPages(QObject):
    """Connects the start page on the canvas, and those in panes of empty tabs, to what they offer."""

    def __init__(
        self,
        canvas_page: StartPage,
        panes: CanvasPanes,
        workspace: Workspace,
        files: FileController,
        last_circuits: LastCircuits,
        docks: DockManager,
        settings: Settings,
        find_example: Callable[[str], None],
    ) -> None:
        """Connect the page on the canvas now, and those in panes once they are shown.

        Args:
            canvas_page: The page on the canvas.
            panes: The panes of tabs.
            workspace: The workspace.
            files: Opens files.
            last_circuits: Opens the files that were open last.
            docks: Shows the panel of the search.
            settings: Where the recent files are kept; each change of them is shown on all pages.
            find_example: Finds the circuit of a task on the demo model.
        """
        super().__init__(canvas_page)
        self._canvas_page, self._panes = canvas_page, panes
        self._find_example = find_example
        self._workspace, self._files, self._last_circuits = workspace, files, last_circuits
        self._docks, self._settings = docks, settings
        self._connect_page(canvas_page)
        panes.start_page_shown.connect(self._connect_page)
        settings.recent_files_changed.connect(self.list_files)

    def list_files(self) -> None:
        """List the recent files on all pages, and those that were open last."""
        for page in (self._canvas_page, *self._panes.start_pages):
            self._list_files_on(page)

    def _connect_page(self, page: StartPage) -> None:
        """Do what is chosen on a page, for the tab in front, and fill it."""
        files, form = self._files, self._workspace.search_form
        page.search_requested.connect(lambda: self._docks.bring_to_front(SEARCH))
        page.example_chosen.connect(self._find_example)
        page.file_chosen.connect(files.open_path)
        page.last_requested.connect(self._last_circuits.open_again)
        page.open_requested.connect(files.ask_and_open)
        page.model_requested.connect(form.model_folder_requested)
        page.task_requested.connect(form.task_file_requested)
        self._list_files_on(page)

    def _list_files_on(self, page: StartPage) -> None:
        page.show_recent_files(self._settings.recent_files, len(self._last_circuits.paths))
