"""Lines above the canvas about what waits for the person: an offered result, a model that is not open."""

from __future__ import annotations

from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QPushButton, QToolButton, QVBoxLayout, QWidget

from circuitviz.workbench.requests.open_document_model import FROM_DISK, FROM_NETWORK
from circuitviz.workspace import Workspace

SHOW_RESULT_TEXT, OPEN_MODEL_TEXT, DOWNLOAD_MODEL_TEXT = (
    "Show the circuit",
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

    def __init__(self, workspace: Workspace) -> None:
        super().__init__()
        self.workspace = workspace
        self.result_notice, self.model_notice = Notice(SHOW_RESULT_TEXT), Notice(DOWNLOAD_MODEL_TEXT)
        column = QVBoxLayout(self, spacing=0)
        column.setContentsMargins(0, 0, 0, 0)
        for notice in (self.result_notice, self.model_notice):
            column.addWidget(notice)
        search, prompts = self.workspace.search_controller, self.workspace.prompt_circuits
        search.offer_changed.connect(self._show_result)
        self.result_notice.action_button.clicked.connect(lambda: search.accept_offer())
        self.result_notice.close_button.clicked.connect(lambda: search.withdraw_offer())
        prompts.needed_model_changed.connect(self._show_model)
        self.model_notice.action_button.clicked.connect(lambda: self._open_model())
        self.model_notice.close_button.clicked.connect(self.model_notice.hide)

    def _show_result(self) -> None:
        offer = self.workspace.search_controller.pending_offer
        if offer is None:
            self.result_notice.hide()
        else:
            self.result_notice.show_notice(offer.message, offer.action_text)

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


def stack_above(notices: NoticeBar, pages: QWidget) -> QWidget:
    """The notices over the pages, as one widget."""
    stack = QWidget()
    column = QVBoxLayout(stack, spacing=0)
    column.setContentsMargins(0, 0, 0, 0)
    column.addWidget(notices)
    column.addWidget(pages, 1)
    return stack
