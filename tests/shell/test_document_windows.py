"""Windows of a circuit's own: their menus and tools, and what is asked over them."""

from __future__ import annotations

import gc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from opening import LONG
from PySide6.QtCore import QEvent, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QDialog, QFileDialog, QMenuBar, QMessageBox, QToolBar, QWidget
from pytestqt.qtbot import QtBot
from screenshots import shoot

from circuitviz.document import Label, set_label
from circuitviz.formats.file_lock import lock_document
from circuitviz.shell.document_window import DocumentWindow
from circuitviz.shell.main_window import MainWindow
from circuitviz.workbench.requests.messages import JobFailed

CTRL, ALT = Qt.KeyboardModifier.ControlModifier, Qt.KeyboardModifier.AltModifier
LEFT = Qt.MouseButton.LeftButton


def front(window: MainWindow) -> str:
    return window.workspace.tabs.front.name


def take_out(window: MainWindow, qtbot: QtBot) -> DocumentWindow:
    """Give the circuit in front a window of its own, and go there."""
    window.view.setFocus()
    qtbot.keyClick(window.view, Qt.Key.Key_W, CTRL | ALT)
    own = window.canvas_panes.windows[-1]
    go_to(own, qtbot)
    return own


def go_to(window: QWidget, qtbot: QtBot) -> None:
    window.activateWindow()
    qtbot.waitUntil(window.isActiveWindow, timeout=LONG)


def click_tool(window: MainWindow, qtbot: QtBot, toolbar: QToolBar, command: str) -> None:
    button = toolbar.widgetForAction(window.menus.actions[command])
    QTest.mouseClick(button, LEFT)
    qtbot.waitUntil(toolbar.window().isActiveWindow, timeout=LONG)


def open_menu(bar: QMenuBar, title: str) -> None:
    """Open a menu with the mouse, and close it again."""
    action = next(each for each in bar.actions() if each.text() == title)
    QTest.mouseClick(bar, LEFT, pos=bar.actionGeometry(action).center())
    assert action.menu().isVisible()
    QTest.keyClick(action.menu(), Qt.Key.Key_Escape)
    assert not action.menu().isVisible()


def test_tools_and_menus_act_on_the_circuit_of_their_window(three: MainWindow, qtbot: QtBot) -> None:
    window, desk = three, three.workspace
    own = take_out(window, qtbot)
    assert front(window) == "three.circuit" and window.canvas_panes.main_pane.tab.name == "two.circuit"
    desk.apply_command(set_label("m0", Label("Of three")))
    undo = window.menus.actions["undo"]
    assert undo.isEnabled()
    click_tool(window, qtbot, window.menus.toolbar, "undo")  # of two.circuit, which has no step to undo
    assert front(window) == "two.circuit" and not undo.isEnabled()
    assert own.pane.tab.document.state.labels["m0"].text == "Of three"

    desk.select_nodes({"m1"})
    ablate = window.menus.actions["ablate"]
    go_to(own, qtbot)
    assert front(window) == "three.circuit" and not ablate.isEnabled()
    # the button is disabled for three.circuit, but not for this one
    click_tool(window, qtbot, window.menus.toolbar, "ablate")
    assert front(window) == "two.circuit" and desk.state.ablated_nodes == {"m1"}
    click_tool(window, qtbot, own.toolbar, "undo")
    assert front(window) == "three.circuit" and not desk.state.labels
    assert window.canvas_panes.main_pane.tab.document.state.ablated_nodes == {"m1"}

    open_menu(window.menuBar(), "Edit")
    assert front(window) == "two.circuit" and undo.isEnabled()
    go_to(window, qtbot)
    open_menu(own.menu_bar, "Edit")
    assert front(window) == "three.circuit" and not undo.isEnabled()
    shoot(window, "own-window-bars", own)


def test_a_panel_in_use_does_not_keep_tools_at_the_other_circuit(three: MainWindow, qtbot: QtBot) -> None:
    window, desk = three, three.workspace
    take_out(window, qtbot)
    go_to(window, qtbot)
    window.dock_manager.bring_to_front("notes")
    window.panels["notes"].editor.setFocus()
    assert front(window) == "three.circuit"
    click_tool(window, qtbot, window.menus.toolbar, "fit")
    assert front(window) == "two.circuit"
    assert desk.tabs.front is window.canvas_panes.main_pane.tab


def test_the_full_screen_of_a_window_has_no_bars(three: MainWindow, qtbot: QtBot) -> None:
    own = take_out(three, qtbot)
    assert own.menu_bar.isVisible() and own.toolbar.isVisible()
    QTest.keyClick(own.windowHandle(), Qt.Key.Key_F11)
    assert own.isFullScreen() and not own.menu_bar.isVisible() and not own.toolbar.isVisible()
    own.pane.picture.setFocus()
    QTest.keyClick(own.windowHandle(), Qt.Key.Key_F11)
    assert not own.isFullScreen() and own.menu_bar.isVisible() and own.toolbar.isVisible()
    go_to(three, qtbot)
    QTest.keyClick(three.windowHandle(), Qt.Key.Key_F11)
    assert three.isFullScreen() and own.toolbar.isVisible(), "it is another window's"


