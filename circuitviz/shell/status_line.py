"""The status bar: the last message, how far the running job is, which files are being written, the model."""

from __future__ import annotations

from PySide6.QtCore import QObject
from PySide6.QtWidgets import QLabel, QProgressBar, QPushButton, QStatusBar

from circuitviz.shell.write_progress import WriteProgress
from circuitviz.workbench.requests.messages import ModelReady, ProgressReported
from circuitviz.workspace import Workspace

PROGRESS_WIDTH_PX = 140
PROGRESS_STEPS = 1000


class StatusLine(QObject):
    """Fills the status bar of a window and follows the workspace."""

    def __init__(self, bar: QStatusBar, workspace: Workspace, write_progress: WriteProgress) -> None:
        super().__init__(bar)
        self._workspace = workspace
        self._shows_progress = False
        self.write_progress = write_progress
        self.message_label, self.device_label = QLabel(""), QLabel("")
        self.progress_bar = QProgressBar(textVisible=False, maximum=PROGRESS_STEPS)
        self.progress_bar.setFixedWidth(PROGRESS_WIDTH_PX)
        self.cancel_button = QPushButton("Cancel", objectName="link")
        bar.setContentsMargins(10, 0, 0, 0)
        for widget in (write_progress, self.progress_bar, self.cancel_button, self.device_label):
            bar.addPermanentWidget(widget)
        bar.addWidget(self.message_label, 1)
        self.progress_bar.hide()
        self.cancel_button.hide()
        self.cancel_button.clicked.connect(workspace.cancel_jobs)
        workspace.message_posted.connect(self._show_message)
        workspace.progress_reported.connect(self._show_progress)
        workspace.worker_idle.connect(self._on_idle)
        workspace.model_ready.connect(self._show_model)
        workspace.state_changed.connect(self._forget_model)

    def _show_message(self, message: str) -> None:
        self._shows_progress = False
        self.message_label.setText(message)

    def _show_progress(self, progress: ProgressReported) -> None:
        self.progress_bar.show()
        self.cancel_button.show()
        self.progress_bar.setValue(round(progress.fraction * PROGRESS_STEPS))
        self._shows_progress = True
        text = f"{progress.title}: {progress.message}" if progress.message else progress.title
        self.message_label.setText(text)

    def _on_idle(self) -> None:
        self.progress_bar.hide()
        self.cancel_button.hide()
        if self._workspace.opened_model is not None and self._shows_progress:
            self._show_message("Ready")

    def _show_model(self, opened: ModelReady) -> None:
        self.device_label.setText(f"{opened.model} · {opened.device} · {opened.dtype}")

    def _forget_model(self) -> None:
        if self._workspace.opened_model is None:
            self.device_label.setText("")
