"""Two circuits side by side, and circuits in windows of their own, with mouse and keys."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from cut_texts import cut_texts
from opening import LONG, open_in
from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QLabel, QMenu, QMessageBox, QPushButton, QWidget
from pytestqt.qtbot import QtBot
from screenshots import shoot

from circuitviz.document import Label, set_label
from circuitviz.formats import open_document
from circuitviz.formats.autosave import find_recovered_work
from circuitviz.formats.file_lock import lock_path
from circuitviz.shell.canvas_pane import CanvasPane
from circuitviz.shell.main_window import MainWindow
from circuitviz.workbench.requests.discover_circuit import DiscoverCircuit

CTRL, ALT = Qt.KeyboardModifier.ControlModifier, Qt.KeyboardModifier.AltModifier
SHIFT = Qt.KeyboardModifier.ShiftModifier
LEFT = Qt.MouseButton.LeftButton


def front(window: MainWindow) -> str:
    return window.workspace.tabs.front.name


def shown(window: MainWindow) -> list[str]:
    """The circuits in the main window, from left to right; the one that has the canvas is marked."""
    panes = window.canvas_panes.panes
    return [pane.tab.name + ("*" if pane.isAncestorOf(window.view) else "") for pane in panes]


def drag_tab(window: MainWindow, index: int, target: QWidget, place: QPoint) -> None:
    """Drag a tab down out of the bar, to a place of a widget, and drop it there."""
    end = hold_tab(window, index, target, place)
    QTest.mouseRelease(window.document_tabs.bar, LEFT, pos=end)


def hold_tab(window: MainWindow, index: int, target: QWidget, place: QPoint) -> QPoint:
    """Drag a tab as ``drag_tab`` does, and hold it; returns where, in the bar's pixels."""
    bar = window.document_tabs.bar
    start = bar.tabRect(index).center()
    end = bar.mapFromGlobal(target.mapToGlobal(place))
    QTest.mousePress(bar, LEFT, pos=start)
    for step in range(1, 9):
        QTest.mouseMove(bar, start + (end - start) * step / 8, 5)
    return end


def wait_for_active(qtbot: QtBot, window: QWidget) -> None:
    qtbot.waitUntil(window.isActiveWindow, timeout=LONG)


def click_node(pane: CanvasPane) -> str:
    """Click a head of the picture in a pane."""
    picture = pane.picture
    name = next(node.name for node in picture.circuit_scene.nodes if node.kind == "head")
    QTest.mouseClick(picture.viewport(), LEFT, pos=picture.viewport_position(name))
    return name


def test_the_key_shows_two_circuits_and_a_click_brings_one_to_the_front(
    three: MainWindow, qtbot: QtBot
) -> None:
    window, desk, panes = three, three.workspace, three.canvas_panes
    window.view.setFocus()
    qtbot.keyClick(window.view, Qt.Key.Key_Backslash, CTRL)
    assert shown(window) == ["three.circuit*", "two.circuit"]
    right = panes.panes[1]
    assert right.picture.isVisible() and len(right.picture.circuit_scene.nodes) > 5
    assert abs(right.width() - panes.panes[0].width()) < 20 and right.header.isVisible()
    shoot(window, "side-by-side")

    QTest.wheelEvent(
        window.windowHandle(), QPointF(right.picture.mapTo(window, QPoint(90, 200))), QPoint(0, 240)
    )
    camera = right.picture.camera
    assert camera.zoom is not None and front(window) == "three.circuit"
    node = click_node(right)
    assert shown(window) == ["three.circuit", "two.circuit*"] and front(window) == "two.circuit"
    assert desk.selected_nodes == {node} and window.view.hasFocus()
    assert window.view.camera.zoom == pytest.approx(camera.zoom)
    assert window.document_tabs.bar.currentIndex() == 1 and window.windowTitle().startswith("two.circuit")

    desk.apply_command(set_label(node, Label("Mine")))
    qtbot.keyClick(window.view, Qt.Key.Key_F6)
    assert front(window) == "three.circuit" and not desk.state.labels and not desk.selected_nodes
    qtbot.keyClick(window.view, Qt.Key.Key_Z, CTRL)
    qtbot.keyClick(window.view, Qt.Key.Key_F6)
    assert desk.state.labels[node].text == "Mine" and desk.selected_nodes == {node}
    qtbot.keyClick(window.view, Qt.Key.Key_Z, CTRL)
    assert not desk.state.labels

    qtbot.keyClick(window.view, Qt.Key.Key_Backslash, CTRL)
    assert shown(window) == ["two.circuit*"] and not panes.panes[0].header.isVisible()
    assert len(desk.tabs.tabs) == 3


