"""Which model own prompts are read by, and the button that opens it."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QLabel, QPushButton, QWidget

from circuitviz.graph.names import display_name
from circuitviz.panels.widgets.layouts import lay_out_row
from circuitviz.workbench.requests.inspect_prompts import OpenPromptsModel, PromptsModel, PromptsModelOpened
from circuitviz.workspace.latest_job import LatestJob
from circuitviz.workspace.plain_text import escape_mnemonics
from circuitviz.workspace.workspace import Workspace


class ModelLine(QWidget):
    """Says whether the model is open. Signals: ``opened()``: the button has opened it.

    Attributes:
        is_open: Whether it is.
    """

    opened = Signal()

    def __init__(self, workspace: Workspace, find_model: Callable[[], PromptsModel]) -> None:
        super().__init__()
        self._workspace, self._find_model = workspace, find_model
        self._job = LatestJob(workspace, self, follows_tab=False)
        self.is_open = False
        self.label = QLabel("", objectName="muted", wordWrap=True, accessibleName="Model of the prompts")
        self.label.setToolTip("the model of New search")
        self.button = QPushButton("", accessibleName="Open the model")
        lay_out_row((self.label, 1), self.button, parent=self, spacing=8)
        self.button.clicked.connect(lambda: self._job.submit(OpenPromptsModel(self._find_model())))
        self._job.received.connect(self._on_opened)
        self._job.running_changed.connect(lambda _is_running: self.show_model())

    def set_open(self, is_open: bool) -> None:
        """Say whether the model is open."""
        self.is_open = is_open
        self.show_model()

    def show_model(self) -> None:
        """Show the name of the model, which may be another one now."""
        name, is_opening = display_name(self._find_model().name), self._job.is_running
        if self.is_open:
            text = f"read by {name}"
        else:
            text = (
                f"Opening {name} …" if is_opening else f"Tokens and probabilities appear once {name} is open."
            )
        self.label.setText(text)
        self.button.setText(f"Open {escape_mnemonics(name)}")
        self.button.setVisible(not self.is_open)
        self.button.setEnabled(not is_opening)

    def _on_opened(self, reply: object) -> None:
        if isinstance(reply, PromptsModelOpened):
            self._workspace.post_message(f"{display_name(reply.model.name)} is open")
            self.opened.emit()
