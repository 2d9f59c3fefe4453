"""What was open comes back where it was: panes, windows, and the size of windows."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from opening import LONG, open_in
from PySide6.QtCore import QPoint, QRect, Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QLabel, QPushButton
from pytestqt.qtbot import QtBot
from screenshots import shoot

from circuitviz.jobs.job_handle import JobHandle
from circuitviz.shell.main_window import MainWindow

LEFT = Qt.MouseButton.LeftButton


def shown(window: MainWindow) -> list[str]:
    return [pane.tab.name for pane in window.canvas_panes.panes]


def left_share(window: MainWindow) -> float:
    """The share of the left pane in the width of both."""
    left, right = window.canvas_panes.splitter.sizes()
    return left / (left + right)


def leave(window: MainWindow, qtbot: QtBot) -> None:
    window.close()
    qtbot.waitUntil(lambda: not window.workspace.worker.isRunning(), timeout=LONG)


def last_link(window: MainWindow) -> QPushButton | None:
    links = window.start_page.findChildren(QPushButton, "link")
    return next((link for link in links if "last time" in link.toolTip()), None)


def open_last(window: MainWindow, qtbot: QtBot, n_tabs: int) -> None:
    link = last_link(window)
    assert link is not None and f"The {n_tabs} circuits" in link.text()
    QTest.mouseClick(link, LEFT)
    tabs = window.workspace.tabs
    qtbot.waitUntil(lambda: len(tabs.tabs) == n_tabs and not window.canvas_updater.is_pending, timeout=LONG)


def test_circuits_of_last_time_open_where_they_were(
    three: MainWindow, open_window: Any, qtbot: QtBot, files: list[Path]
) -> None:
    one, two, three_tab = three.workspace.tabs.tabs
    panes = three.canvas_panes
    panes.show_in_window(three_tab)
    (own,) = panes.windows
    own.setGeometry(QRect(60, 70, 500, 420))
    panes.show_at_side(one, is_left=True)
    panes.show_at_side(two, is_left=False)
    panes.splitter.setSizes([300, 700])
    QApplication.processEvents()
    share, place = left_share(three), own.geometry()
    assert shown(three) == ["one.circuit", "two.circuit"] and share < 0.4
    leave(three, qtbot)

    window: MainWindow = open_window()
    shoot(window, "start-page-last")
    window.start_pages.list_files()
    QApplication.processEvents()
    headings = [each for each in window.start_page.findChildren(QLabel, "heading") if each.isVisible()]
    assert len(headings) == 1, "an earlier list is not seen below the new one"
    open_last(window, qtbot, 3)
    qtbot.waitUntil(lambda: window.canvas_panes.is_split, timeout=LONG)
    panes = window.canvas_panes
    assert shown(window) == ["one.circuit", "two.circuit"]
    assert left_share(window) == pytest.approx(share, abs=0.01)
    (own,) = panes.windows
    assert own.pane.tab.name == "three.circuit" and own.geometry() == place
    own.resize(640, 480)
    size = own.size()
    leave(window, qtbot)

    files[1].unlink()
    window = open_window()
    window.recent_menu.fill_menu()
    entry = next(action for action in window.recent_menu.actions() if "last time" in action.text())
    assert entry.text() == "The 2 circuits of last time" and str(files[1]) not in entry.toolTip()
    open_last(window, qtbot, 2)
    qtbot.waitUntil(lambda: bool(window.canvas_panes.windows), timeout=LONG)
    assert shown(window) == ["one.circuit"], "the other half's circuit is gone"
    assert window.canvas_panes.windows[0].size() == size
    window.workspace.tab_controller.close(window.workspace.tabs.tab_at(files[2]))
    window.canvas_panes.toggle_window()
    assert window.canvas_panes.windows[0].size() == size, "the next window is as large as the last one"


def test_a_window_on_a_screen_that_is_gone_comes_to_one_that_is_there(
    three: MainWindow, open_window: Any, qtbot: QtBot
) -> None:
    three.canvas_panes.toggle_window()
    (own,) = three.canvas_panes.windows
    own.setGeometry(QRect(9_000, 7_000, 700, 600))
    QApplication.processEvents()
    leave(three, qtbot)
    window: MainWindow = open_window()
    open_last(window, qtbot, 3)
    qtbot.waitUntil(lambda: bool(window.canvas_panes.windows), timeout=LONG)
    (own,) = window.canvas_panes.windows
    screens = [screen.availableGeometry() for screen in QGuiApplication.screens()]
    title_line = own.frameGeometry().topLeft() + QPoint(40, 10)
    assert any(screen.contains(title_line) for screen in screens), own.geometry()


def test_a_window_closed_while_circuits_open_keeps_those_that_are_still_to_come(
    open_window: Any, qtbot: QtBot, files: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    window: MainWindow = open_window()
    places = {"sides": [1, 2], "sizes": [300, 700], "windows": {"0": "AdnQ"}, "main": 2, "front": 1}
    window.settings.last_circuits = files, json.dumps(places)
    last, own = window.last_circuits, files[0].with_name("own.circuit")
    own.write_bytes(files[0].read_bytes())
    handles: list[JobHandle] = []
    open_path = window.file_controller.open_path

    def open_first_alone(path: Path) -> JobHandle | None:
        if path != files[0]:
            handles.append(JobHandle(path, lambda: None))
            return handles[-1]  # it is being read for ever
        files[0].unlink()  # the first fails, and is told
        return open_path(path)

    open_in(window, qtbot, own)
    monkeypatch.setattr(window.file_controller, "open_path", open_first_alone)
    last.open_again()
    qtbot.waitUntil(lambda: bool(handles), timeout=LONG)
    last.open_again()
    assert len(handles) == 1, "what is being opened is not opened again"
    last.save()
    paths, text = window.settings.last_circuits
    assert paths == [files[1], files[2], own], "the second is being read, the third still to come"
    assert json.loads(text) == {"sides": [0, 1], "sizes": [300, 700], "windows": {}, "main": 1, "front": 0}
    window.settings.last_circuits = (
        [own, files[1], files[2]],
        json.dumps({**places, "windows": {"2": "AdnQ"}}),
    )
    last.save()
    paths, text = window.settings.last_circuits
    assert paths == [own, files[1], files[2]] and json.loads(text)["windows"] == {"2": "AdnQ"}
    handles[0].finished.emit(None)
    handles[1].finished.emit(None)
    last.save()
    assert window.settings.last_circuits[0] == [own], "once all are read, what is open counts"
    assert window.dialogs.failure_dialog is not None
    window.dialogs.failure_dialog.close()


@pytest.mark.parametrize("places", ["", "[]", "{", '{"sides": 3, "sizes": [], "windows": {}}', "{}"])
def test_places_that_cannot_be_read_open_the_files_all_the_same(
    open_window: Any, qtbot: QtBot, files: list[Path], places: str
) -> None:
    window: MainWindow = open_window()
    files[0].write_bytes(b"no circuit")
    window.settings.last_circuits = files, places
    window.last_circuits.open_again()
    qtbot.waitUntil(lambda: len(window.workspace.tabs.tabs) == 2, timeout=LONG)
    assert shown(window) == ["three.circuit"] and window.dialogs.failure_dialog is not None
    window.dialogs.failure_dialog.close()
    window.settings.clear_recent_files()
    assert not window.last_circuits.paths
    qtbot.waitUntil(lambda: last_link(window) is None, timeout=LONG)  # links are destroyed in a later turn