def test_a_tab_is_dragged_to_a_half_and_out_into_a_window(three: MainWindow, qtbot: QtBot) -> None:
    window, panes = three, three.canvas_panes
    area = panes.splitter
    drag_tab(window, 0, area, QPoint(area.width() - 60, 200))
    assert shown(window) == ["three.circuit", "one.circuit*"]
    drag_tab(window, 1, area, QPoint(60, 200))
    assert shown(window) == ["two.circuit*", "one.circuit"]
    drag_tab(window, 1, area, QPoint(area.width() - 60, 200))
    assert shown(window) == ["one.circuit", "two.circuit*"], "it was at the left: they change places"

    drag_tab(window, 1, window, QPoint(200, window.height() + 200))
    (own,) = panes.windows
    assert own.isVisible() and own.windowTitle().startswith("two.circuit") and own.isAncestorOf(window.view)
    assert shown(window) == ["one.circuit"] and front(window) == "two.circuit"
    assert not window.document_tabs.bar.isTabVisible(1) and window.windowTitle().startswith("one.circuit")
    shoot(window, "own-window", own)
    node = next(n.name for n in window.view.circuit_scene.nodes if n.kind == "head")
    QTest.mouseClick(window.view.viewport(), LEFT, pos=window.view.viewport_position(node))
    assert window.workspace.selected_nodes == {node}

    other = click_node(panes.panes[0])
    assert shown(window) == ["one.circuit*"] and window.workspace.selected_nodes == {other}
    window.activateWindow()
    qtbot.waitUntil(window.isActiveWindow, timeout=LONG)
    own.activateWindow()
    qtbot.waitUntil(lambda: front(window) == "two.circuit", timeout=LONG)
    qtbot.mouseClick(own.pane.move_button, LEFT)
    assert not panes.windows and shown(window) == ["two.circuit*"]
    assert window.document_tabs.bar.isTabVisible(1) and window.workspace.selected_nodes == {node}


def test_a_window_is_asked_for_its_unsaved_work_and_keeps_lock_and_recovery(
    three: MainWindow, qtbot: QtBot, files: list[Path], asked: dict[str, Any]
) -> None:
    window, desk = three, three.workspace
    window.view.setFocus()
    qtbot.keyClick(window.view, Qt.Key.Key_W, CTRL | ALT)
    (own,) = window.canvas_panes.windows
    node = desk.state.circuit.node_names[0]
    desk.apply_command(set_label(node, Label("Mine")))
    assert own.isWindowModified() and not window.isWindowModified()
    window.crash_recovery.document_autosave.flush()
    assert len(list(window.crash_recovery.folder.glob("*.circuit"))) == 1
    assert lock_path(files[2]).exists() and not find_recovered_work(window.crash_recovery.folder)
    own.close()
    assert own.isVisible() and len(asked["texts"]) == 1 and "three.circuit" in asked["texts"][0]
    qtbot.keyClick(window.view, Qt.Key.Key_Z, CTRL)
    assert not desk.state.labels and not own.isWindowModified()
    desk.apply_command(set_label(node, Label("Mine")))
    asked["answer"] = QMessageBox.StandardButton.Save
    own.close()
    assert not window.canvas_panes.windows and len(desk.tabs.tabs) == 2
    assert open_document(files[2]).state.labels[node].text == "Mine" and not lock_path(files[2]).exists()
    assert window.isAncestorOf(window.view) and shown(window) == ["two.circuit*"]


