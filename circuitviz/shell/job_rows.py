"""The running jobs in the status bar: what each does, how far it is, how long it still takes, and Cancel."""

from __future__ import annotations

from functools import partial

from PySide6.QtCore import QTimer
from PySide6.QtWidgets import QHBoxLayout, QLabel, QProgressBar, QPushButton, QSizePolicy, QWidget

from circuitviz.graph.names import display_name
from circuitviz.jobs.job_handle import JobHandle
from circuitviz.panels.widgets.elided_label import ElidedLabel
from circuitviz.panels.widgets.font_scaling import scale_pixels
from circuitviz.panels.widgets.layouts import lay_out_row
from circuitviz.panels.widgets.time_left import TimeLeftEstimate
from circuitviz.workbench.requests.messages import ProgressReported

PROGRESS_WIDTH_PX, PROGRESS_STEPS = 110, 1000
TEXT_WIDTHS_PX = (300, 150, 90)  # of the text of a job, where it is alone, one of two, one of more
SHOW_DELAY_MS = 400  # a job that ends sooner is not shown: the status bar would flicker
PAUSED_TEXT = "paused"


class JobRows(QWidget):
    """A row for each job that has reported progress."""

    def __init__(self) -> None:
        super().__init__()
        self.rows: list[JobRow] = []
        self._row = QHBoxLayout(self, spacing=14)
        self._row.setContentsMargins(0, 0, 6, 0)

    def follow(self, handle: JobHandle) -> None:
        """Show a job once it reports progress, until it ends."""
        row = JobRow(handle)
        handle.progressed.connect(partial(self._show_progress, row))
        handle.held_changed.connect(row.show_held)
        handle.computed.connect(partial(self._remove, row))

    def _show_progress(self, row: JobRow, progress: ProgressReported) -> None:
        if row not in self.rows:
            self.rows.append(row)
            row.hide()
            self._row.addWidget(row)
            QTimer.singleShot(SHOW_DELAY_MS, row, partial(self._show, row))
        row.show_progress(progress)

    def _show(self, row: JobRow) -> None:
        if row in self.rows:
            row.show()
            self._share_width()

    def _remove(self, row: JobRow) -> None:
        if row in self.rows:
            self.rows.remove(row)
            self._row.removeWidget(row)
            self._share_width()
        row.release()
        row.hide()
        row.deleteLater()

    def show_held_text(self, handle: JobHandle, text: str) -> None:
        """Say why a job that has begun stands still."""
        for row in self.rows:
            if row.is_of(handle):
                row.show_held_text(text)

    def _share_width(self) -> None:
        shown = [row for row in self.rows if not row.isHidden()]
        width_px = TEXT_WIDTHS_PX[min(len(shown), len(TEXT_WIDTHS_PX)) - 1]
        for row in shown:
            row.text_label.setFixedWidth(scale_pixels(row, width_px))


class JobRow(QWidget):
    """One job."""

    def __init__(self, handle: JobHandle) -> None:
        super().__init__()
        self._handle: JobHandle | None = handle
        self._time_left = TimeLeftEstimate()
        self.text_label = ElidedLabel()
        self.text_label.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Preferred)
        self.progress_bar = QProgressBar(textVisible=False, maximum=PROGRESS_STEPS)
        self.progress_bar.setFixedWidth(PROGRESS_WIDTH_PX)
        self.time_label = QLabel("", objectName="muted")
        self.cancel_button = QPushButton("Cancel", objectName="link")
        self.cancel_button.clicked.connect(self._cancel)
        lay_out_row(
            self.text_label, self.progress_bar, self.time_label, self.cancel_button, parent=self, spacing=8
        )

    def show_progress(self, progress: ProgressReported) -> None:
        """Say how far the job is and how long it still takes."""
        step = display_name(progress.message)  # the model's name where it is the path of its folder
        text = f"{progress.title}: {step}" if step else progress.title
        self.text_label.setText(text)
        self.progress_bar.setAccessibleName(progress.title)
        self.cancel_button.setAccessibleName(f"Cancel: {progress.title}")
        self.cancel_button.setToolTip("End this job; what a search has found so far is offered")
        self.progress_bar.setValue(round(progress.fraction * PROGRESS_STEPS))
        time_left = self._time_left.describe(progress)
        if self._handle is not None and not self._handle.is_held:  # else its present step has ended
            self.time_label.setText(time_left)

    def show_held(self, is_held: bool) -> None:
        """Say that the job is paused, or goes on."""
        self._time_left.restart()
        self.time_label.setText(PAUSED_TEXT if is_held else "")
        self.progress_bar.setEnabled(not is_held)

    def is_of(self, handle: JobHandle) -> bool:
        """Whether the row shows this job."""
        return self._handle is handle

    def show_held_text(self, text: str) -> None:
        """Say why the job stands still, while it does."""
        if self._handle is not None and self._handle.is_held:
            self.time_label.setText(text)

    def release(self) -> None:
        """Let go of the job, whose connections hold the row: Python's collector does not see such a cycle."""
        self._handle = None

    def _cancel(self) -> None:
        self.cancel_button.setEnabled(False)
        self.time_label.setText("ending …")
        if self._handle is not None:
            self._handle.cancel()
