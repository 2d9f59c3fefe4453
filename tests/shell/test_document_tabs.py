"""Tabs above the canvas, with mouse and keys: each circuit is as it was left when it comes back."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from opening import LONG, open_in, save_in
from PySide6.QtCore import QPoint, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QMessageBox, QTabBar
from pytestqt.qtbot import QtBot
from screenshots import shoot

from circuitviz.document import Document, Label, set_label
from circuitviz.formats import open_document, save_document
from circuitviz.formats.autosave import find_recovered_work
from circuitviz.formats.file_lock import FileLock, lock_path
from circuitviz.shell.main_window import MainWindow

CTRL, SHIFT = Qt.KeyboardModifier.ControlModifier, Qt.KeyboardModifier.ShiftModifier
BUTTONS = QMessageBox.StandardButton


def click_tab(window: MainWindow, index: int, button: Qt.MouseButton = Qt.MouseButton.LeftButton) -> None:
    bar = window.document_tabs.bar
    rect = bar.tabRect(index)
    QTest.mouseClick(bar, button, pos=QPoint(rect.left() + 12, rect.center().y()))


def names(window: MainWindow) -> list[str]:
    """What the bar says."""
    bar = window.document_tabs.bar
    return [bar.tabText(index) for index in range(bar.count())]


def front_name(window: MainWindow) -> str:
    path = window.workspace.document.path
    return path.name if path else ""


def test_each_file_opens_in_a_tab_and_comes_back_as_it_was_left(
    three: MainWindow, qtbot: QtBot, files: list[Path]
) -> None:
    window, desk = three, three.workspace
    assert names(window) == ["one.circuit", "two.circuit", "three.circuit"]
    assert window.document_tabs.isVisible() and window.document_tabs.bar.currentIndex() == 2
    shoot(window, "tabs-three")
    window.view.zoom_by(2.0)
    camera = window.view.camera
    node = next(n.name for n in window.view.circuit_scene.nodes if n.kind == "head")
    desk.select_nodes([node])
    desk.apply_command(set_label(node, Label("Mine")))
    assert names(window)[2] == "three.circuit •" and window.isWindowModified()

    click_tab(window, 0)
    assert front_name(window) == "one.circuit" and window.windowTitle().startswith("one.circuit")
    assert not desk.selected_nodes and not desk.state.labels and not window.isWindowModified()
    assert window.view.camera != camera and not window.menus.actions["undo"].isEnabled()
    qtbot.keyClick(window.view, Qt.Key.Key_Z, CTRL)  # there is nothing to undo here

    click_tab(window, 2)
    qtbot.waitUntil(lambda: not window.canvas_updater.is_pending, timeout=LONG)
    assert desk.selected_nodes == {node} and desk.state.labels[node].text == "Mine"
    assert window.view.camera.zoom == pytest.approx(camera.zoom)
    assert window.view.camera.centre == pytest.approx(camera.centre, abs=2)
    window.view.setFocus()
    qtbot.keyClick(window.view, Qt.Key.Key_Z, CTRL)
    assert not desk.state.labels and names(window)[2] == "three.circuit"
    tool_tip = window.document_tabs.bar.tabToolTip(2)
    assert str(files[2]) in tool_tip


def test_tabs_are_reached_closed_and_moved_by_keys_and_mouse(
    three: MainWindow, qtbot: QtBot, files: list[Path]
) -> None:
    window, desk, bar = three, three.workspace, three.document_tabs.bar
    window.view.setFocus()
    qtbot.keyClick(window.view, Qt.Key.Key_Tab, CTRL)
    assert front_name(window) == "one.circuit"
    qtbot.keyClick(window.view, Qt.Key.Key_Tab, CTRL | SHIFT)
    qtbot.keyClick(window.view, Qt.Key.Key_Tab, CTRL | SHIFT)
    assert front_name(window) == "two.circuit"

    start, end = bar.tabRect(0).center(), bar.tabRect(2).center() + QPoint(20, 0)
    QTest.mousePress(bar, Qt.MouseButton.LeftButton, pos=start)
    for step in range(1, 11):
        QTest.mouseMove(bar, start + (end - start) * step / 10, 5)
    QTest.mouseRelease(bar, Qt.MouseButton.LeftButton, pos=end)
    qtbot.waitUntil(lambda: names(window) == ["two.circuit", "three.circuit", "one.circuit"])
    assert [tab.name for tab in desk.tabs.tabs] == names(window) and front_name(window) == "one.circuit"

    click_tab(window, 1, Qt.MouseButton.MiddleButton)
    assert names(window) == ["two.circuit", "one.circuit"] and front_name(window) == "one.circuit"
    close = bar.tabButton(0, QTabBar.ButtonPosition.RightSide)
    qtbot.mouseClick(close, Qt.MouseButton.LeftButton)
    assert desk.tabs.display_names() == ["one.circuit"] and not window.document_tabs.isVisible()

    for keys in (Qt.Key.Key_T, Qt.Key.Key_N):
        qtbot.keyClick(window.view, keys, CTRL)
        assert desk.tabs.front.is_untouched and len(desk.tabs.tabs) == 2
        qtbot.waitUntil(lambda: bar.width() == bar.sizeHint().width(), timeout=LONG)  # no name is cut
        assert window.pages.currentWidget() is window.start_page
    open_in(window, qtbot, files[1])
    assert names(window) == ["one.circuit", "two.circuit"], "the empty tab was used"
    for _ in range(2):
        window.view.setFocus()
        qtbot.keyClick(window.view, Qt.Key.Key_W, CTRL)
    assert desk.tabs.front.is_untouched and window.pages.currentWidget() is window.start_page
    qtbot.keyClick(window, Qt.Key.Key_W, CTRL)
    assert len(desk.tabs.tabs) == 1


def test_a_file_that_is_open_comes_to_the_front(
    three: MainWindow, files: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    window = three
    monkeypatch.setattr(window.workspace, "open_file", lambda *_: pytest.fail("it was read again"))
    monkeypatch.chdir(files[0].parent)
    window.file_controller.open_path(Path("one.circuit"))
    assert front_name(window) == "one.circuit" and len(names(window)) == 3


def test_closing_asks_for_what_is_not_saved_and_once_for_all(
    three: MainWindow, qtbot: QtBot, files: list[Path], asked: dict[str, Any]
) -> None:
    window, desk = three, three.workspace
    for index in (0, 2):
        click_tab(window, index)
        desk.apply_command(set_label("m0", Label(f"of {index}")))
    click_tab(window, 1)
    click_tab(window, 0, Qt.MouseButton.MiddleButton)
    assert len(asked["texts"]) == 1 and "one.circuit" in asked["texts"][0] and len(names(window)) == 3
    assert front_name(window) == "one.circuit", "the question is about what is on the screen"

    assert not window.close()
    assert len(asked["texts"]) == 2
    assert "one.circuit" in asked["texts"][1] and "three.circuit" in asked["texts"][1]
    assert "two.circuit" not in asked["texts"][1]
    asked["answer"] = BUTTONS.SaveAll
    assert window.close() and len(asked["texts"]) == 3
    for index in (0, 2):
        assert open_document(files[index]).state.labels["m0"].text == f"of {index}"


def test_each_open_file_is_locked_until_its_tab_is_closed(
    three: MainWindow, qtbot: QtBot, files: list[Path]
) -> None:
    window = three
    assert all(FileLock.is_held(lock_path(path)) for path in files)
    click_tab(window, 1, Qt.MouseButton.MiddleButton)
    assert [FileLock.is_held(lock_path(path)) for path in files] == [True, False, True]
    other = files[0].with_name("other.circuit")
    assert save_in(window, other)  # the one in front
    assert [FileLock.is_held(lock_path(path)) for path in (*files, other)] == [True, False, False, True]


def test_the_work_of_all_tabs_is_recovered(
    three: MainWindow, open_window: Any, qtbot: QtBot, files: list[Path], asked: dict[str, Any]
) -> None:
    window, recovery = three, three.crash_recovery
    for index in (0, 1):
        click_tab(window, index)
        window.workspace.apply_command(set_label("m0", Label(f"of {index}")))
        recovery.document_autosave.flush()
    click_tab(window, 2)
    assert len(list(recovery.folder.glob("*.circuit"))) == 2
    click_tab(window, 1)
    window.workspace.undo_stack.undo()
    assert len(list(recovery.folder.glob("*.circuit"))) == 1, "it is as in its file"
    asked["answer"] = BUTTONS.Discard
    click_tab(window, 0, Qt.MouseButton.MiddleButton)
    assert not list(recovery.folder.glob("*.circuit")), "its tab was closed, and its work discarded"


def test_a_file_changed_behind_another_tab_is_told_of(
    three: MainWindow, qtbot: QtBot, files: list[Path]
) -> None:
    window, told = three, []
    window.workspace.message_posted.connect(told.append)
    changed = open_document(files[0])
    scores = changed.state.scores
    save_document(Document(replace(changed.state, circuit=scores.greedy(10))), files[0])
    qtbot.waitUntil(lambda: any("one.circuit" in text for text in told), timeout=LONG)


def test_recovered_work_keeps_its_file_where_it_opens_in_a_second_tab(
    three: MainWindow, qtbot: QtBot, files: list[Path]
) -> None:
    window, recovery = three, three.crash_recovery
    recovery.folder.mkdir(parents=True, exist_ok=True)
    left = recovery.folder / "left.circuit"
    left.write_bytes(files[0].read_bytes())
    (found,) = find_recovered_work(recovery.folder)
    with qtbot.waitSignal(window.workspace.document_shown, timeout=LONG):
        recovery.open_recovered(found)
    assert len(names(window)) == 4 and window.isWindowModified()
    assert left.exists() and FileLock.is_held(left.with_suffix(".lock"))


def test_a_partial_result_is_not_saved_over_a_file(open_window: Any, qtbot: QtBot, files: list[Path]) -> None:
    """Behind it stands an empty document, which would be written."""
    window: MainWindow = open_window()
    form, workspace = window.panels["discovery"], window.workspace
    qtbot.waitUntil(lambda: form.method_box.count() > 1, timeout=LONG)
    form.method_box.setCurrentText("exact")
    form.prompts_field.setValue(8)
    qtbot.mouseClick(form.run_button, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: workspace.partial_result is not None, timeout=LONG)
    before = files[0].read_bytes()
    window.menus.update_enabled_actions()
    assert not window.menus.actions["save"].isEnabled() and not window.menus.actions["save-as"].isEnabled()
    assert not save_in(window, files[0]) and files[0].read_bytes() == before
    assert "search has ended" in window.status_line.message_label.text()
    workspace.cancel_jobs()
    qtbot.waitUntil(lambda: not workspace.search_queue.searches, timeout=LONG)


def test_what_is_being_typed_is_asked_about_before_a_file_is_read_again(
    three: MainWindow, qtbot: QtBot, files: list[Path], asked: dict[str, Any]
) -> None:
    window, editor = three, three.panels["notes"].editor
    changed = open_document(files[2])
    save_document(Document(replace(changed.state, circuit=changed.state.scores.greedy(10))), files[2])
    window.dock_manager.bring_to_front("notes")
    editor.setFocus()
    qtbot.keyClicks(editor, "Not to be lost.")
    asked["answer"] = BUTTONS.No
    window.file_controller.open_path(files[2])
    assert len(asked["texts"]) == 1 and "changes since you last saved would be lost" in asked["texts"][0]
    assert window.workspace.state.notes == "Not to be lost."


def test_short_names_of_tabs_stay_whole_beside_long_ones(three: MainWindow, qtbot: QtBot) -> None:
    window = three
    for tab, name in zip(window.workspace.tabs.tabs, ("ioi.circuit", "long" * 9, "s.circuit"), strict=True):
        tab.document.path = Path(f"/nowhere/{name}")
    bar = window.document_tabs.bar
    window.document_tabs.refresh()
    for width_px in (1280, 420, 300):
        window.document_tabs.setFixedWidth(width_px)
        QApplication.processEvents()
        for index in (0, 2):
            assert bar.tabRect(index).width() >= bar.tabSizeHint(index).width(), (width_px, index)
        least_px = bar.minimumTabSizeHint(1).width()
        assert bar.tabRect(1).width() >= least_px > bar.tabRect(0).width()
    for tab in window.workspace.tabs.tabs:
        tab.document.path = None
