"""The dialog about versions is closed by Return."""

from __future__ import annotations

from opening import LONG
from PySide6.QtCore import QObject, Qt
from PySide6.QtWidgets import QDialog, QWidget
from pytestqt.qtbot import QtBot

from circuitviz.shell.about_dialog import AboutDialog
from circuitviz.shell.main_window import MainWindow


class Fates(QObject):
    """Counts the dialogs of a window that are deleted."""

    def __init__(self) -> None:
        super().__init__()
        self.gone = 0

    def follow(self, dialog: QDialog) -> None:
        dialog.destroyed.connect(self._went)

    def _went(self) -> None:
        self.gone += 1


def test_about_closes_on_return(window: MainWindow, qtbot: QtBot) -> None:
    fates, dialog = Fates(), AboutDialog(window)
    fates.follow(dialog)
    window.dialogs.show_only_dialog(dialog)
    default = [b for b in dialog.findChildren(QWidget) if getattr(b, "isDefault", bool)()]
    assert [button.text().replace("&", "") for button in default] == ["Close"]
    assert all(button.icon().isNull() for button in default)
    qtbot.keyClick(dialog, Qt.Key.Key_Return)
    qtbot.waitUntil(lambda: fates.gone == 1, timeout=LONG)
