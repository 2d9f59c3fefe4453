"""Menus fit the screen, stand in groups, and say why an entry cannot be used."""

from __future__ import annotations

from pathlib import Path

from opening import LONG, export_in
from PySide6.QtCore import QPoint, Qt, QUrl
from PySide6.QtGui import QDesktopServices
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QFileDialog, QMenu, QToolTip
from pytestqt.qtbot import QtBot

from circuitviz.shell.main_window import MainWindow

LONGEST_GROUP = 8


def menus_of(window: MainWindow) -> dict[str, QMenu]:
    return {action.text(): action.menu() for action in window.menuBar().actions()}


def test_every_menu_fits_a_small_screen(window: MainWindow) -> None:
    for menu in window.findChildren(QMenu):
        title = menu.title()
        assert menu.sizeHint().height() < 700, f"{title} would fold into columns on a laptop"


def test_menus_stand_in_groups(window: MainWindow) -> None:
    for title, menu in menus_of(window).items():
        entries = menu.actions()
        assert not entries[0].isSeparator() and not entries[-1].isSeparator(), title
        run = longest = 0
        for before, action in zip([None, *entries], entries, strict=False):
            assert not (action.isSeparator() and before is not None and before.isSeparator()), title
            run = 0 if action.isSeparator() else run + 1
            longest = max(longest, run)
        assert longest <= LONGEST_GROUP, f"{title} has {longest} entries without a separator"


def test_a_disabled_entry_says_why_while_the_pointer_rests_on_it(window: MainWindow, qtbot: QtBot) -> None:
    window.workspace.set_selection(frozenset(), frozenset())
    menu, action = menus_of(window)["Edit"], window.menus.actions["ablate"]
    assert not action.isEnabled()
    menu.popup(window.mapToGlobal(QPoint(40, 40)))
    place = menu.actionGeometry(action).center()
    QTest.mouseMove(menu, place)
    qtbot.waitUntil(lambda: "Select nodes or edges first" in QToolTip.text(), timeout=LONG)
    menu.close()
    QToolTip.hideText()


def test_dialogs_begin_where_the_last_file_was_and_propose_a_name(
    window: MainWindow, monkeypatch, tmp_path: Path
) -> None:
    asked: list[str] = []

    def choose(_parent: object, _title: str, start: str, _filter: str) -> tuple[str, str]:
        asked.append(start)
        return str(tmp_path / "work" / "mine.circuit"), ""

    (tmp_path / "work").mkdir()
    monkeypatch.setattr(QFileDialog, "getSaveFileName", choose)
    files = window.file_controller
    files.save_as()
    window.workspace.save_service.wait_until_written()
    files.save_as()
    window.workspace.save_service.wait_until_written()
    assert asked == ["circuit.circuit", str(tmp_path / "work" / "mine.circuit")]
    monkeypatch.setattr(QFileDialog, "getOpenFileName", lambda *given: (asked.append(given[2]), ("", ""))[1])
    files.ask_and_open()
    assert asked[-1] == str(tmp_path / "work")
    files.ask_figure_path(".svg")
    assert asked[-1] == "mine.svg", "figures have a folder of their own"


def test_the_recent_menu_offers_the_folders_of_recent_files(
    window: MainWindow, monkeypatch, tmp_path: Path
) -> None:
    for folder in ("one", "two"):
        (tmp_path / folder).mkdir()
        for name in ("a", "b"):
            path = tmp_path / folder / f"{name}.circuit"
            path.touch()
            window.settings.add_recent_file(path)
    window.recent_menu.fill_menu()
    actions = {action.text(): action for action in window.recent_menu.actions()}
    assert {"Open from one…", "Open from two…"} <= set(actions)
    asked: list[str] = []
    monkeypatch.setattr(QFileDialog, "getOpenFileName", lambda *given: (asked.append(given[2]), ("", ""))[1])
    actions["Open from one…"].trigger()
    assert asked == [str(tmp_path / "one")]


def test_an_exported_file_can_be_opened_or_shown_from_the_message(
    window: MainWindow, qtbot: QtBot, monkeypatch, tmp_path: Path
) -> None:
    opened: list[QUrl] = []
    monkeypatch.setattr(QDesktopServices, "openUrl", lambda url: opened.append(url) or True)
    line = window.status_line
    assert not line.open_button.isVisible()
    assert export_in(window, tmp_path / "edges.csv")
    qtbot.waitUntil(line.open_button.isVisible, timeout=LONG)
    assert line.message_label.text() == "Exported edges.csv"
    QApplication.processEvents()
    gap = line.open_button.mapTo(window, QPoint(0, 0)).x() - line.message_label.geometry().right()
    assert gap < 60, "the buttons are beside the message"
    qtbot.mouseClick(line.open_button, Qt.MouseButton.LeftButton)
    qtbot.mouseClick(line.folder_button, Qt.MouseButton.LeftButton)
    assert [Path(url.toLocalFile()) for url in opened] == [tmp_path / "edges.csv", tmp_path]
    window.workspace.post_message("Something else")
    assert not line.open_button.isVisible() and not line.folder_button.isVisible()
