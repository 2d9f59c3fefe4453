"""What start pages list, and what is done when something is chosen on one."""

from __future__ import annotations

from collections.abc import Callable

from circuitviz.shell.dock_manager import SEARCH, DockManager
from circuitviz.shell.file_controller import FileController
from circuitviz.shell.last_circuits import LastCircuits
from circuitviz.shell.settings import Settings
from circuitviz.shell.start_page import StartPage
from circuitviz.workspace import Workspace


class StartPages:
    """Connects the start page on the canvas, and those in panes of empty tabs, to what they offer."""

    def __init__(
        self,
        workspace: Workspace,
        files: FileController,
        last_circuits: LastCircuits,
        docks: DockManager,
        settings: Settings,
    ) -> None:
        self._workspace, self._files, self._last_circuits = workspace, files, last_circuits
        self._docks, self._settings = docks, settings

    def connect_page(self, page: StartPage, find_example: Callable[[str], None]) -> None:
        """Do what is chosen on a page, for the tab in front.

        Args:
            page: The page, which is filled, too.
            find_example: Finds the circuit of a task on the demo model.
        """
        files, form = self._files, self._workspace.search_form
        page.search_requested.connect(lambda: self._docks.bring_to_front(SEARCH))
        page.example_chosen.connect(find_example)
        page.file_chosen.connect(files.open_path)
        page.last_requested.connect(self._last_circuits.open_again)
        page.open_requested.connect(files.ask_and_open)
        page.model_requested.connect(form.model_folder_requested)
        page.task_requested.connect(form.task_file_requested)
        self.list_files(page)

    def list_files(self, page: StartPage) -> None:
        """List the recent files on a page, and those that were open last."""
        page.show_recent_files(self._settings.recent_files, len(self._last_circuits.paths))