def test_a_search_refines_one_of_two_circuits(open_window: Any, qtbot: QtBot, files: list[Path]) -> None:
    window: MainWindow = open_window()
    desk, panes = window.workspace, window.canvas_panes
    open_in(window, qtbot, files[0])
    request = DiscoverCircuit("demo", "ioi", None, 8, 0, "exact", {}, "logit-diff", "corrupted", "greedy", 40)
    search = desk.start_discovery(request)
    window.view.setFocus()
    qtbot.keyClick(window.view, Qt.Key.Key_Backslash, CTRL)
    left, right = panes.panes
    assert right.tab.name == "one.circuit" and "ioi" in left.title_label.text()
    click_node(right)
    assert front(window) == "one.circuit" and left.tab is search.tab
    qtbot.waitUntil(lambda: len(left.picture.circuit_scene.nodes) > 3, timeout=LONG)
    assert search.tab.partial_result is not None and "%" in left.title_label.text()
    QTest.mouseClick(left.picture.viewport(), LEFT, pos=QPoint(5, 5))
    assert desk.tabs.front is search.tab and desk.partial_result is not None
    qtbot.waitUntil(lambda: bool(window.view.circuit_scene.nodes), timeout=LONG)
    qtbot.keyClick(window.view, Qt.Key.Key_F6)
    assert front(window) == "one.circuit" and desk.partial_result is None
    desk.cancel_jobs()
    desk.search_queue.cancel(search)
    qtbot.waitUntil(lambda: search.tab.search is None, timeout=LONG)
    qtbot.waitUntil(lambda: search.tab.document.state.circuit is not None, timeout=LONG)
    assert left.picture.isVisible() and len(left.picture.circuit_scene.nodes) > 3
    assert not window.notice_bar.result_notice.isVisible(), "what was found is on the screen"


def test_closing_a_tab_ends_its_pane(three: MainWindow, qtbot: QtBot) -> None:
    window, desk = three, three.workspace
    window.view.setFocus()
    qtbot.keyClick(window.view, Qt.Key.Key_Backslash, CTRL)
    qtbot.keyClick(window.view, Qt.Key.Key_W, CTRL)  # three, at the left
    assert shown(window) == ["two.circuit*"]
    qtbot.keyClick(window.view, Qt.Key.Key_W, CTRL | ALT)
    assert shown(window) == ["one.circuit"]
    window.close_tab(desk.tabs.tabs[0])
    assert len(desk.tabs.tabs) == 2 and front(window) == "two.circuit", "the main window has an empty tab"
    assert window.canvas_panes.main_pane.tab.is_untouched
    qtbot.keyClick(window.view, Qt.Key.Key_W, CTRL)
    assert not window.canvas_panes.windows and window.pages.isVisible()
    assert window.pages.currentWidget() is window.start_page
    assert not [w for w in QApplication.topLevelWidgets() if w.isVisible() and w is not window]


def test_a_tab_keeps_what_was_selected_and_seen_on_the_canvas_after_its_picture(
    three: MainWindow, qtbot: QtBot
) -> None:
    window, desk, panes = three, three.workspace, three.canvas_panes
    window.view.setFocus()
    qtbot.keyClick(window.view, Qt.Key.Key_Backslash, CTRL)
    clicked = click_node(panes.panes[1])
    qtbot.waitUntil(lambda: not window.canvas_updater.is_pending, timeout=LONG)
    assert front(window) == "two.circuit" and desk.selected_nodes == {clicked}
    heads = [node.name for node in window.view.circuit_scene.nodes if node.kind == "head"]
    chosen = next(name for name in heads if name != clicked)
    QTest.mouseClick(window.view.viewport(), LEFT, pos=window.view.viewport_position(chosen))
    QTest.wheelEvent(
        window.windowHandle(), QPointF(window.view.mapTo(window, QPoint(90, 200))), QPoint(0, 240)
    )
    zoom = window.view.camera.zoom
    assert zoom is not None and desk.selected_nodes == {chosen}
    bar = window.document_tabs.bar
    for index in (0, 1):
        QTest.mouseClick(bar, LEFT, pos=bar.tabRect(index).center())
        qtbot.waitUntil(lambda: not window.canvas_updater.is_pending, timeout=LONG)
    assert front(window) == "two.circuit" and desk.selected_nodes == {chosen}
    assert window.view.camera.zoom == pytest.approx(zoom)
    assert desk.document.view["selected"] == {"nodes": [chosen], "edges": []}


