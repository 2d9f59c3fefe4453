"""Shows which files are being written; the window stays open until they are."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QEventLoop, QTimer
from PySide6.QtWidgets import QHBoxLayout, QLabel, QProgressDialog, QPushButton, QWidget

if TYPE_CHECKING:
    from circuitviz.workspace.save_service import SaveService

STATUS_DELAY_MS = 300  # ms after which a person wonders what goes on


class WriteProgress(QWidget):
    """Names the files that are being written in the status bar, with a button that cancels exports."""

    def __init__(self, window: QWidget, save_service: SaveService) -> None:
        """Follow a save service; ``window`` is the parent of the dialog that waits for it."""
        super().__init__()
        self._window, self.save_service = window, save_service
        self.text_label = QLabel(objectName="muted")
        self.cancel_button = QPushButton("Cancel", objectName="link")
        self.cancel_button.setAccessibleName("Cancel the export")
        self.cancel_button.clicked.connect(self.save_service.cancel_exports)
        policy = self.cancel_button.sizePolicy()
        policy.setRetainSizeWhenHidden(True)  # else the status bar is lower after a save, the canvas higher
        self.cancel_button.setSizePolicy(policy)
        self.dialog: QProgressDialog | None = None
        row = QHBoxLayout(self, spacing=6)
        row.setContentsMargins(0, 0, 6, 0)
        row.addWidget(self.text_label)
        row.addWidget(self.cancel_button)
        self.hide()
        self._delay_timer = QTimer(self, singleShot=True, interval=STATUS_DELAY_MS)
        self._delay_timer.timeout.connect(self._show_status)
        self.save_service.changed.connect(self._update_visibility)

    def wait_until_written(self) -> None:
        """Wait until everything is written, with a dialog in which exports can be cancelled."""
        if self.save_service.wait_until_written(STATUS_DELAY_MS / 1000):
            return
        loop = QEventLoop()
        self.dialog = dialog = QProgressDialog(self._window)
        dialog.setWindowTitle("circuitviz")
        dialog.setRange(0, 0)
        dialog.setMinimumWidth(380)
        dialog.setAutoClose(False)
        dialog.setModal(True)
        dialog.setLabelText(f"{self._status_text()}\nThe window closes when that is done.")
        dialog.setCancelButtonText("Cancel the export" if self.save_service.pending_exports else "")
        dialog.canceled.connect(self.save_service.cancel_exports)

        def look() -> None:
            if not self.save_service.is_busy:
                loop.quit()

        self.save_service.changed.connect(look)
        dialog.show()
        loop.exec()
        self.save_service.changed.disconnect(look)
        dialog.canceled.disconnect(self.save_service.cancel_exports)
        dialog.close()
        dialog.deleteLater()
        self.dialog = None

    def _status_text(self) -> str:
        paths: list[Path] = [*self.save_service.pending_saves, *self.save_service.pending_exports]
        more = f" and {len(paths) - 1} more" if len(paths) > 1 else ""
        return f"Writing {paths[0].name}{more} …"

    def _update_visibility(self) -> None:
        """Show the status only after ``STATUS_DELAY_MS``, so that short work does not flicker."""
        if not self.save_service.is_busy:
            self._delay_timer.stop()
            self.hide()
        elif self.isVisible():
            self._show_status()
        elif not self._delay_timer.isActive():
            self._delay_timer.start()

    def _show_status(self) -> None:
        self.text_label.setText(self._status_text())
        self.cancel_button.setVisible(bool(self.save_service.pending_exports))
        self.show()
