"""The status bar: the last message, the running jobs, which files are being written, the model."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import QObject, QUrl
from PySide6.QtGui import QDesktopServices
from PySide6.QtWidgets import QLabel, QPushButton, QSizePolicy, QStatusBar, QWidget

from circuitviz.graph.names import display_name
from circuitviz.panels.widgets.elided_label import ElidedLabel
from circuitviz.panels.widgets.layouts import lay_out_row
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
        bar.setContentsMargins(10, 0, 10, 0)
        for widget in (write_progress, self.job_rows, self.device_label):
            bar.addPermanentWidget(widget)
        self.open_button = QPushButton("Open", objectName="link", toolTip="Open the file that was written")
        self.folder_button = QPushButton(
            "Show in folder", objectName="link", toolTip="Open the folder of the file that was written"
        )
        self._written_path: Path | None = None
        message = QWidget()
        lay_out_row(self.message_label, self.open_button, self.folder_button, 1, parent=message, spacing=10)
        self.message_label.setSizePolicy(QSizePolicy.Policy.Maximum, QSizePolicy.Policy.Preferred)
        bar.addWidget(message, 1)
        self._show_written_file(None)
        self.open_button.clicked.connect(lambda: self._open_written(is_folder=False))
        self.folder_button.clicked.connect(lambda: self._open_written(is_folder=True))
        workspace.message_posted.connect(self._show_message)
        workspace.notifier.file_written.connect(self._show_written_file)
        workspace.worker.submitted.connect(self.job_rows.follow)
        workspace.search_queue.changed.connect(self._show_search_statuses)
        workspace.model_ready.connect(self._show_model)
        workspace.state_changed.connect(self._forget_model)

    def _show_message(self, message: str) -> None:
        self.message_label.setText(message)
        self._show_written_file(None)

    def _show_written_file(self, path: Path | None) -> None:
        self._written_path = path
        self.open_button.setVisible(path is not None)
        self.folder_button.setVisible(path is not None)

    def _open_written(self, is_folder: bool) -> None:
        if (path := self._written_path) is not None:
            QDesktopServices.openUrl(QUrl.fromLocalFile(str(path.parent if is_folder else path)))

    def _show_search_statuses(self) -> None:
        """Say of a search that stands still whether it is paused or waits for the one that runs."""
        queue = self._workspace.search_queue
        for search in queue.searches:
            self.job_rows.show_held_text(queue.handle_of(search), search.status.value)

    def _show_model(self, opened: ModelReady) -> None:
        name = display_name(opened.model)
        places = opened.device.split(", ")
        device = opened.device if len(places) == 1 else f"{len(places)} devices"
        place = self._workspace.worker.place_text
        self.device_label.setText(" · ".join(filter(None, (name, device, opened.dtype, place))))
        where = f"{opened.device} of a worker of {place}" if place else opened.device
        self.device_label.setToolTip(f"Model {opened.model}, on {where}, weights in {opened.dtype}")

    def _forget_model(self) -> None:
        if self._workspace.opened_model is None:
            self.device_label.setText("")
            self.device_label.setToolTip("")