def test_keys_act_on_the_circuit_of_the_window_that_they_are_pressed_in(
    three: MainWindow, qtbot: QtBot
) -> None:
    window, desk, panes = three, three.workspace, three.canvas_panes
    window.view.setFocus()
    qtbot.keyClick(window.view, Qt.Key.Key_W, CTRL | ALT)
    (own,) = panes.windows
    wait_for_active(qtbot, own)
    assert front(window) == "three.circuit"
    desk.apply_command(set_label("m0", Label("Mine")))
    window.run_command("palette")  # it is in the main window, and of the circuit in front
    wait_for_active(qtbot, window)
    QTest.keyClick(window.windowHandle(), Qt.Key.Key_S)
    QTest.keyClick(window.windowHandle(), Qt.Key.Key_Escape)
    assert window.command_palette.query_field.text() == "s" and not window.command_palette.isVisible()
    assert front(window) == "three.circuit"
    window.dock_manager.bring_to_front("notes")
    editor = window.panels["notes"].editor
    editor.setFocus()
    qtbot.keyClicks(editor, "Of three.")
    assert front(window) == "three.circuit", "panels are of the circuit in front"
    editor.clearFocus()
    QTest.keyClick(window.windowHandle(), Qt.Key.Key_Z, CTRL)
    assert front(window) == "two.circuit" and panes.windows == [own]
    QTest.keyClick(window.windowHandle(), Qt.Key.Key_W, CTRL)
    assert front(window) == "one.circuit" and shown(window) == ["one.circuit*"]
    QTest.keyClick(window.windowHandle(), Qt.Key.Key_W, CTRL)
    assert desk.tabs.front.is_untouched and panes.windows == [own], "it did not close the other window"
    assert own.pane.tab.document.state.labels["m0"].text == "Mine"
    assert own.pane.tab.document.state.notes == "Of three."

    own.activateWindow()
    qtbot.waitUntil(lambda: front(window) == "three.circuit", timeout=LONG)
    window.activateWindow()
    wait_for_active(qtbot, window)
    edit = window.menuBar().actions()[1].menu()
    assert isinstance(edit, QMenu)
    edit.popup(QPoint(10, 10))
    assert desk.tabs.front.is_untouched and not window.menus.actions["undo"].isEnabled()
    edit.close()


def test_a_window_is_shown_when_its_tab_comes_to_the_front(
    three: MainWindow, qtbot: QtBot, files: list[Path]
) -> None:
    window, panes = three, three.canvas_panes
    window.view.setFocus()
    qtbot.keyClick(window.view, Qt.Key.Key_W, CTRL | ALT)
    (own,) = panes.windows
    wait_for_active(qtbot, own)
    own.showMinimized()
    window.activateWindow()
    wait_for_active(qtbot, window)
    for _ in range(2):  # past one.circuit
        QTest.keyClick(window.windowHandle(), Qt.Key.Key_Tab, CTRL | SHIFT)
    assert front(window) == "three.circuit" and not own.isMinimized()
    wait_for_active(qtbot, own)
    QTest.keyClick(own.windowHandle(), Qt.Key.Key_Tab, CTRL)
    assert front(window) == "one.circuit"
    wait_for_active(qtbot, window)
    own.showMinimized()
    window.activateWindow()
    wait_for_active(qtbot, window)
    window.file_controller.open_path(files[2])
    assert front(window) == "three.circuit" and not own.isMinimized()
    wait_for_active(qtbot, own)

    QTest.keyClick(own.windowHandle(), Qt.Key.Key_F11)
    assert own.isFullScreen() and not window.isFullScreen()
    QTest.keyClick(own.windowHandle(), Qt.Key.Key_F11)
    window.activateWindow()
    wait_for_active(qtbot, window)
    QTest.keyClick(window.windowHandle(), Qt.Key.Key_F11)
    assert window.isFullScreen() and not own.isFullScreen()
    own.activateWindow()
    qtbot.waitUntil(lambda: front(window) == "three.circuit", timeout=LONG)
    window.activateWindow()
    wait_for_active(qtbot, window)
    window.run_command("full-screen")
    assert not window.isFullScreen() and not own.isFullScreen()


def test_dragging_a_tab_is_cancelled_by_escape_or_when_the_tab_closes(
    three: MainWindow, qtbot: QtBot
) -> None:
    window, desk, bar = three, three.workspace, three.document_tabs.bar
    label = next(
        each for each in window.findChildren(QLabel, "drop") if each is not window.drop_handler.overlay
    )
    area = window.canvas_panes.splitter
    place = QPoint(area.width() - 60, 200)
    end = hold_tab(window, 0, area, place)
    assert label.isVisible()
    QTest.keyClick(window.windowHandle(), Qt.Key.Key_Escape)
    assert not label.isVisible()
    QTest.mouseMove(bar, end - QPoint(9, 0), 5)
    assert not label.isVisible()
    QTest.mouseRelease(bar, LEFT, pos=end)
    assert shown(window) == ["one.circuit*"] and QWidget.keyboardGrabber() is None
    assert [tab.name for tab in desk.tabs.tabs] == ["one.circuit", "two.circuit", "three.circuit"]

    end = hold_tab(window, 0, area, place)
    window.close_tab(desk.tabs.front)
    assert not label.isVisible()
    QTest.mouseRelease(bar, LEFT, pos=end)
    assert shown(window) == ["three.circuit*"] and len(desk.tabs.tabs) == 2
    drag_tab(window, 0, area, place)
    assert shown(window) == ["three.circuit", "two.circuit*"]


