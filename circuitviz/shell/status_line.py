"""The status bar: the last message, the running jobs, which files are being written, the model."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import QObject
from PySide6.QtWidgets import QLabel, QStatusBar

from circuitviz.panels.widgets.elided_label import ElidedLabel
from circuitviz.shell.job_rows import JobRows
from circuitviz.shell.write_progress import WriteProgress
from circuitviz.workbench.requests.messages import ModelReady
from circuitviz.workspace import Workspace


class StatusLine(QObject):
    """Fills the status bar of a window and follows the workspace."""

    def __init__(self, bar: QStatusBar, workspace: Workspace, write_progress: WriteProgress) -> None:
        super().__init__(bar)
        self._workspace = workspace
        self.write_progress = write_progress
        self.message_label, self.device_label = ElidedLabel(), QLabel("")
        self.job_rows = JobRows()
        bar.setContentsMargins(10, 0, 0, 0)
        for widget in (write_progress, self.job_rows, self.device_label):
            bar.addPermanentWidget(widget)
        bar.addWidget(self.message_label, 1)
        workspace.message_posted.connect(self._show_message)
        workspace.worker.submitted.connect(self.job_rows.follow)
        workspace.model_ready.connect(self._show_model)
        workspace.state_changed.connect(self._forget_model)

    def _show_message(self, message: str) -> None:
        self.message_label.setText(message)
        self.message_label.setToolTip(message)

    def _show_model(self, opened: ModelReady) -> None:
        folder = Path(opened.model).expanduser()
        name = folder.name if folder.is_dir() else opened.model
        self.device_label.setText(f"{name} · {opened.device} · {opened.dtype}")
        self.device_label.setToolTip(f"Model {opened.model}, on {opened.device}, weights in {opened.dtype}")

    def _forget_model(self) -> None:
        if self._workspace.opened_model is None:
            self.device_label.setText("")
            self.device_label.setToolTip("")
