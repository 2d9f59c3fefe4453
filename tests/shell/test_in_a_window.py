"""What a person meets in a real window: panels that leave the canvas its room, menus that fit a screen,
dialogs that go away, text that follows the system."""

from __future__ import annotations

import pytest
from PySide6.QtCore import QObject, Qt
from PySide6.QtGui import QFontInfo
from PySide6.QtWidgets import QApplication, QDialog, QMessageBox, QTabBar, QWidget
from pytestqt.qtbot import QtBot

from circuitviz.document import Document, State
from circuitviz.graph import Circuit, Graph, ModelShape
from circuitviz.panels.widgets.font_scaling import DockScrollArea
from circuitviz.shell.about_dialog import AboutDialog
from circuitviz.shell.main_window import MainWindow
from circuitviz.workbench.requests.messages import JobFailed

LONG = 20_000


def document() -> Document:
    return Document(State(circuit=Circuit.full(Graph.transformer(ModelShape(2, 4, 16)))))


@pytest.fixture
def window(open_window) -> MainWindow:
    made: MainWindow = open_window()
    made.workspace.set_document(document())
    return made


def front(window: MainWindow) -> list[str]:
    """Titles of the docks before others."""
    bars = window.findChildren(QTabBar, options=Qt.FindChildOption.FindDirectChildrenOnly)
    return [bar.tabText(bar.currentIndex()) for bar in bars if bar.count()]


def test_no_panel_is_cut_and_none_behind_a_tab_takes_room(window: MainWindow, qtbot: QtBot) -> None:
    for name, dock in window.docks.items():
        window.dock_manager.bring_to_front(name)
        qtbot.waitUntil(lambda dock=dock: dock.isVisible() and dock.height() > 60, timeout=LONG)
        panel, frame = window.panels[name], dock.widget()
        least = panel.minimumSizeHint()
        qtbot.waitUntil(
            lambda p=panel, least=least: p.width() >= least.width() and p.height() >= least.height(),
            timeout=LONG,
        )
        assert window.rect().contains(dock.geometry()), name
        assert not dock.geometry().intersects(window.centralWidget().geometry()), name
        if isinstance(frame, DockScrollArea):
            assert not frame.horizontalScrollBar().maximum(), f"{name} scrolls sideways at the usual size"
    window.dock_manager.bring_to_front("edges")
    qtbot.waitUntil(lambda: window.docks["edges"].height() < 240, timeout=LONG)
    assert window.view.height() > 400


def test_the_dock_in_front_is_in_front_after_another_start(open_window, qtbot: QtBot) -> None:
    first: MainWindow = open_window()
    first.workspace.set_document(document())
    first.dock_manager.bring_to_front("filters")
    first.docks["labels"].hide()
    qtbot.waitUntil(lambda: front(first) == ["Filters"], timeout=LONG)
    first.close()
    second: MainWindow = open_window()
    assert second.docks["filters"].isHidden(), "docks stay away until there is a circuit"
    second.workspace.set_document(document())
    qtbot.waitUntil(lambda: front(second) == ["Filters"], timeout=LONG)
    assert second.docks["labels"].isHidden()


def test_every_menu_fits_a_small_screen(window: MainWindow) -> None:
    for action in window.menuBar().actions():
        menu = action.menu()
        assert menu.sizeHint().height() < 700, f"{action.text()} would fold into columns on a laptop"


class Fates(QObject):
    """Counts the dialogs of a window that are deleted."""

    def __init__(self) -> None:
        super().__init__()
        self.gone = 0

    def follow(self, dialog: QDialog) -> None:
        dialog.destroyed.connect(self._went)

    def _went(self) -> None:
        self.gone += 1


def test_messages_do_not_pile_up(window: MainWindow, qtbot: QtBot) -> None:
    for number in range(4):
        window.show_failure(JobFailed(f"Could not run job {number}", "for a reason"))
    assert window.failure_dialog is not None and "3" in window.failure_dialog.text()
    qtbot.waitUntil(lambda: len(window.findChildren(QMessageBox)) == 1, timeout=LONG)
    window.failure_dialog.close()


def test_about_closes_on_return(window: MainWindow, qtbot: QtBot) -> None:
    fates, dialog = Fates(), AboutDialog(window)
    fates.follow(dialog)
    window.show_only_dialog(dialog)
    default = [b for b in dialog.findChildren(QWidget) if getattr(b, "isDefault", bool)()]
    assert [button.text().replace("&", "") for button in default] == ["Close"]
    assert all(button.icon().isNull() for button in default)
    qtbot.keyClick(dialog, Qt.Key.Key_Return)
    qtbot.waitUntil(lambda: fates.gone == 1, timeout=LONG)


def test_text_follows_the_system_while_running(window: MainWindow, qtbot: QtBot) -> None:
    value, before = window.panels["meter"].value_label, QApplication.font()
    small = QFontInfo(value.font()).pixelSize()
    field = window.panels["edges"].edges_field.width()
    larger = QApplication.font()
    larger.setPointSizeF(1.5 * before.pointSizeF())
    try:
        QApplication.setFont(larger)  # as Qt does when the system's text size changes
        qtbot.waitUntil(lambda: QFontInfo(value.font()).pixelSize() > 1.3 * small, timeout=LONG)
        qtbot.waitUntil(lambda: window.panels["edges"].edges_field.width() > 1.3 * field, timeout=LONG)
    finally:
        QApplication.setFont(before)
    qtbot.waitUntil(lambda: QFontInfo(value.font()).pixelSize() == small, timeout=LONG)


@pytest.mark.parametrize("key", [Qt.Key.Key_Tab, Qt.Key.Key_Backtab])
def test_tab_passes_over_panels_behind_a_tab(window: MainWindow, qtbot: QtBot, key: Qt.Key) -> None:
    window.dock_manager.bring_to_front("filters")
    window.activateWindow()
    window.view.setFocus()
    qtbot.waitUntil(window.view.hasFocus, timeout=LONG)
    met: list[QWidget] = []
    while (now := QApplication.focusWidget()) not in met:
        assert now is not None and window.dock_manager.is_uncovered(now), now
        met.append(now)
        qtbot.keyClick(now, key)
    docks = {name for name, dock in window.docks.items() if any(dock.isAncestorOf(w) for w in met)}
    assert docks == {"discovery", "filters", "inspector"}