@pytest.fixture
def parents(monkeypatch: pytest.MonkeyPatch) -> list[QWidget]:
    """The parents of questions and of file dialogs, none of which is answered."""
    seen: list[QWidget] = []

    def question(parent: QWidget, *_given: object) -> QMessageBox.StandardButton:
        seen.append(parent)
        return QMessageBox.StandardButton.Cancel

    def choose(parent: QWidget, *_given: object) -> tuple[str, str]:
        seen.append(parent)
        return "", ""

    monkeypatch.setattr(QMessageBox, "question", question)
    for name in ("getOpenFileName", "getSaveFileName"):
        monkeypatch.setattr(QFileDialog, name, choose)
    return seen


def open_dialogs(window: MainWindow) -> list[tuple[str, QWidget]]:
    """Title and parent of each dialog on the screen."""
    found = [each for each in window.findChildren(QDialog) if each.isVisible()]
    return [(each.windowTitle(), each.parentWidget()) for each in found]


def test_what_is_asked_stands_over_the_window_that_asks(
    three: MainWindow, qtbot: QtBot, files: list[Path], tmp_path: Path, parents: list[QWidget]
) -> None:
    window, desk = three, three.workspace
    own = take_out(window, qtbot)
    keys: dict[str, Callable[[], object]] = {
        "open": lambda: QTest.keyClick(own.windowHandle(), Qt.Key.Key_O, CTRL),
        "save as": lambda: window.run_command("save-as"),
        "reload": lambda: window.file_controller.open_path(files[2]),
    }
    files[2].write_bytes(files[2].read_bytes() + b" ")
    for name, ask in keys.items():
        ask()
        assert parents.pop() is own, name
    window.file_controller.save_document()  # over what another program wrote
    assert parents.pop() is own
    failed = JobFailed("Could not do it", "It does not work.")
    lock = lock_document(tmp_path / "locked.circuit", "another window")
    assert lock is not None
    dialogs: dict[str, Callable[[], object]] = {
        "settings": window.dialogs.show_settings,
        "shortcuts": window.dialogs.show_shortcuts,
        "about": window.dialogs.show_about,
        "export": lambda: window.run_command("export"),
        "failure": lambda: window.dialogs.show_failure(failed),
        "locked": lambda: window.file_controller.file_lock.offer_copy(tmp_path / "locked.circuit"),
    }
    for asking in (own, window):
        go_to(asking, qtbot)
        for name, show in dialogs.items():
            show()
            ((_title, parent),) = open_dialogs(window)
            assert parent is asking, name
            next(each for each in window.findChildren(QDialog) if each.isVisible()).close()
            go_to(asking, qtbot)
    lock.release()
    window.run_command("export")
    assert window.file_controller.ask_figure_path(".pdf") is None
    assert parents.pop() is window.file_controller.export_dialog
    window.file_controller.export_dialog.close()

    go_to(own, qtbot)
    desk.apply_command(set_label("m0", Label("Of three")))
    go_to(window, qtbot)
    own.close()  # by its title line, while the main window is active
    assert parents == [own] and own.isVisible()


def test_a_failure_of_a_window_that_was_closed_does_not_stand_in_the_way_of_the_next(
    three: MainWindow, qtbot: QtBot
) -> None:
    window = three
    own = take_out(window, qtbot)
    window.dialogs.show_failure(JobFailed("Could not do it", "It does not work."))
    window.workspace.tab_controller.close(own.pane.tab)
    qtbot.waitUntil(lambda: not window.findChildren(DocumentWindow), timeout=LONG)
    window.dialogs.show_failure(JobFailed("Could not do that", "It does not work either."))
    assert [parent for _title, parent in open_dialogs(window)] == [window]
    failure: Any = window.dialogs.failure_dialog
    failure.close()


def test_menus_outlive_the_windows_that_have_them(three: MainWindow, qtbot: QtBot) -> None:
    take_out(three, qtbot)
    qtbot.keyClick(three.view, Qt.Key.Key_W, CTRL | ALT)  # back into the main window
    qtbot.waitUntil(lambda: not three.canvas_panes.windows, timeout=LONG)
    QApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)
    gc.collect()
    go_to(three, qtbot)
    own = take_out(three, qtbot)
    for bar in (three.menuBar(), own.menu_bar):
        go_to(bar.window(), qtbot)
        open_menu(bar, "Edit")
