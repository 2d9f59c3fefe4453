"""Lines above the canvas about what waits for the person: a circuit in another tab, a model to open."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QPushButton, QToolButton, QVBoxLayout, QWidget

from circuitviz.workbench.requests.open_document_model import FROM_DISK, FROM_NETWORK
from circuitviz.workspace import Workspace
from circuitviz.workspace.search_queue import QueuedSearch
from circuitviz.workspace.tabs import DocumentTab

SHOW_TAB_TEXT, OPEN_MODEL_TEXT, DOWNLOAD_MODEL_TEXT = (
    "Show it",
    "Open it from this computer",
    "Download…",
)


class Notice(QFrame):
    """A message with a button that acts on it and one that hides it."""

    def __init__(self, action: str) -> None:
        super().__init__()
        self.setObjectName("notice")
        self.text_label = QLabel(wordWrap=True)
        self.action_button = QPushButton(action)
        self.close_button = QToolButton(text="✕", toolTip="Hide this line", accessibleName="Hide this line")
        row = QHBoxLayout(self, spacing=8)
        row.setContentsMargins(12, 6, 8, 6)
        row.addWidget(self.text_label, 1)
        row.addWidget(self.action_button)
        row.addWidget(self.close_button)
        self.hide()

    def show_notice(self, text: str, action_text: str) -> None:
        """Show a message and the text of its button."""
        self.text_label.setText(text)
        self.action_button.setText(action_text)
        self.show()


class NoticeBar(QWidget):
    """The notices above the canvas; hidden while nothing waits."""

    def __init__(self, workspace: Workspace, is_on_screen: Callable[[DocumentTab], bool]) -> None:
        """Follow a workspace; what was found in a tab is not said of one that is on the screen."""
        super().__init__()
        self.workspace, self._is_on_screen = workspace, is_on_screen
        self.result_notice, self.model_notice = Notice(SHOW_TAB_TEXT), Notice(DOWNLOAD_MODEL_TEXT)
        column = QVBoxLayout(self, spacing=0)
        column.setContentsMargins(0, 0, 0, 0)
        self.released_notice = Notice("")
        self.released_notice.action_button.hide()
        for notice in (self.result_notice, self.model_notice, self.released_notice):
            column.addWidget(notice)
        self._found_in: DocumentTab | None = None  # what the notice about a search is of
        prompts = workspace.prompt_circuits
        workspace.search_finished.connect(self._show_result)
        self.result_notice.action_button.clicked.connect(lambda: self._show_tab())
        self.result_notice.close_button.clicked.connect(self.result_notice.hide)
        workspace.model_released.connect(lambda text: self.released_notice.show_notice(text, ""))
        self.released_notice.close_button.clicked.connect(self.released_notice.hide)
        prompts.needed_model_changed.connect(self._show_model)
        self.model_notice.action_button.clicked.connect(lambda: self._open_model())
        self.model_notice.close_button.clicked.connect(self.model_notice.hide)

    def _show_result(self, search: QueuedSearch) -> None:
        """Say that a search has ended whose tab is not on the screen."""
        circuit = search.tab.user_document.state.circuit
        if self._is_on_screen(search.tab) or not search.has_result or circuit is None:
            return
        self._found_in = search.tab
        self.result_notice.show_notice(
            f"{search.name} with {search.method}: {circuit.n_edges:,} edges found, in a tab of its own.",
            SHOW_TAB_TEXT,
        )

    def follow_tabs(self) -> None:
        """Hide the notice about a search once its tab was seen or closed."""
        found_in = self._found_in
        if found_in not in self.workspace.tabs.tabs or self._is_on_screen(found_in):
            self.result_notice.hide()

    def _show_tab(self) -> None:
        if self._found_in in self.workspace.tabs.tabs:
            assert self._found_in is not None
            self.workspace.tab_controller.show(self._found_in)

    def _show_model(self) -> None:
        needed = self.workspace.prompt_circuits.needed_model
        if needed is None:
            self.model_notice.hide()
            return
        action = OPEN_MODEL_TEXT if needed.is_downloaded else DOWNLOAD_MODEL_TEXT
        self.model_notice.show_notice(
            f"This circuit was made with {needed.model}, which is not open. "
            "The circuit and its labels can be looked at and changed without it.",
            action,
        )

    def _open_model(self) -> None:
        needed = self.workspace.prompt_circuits.needed_model
        if needed is not None:
            self.workspace.prompt_circuits.open_needed_model(
                FROM_DISK if needed.is_downloaded else FROM_NETWORK
            )


def stack_above(tabs: QWidget, notices: NoticeBar, pages: QWidget) -> QWidget:
    """The tabs and the notices over the pages, as one widget."""
    stack = QWidget()
    column = QVBoxLayout(stack, spacing=0)
    column.setContentsMargins(0, 0, 0, 0)
    column.addWidget(tabs)
    column.addWidget(notices)
    column.addWidget(pages, 1)
    return stack
