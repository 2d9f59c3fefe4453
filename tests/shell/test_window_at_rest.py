"""A window in which nothing happens does nothing: whatever panel is looked at, layouts come to rest."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QObject
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from circuitviz.shell.main_window import MainWindow


class LayoutRequests(QObject):
    """Counts requests for a layout, of any widget."""

    def __init__(self) -> None:
        super().__init__()
        self.number = 0

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        self.number += event.type() is QEvent.Type.LayoutRequest
        return False


def test_layouts_come_to_rest_with_each_panel_in_front(opened: MainWindow, qtbot: QtBot) -> None:
    requests = LayoutRequests()
    QApplication.instance().installEventFilter(requests)

    def are_none() -> bool:
        before = requests.number
        qtbot.wait(20)  # an endless layout asks for dozens in this time
        return requests.number == before

    for name in opened.docks:
        opened.dock_manager.bring_to_front(name)
        QApplication.processEvents()
        qtbot.waitUntil(are_none, timeout=20_000)
    QApplication.instance().removeEventFilter(requests)
    assert requests.number > len(opened.docks)