def test_panels_and_panes_stay_where_they_are_beside_an_empty_tab(three: MainWindow, qtbot: QtBot) -> None:
    window, panes = three, three.canvas_panes

    def docks() -> set[str]:
        return {name for name, dock in window.docks.items() if not dock.isHidden()}

    window.view.setFocus()
    before = docks()
    qtbot.keyClick(window.view, Qt.Key.Key_T, CTRL)
    assert docks() != before and window.pages.currentWidget() is window.start_page
    qtbot.keyClick(window, Qt.Key.Key_Backslash, CTRL)
    left, right = panes.panes
    assert shown(window) == ["New tab*", "three.circuit"]
    qtbot.waitUntil(lambda: len(right.picture.circuit_scene.nodes) > 3, timeout=LONG)
    assert docks() == before and window.pages.currentWidget() is window.start_page
    QApplication.processEvents()
    width_px = left.width()
    shoot(window, "beside-an-empty-tab")
    for pane in (right, left, right):
        qtbot.mouseClick(pane.header, LEFT)
        QApplication.processEvents()
        assert window.workspace.tabs.front is pane.tab
        assert docks() == before and abs(left.width() - width_px) <= 1, (
            "of an odd width a pixel goes to either"
        )
    shoot(window, "an-empty-tab-beside")
    qtbot.mouseClick(left.header, LEFT)
    qtbot.mouseClick(right.close_button, LEFT)
    assert docks() != before and shown(window) == ["New tab*"]


def test_an_empty_pane_beside_a_circuit_has_a_start_page(
    three: MainWindow, qtbot: QtBot, files: list[Path]
) -> None:
    window, desk, panes = three, three.workspace, three.canvas_panes
    window.view.setFocus()
    qtbot.keyClick(window.view, Qt.Key.Key_T, CTRL)
    qtbot.keyClick(window, Qt.Key.Key_Backslash, CTRL)
    left, right = panes.panes
    click_node(right)
    page = left.start_page
    assert shown(window) == ["New tab", "three.circuit*"] and page is not None and page.isVisible()
    panes.splitter.setSizes([240, 900])
    for width_px in (left.minimumWidth(), 330, 480):
        panes.splitter.setSizes([width_px, panes.splitter.width() - width_px])
        qtbot.waitUntil(lambda: not cut_texts(page), timeout=LONG)  # it folds in several turns
        assert not page.horizontalScrollBar().maximum(), width_px
        assert all("…" not in card.text().split("\n")[0] for card in page.findChildren(QPushButton, "card"))
        shoot(window, f"start-page-in-a-pane-{width_px}")
    link = next(each for each in page.findChildren(QPushButton, "link") if "two.circuit" in each.toolTip())
    window.workspace.tab_controller.close(desk.tabs.tab_at(files[1]))
    assert left.start_page is page
    QTest.mouseClick(link, LEFT)
    qtbot.waitUntil(lambda: shown(window) == ["two.circuit*", "three.circuit"], timeout=LONG)
    assert left.start_page is None

    desk.tab_controller.close(desk.tabs.tab_at(files[1]))
    qtbot.keyClick(window.view, Qt.Key.Key_T, CTRL)
    qtbot.keyClick(window, Qt.Key.Key_Backslash, CTRL)
    click_node(panes.panes[1])
    page = panes.panes[0].start_page

    def listed() -> int:
        QApplication.processEvents()  # widgets of a layout are shown in the next turn
        return sum(each.isVisible() for each in page.findChildren(QPushButton, "link"))

    assert listed() == 3
    window.recent_menu.fill_menu()
    window.recent_menu.actions()[-1].trigger()
    assert listed() == 0
    window.settings.add_recent_file(files[0])
    assert listed() == 1
    search = next(each for each in page.findChildren(QPushButton) if each.text() == "New search")
    assert window.docks["discovery"].isHidden()
    QTest.mouseClick(search, LEFT)
    assert desk.tabs.front.is_untouched and window.docks["discovery"].isVisible()
