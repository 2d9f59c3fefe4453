"""What is being written is in sight until it is on the disk; the window does not go before."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QEventLoop, QTimer
from PySide6.QtWidgets import QHBoxLayout, QLabel, QProgressDialog, QPushButton, QWidget

if TYPE_CHECKING:
    from circuitviz.app.window import MainWindow

FELT = 300  # ms after which a person wonders what goes on


class Writing(QWidget):
    """In the status bar: which files are being written, and how to leave an export out."""

    def __init__(self, window: MainWindow) -> None:
        super().__init__()
        self.window_, self.writer = window, window.desk.writer
        self.text = QLabel(objectName="muted")
        self.cancel = QPushButton("Cancel", objectName="link")
        self.cancel.setAccessibleName("Do not write the file")
        self.cancel.clicked.connect(self.writer.cancel)
        self.dialog: QProgressDialog | None = None
        row = QHBoxLayout(self, spacing=6)
        row.setContentsMargins(0, 0, 6, 0)
        row.addWidget(self.text)
        row.addWidget(self.cancel)
        self.hide()
        self._felt = QTimer(self, singleShot=True, interval=FELT)
        self._felt.timeout.connect(self._show)
        self.writer.changed.connect(self._look)

    def finish(self) -> None:
        """Wait until everything is on the disk; a person who does not want to wait can leave exports out."""
        if self.writer.finish(FELT / 1000):
            return
        loop = QEventLoop()
        self.dialog = dialog = QProgressDialog(self.window_)
        dialog.setWindowTitle("circuitviz")
        dialog.setRange(0, 0)
        dialog.setMinimumWidth(380)
        dialog.setAutoClose(False)
        dialog.setModal(True)
        dialog.setLabelText(f"{self._said()}\nThe window closes when that is done.")
        dialog.setCancelButtonText("Do not write it" if self.writer.exporting else "")
        dialog.canceled.connect(self.writer.cancel)

        def look() -> None:
            if not self.writer.busy:
                loop.quit()

        self.writer.changed.connect(look)
        dialog.show()
        loop.exec()
        self.writer.changed.disconnect(look)
        dialog.canceled.disconnect(self.writer.cancel)
        dialog.close()
        dialog.deleteLater()
        self.dialog = None

    def _said(self) -> str:
        paths: list[Path] = [*self.writer.saving, *self.writer.exporting]
        more = f" and {len(paths) - 1} more" if len(paths) > 1 else ""
        return f"Writing {paths[0].name}{more} …"

    def _look(self) -> None:
        """Short work does not flicker."""
        if not self.writer.busy:
            self._felt.stop()
            self.hide()
        elif self.isVisible():
            self._show()
        elif not self._felt.isActive():
            self._felt.start()

    def _show(self) -> None:
        self.text.setText(self._said())
        self.cancel.setVisible(bool(self.writer.exporting))
        self.show()
