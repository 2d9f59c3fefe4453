"""Palette, shortcut sheet, settings, About and recent files, in the real window."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from opening import save_in
from PySide6.QtCore import Qt
from PySide6.QtGui import QFontMetrics, QGuiApplication
from PySide6.QtWidgets import QApplication, QDialog, QLabel
from pytestqt.qtbot import QtBot
from screenshots import shoot

from circuitviz.canvas.gestures import gestures
from circuitviz.commands import commands_by_menu
from circuitviz.document import Document, Label, State, set_label
from circuitviz.graph import Graph, ModelShape, Scores
from circuitviz.scene.theme import SIGN_COLOURS, THEMES, with_edge_colours
from circuitviz.shell.main_window import MainWindow
from circuitviz.shell.shortcut_sheet import collect_shortcuts

GRAPH = Graph.transformer(ModelShape(4, 8, 128))
SCORES = Scores(GRAPH, np.random.default_rng(3).normal(size=GRAPH.mask.shape), "eap")
CONTROL, SHIFT = Qt.KeyboardModifier.ControlModifier, Qt.KeyboardModifier.ShiftModifier


def bring(window: MainWindow, qtbot: QtBot) -> None:
    """Shortcuts are heard by the active window."""
    with qtbot.waitActive(window):
        window.activateWindow()


def texts(window: MainWindow) -> list[str]:
    rows = window.command_palette.list_widget
    return [rows.item(i).text() for i in range(rows.count())]


def test_the_toolbar_undoes_and_redoes(open_window, qtbot: QtBot) -> None:
    window: MainWindow = open_window()
    window.workspace.set_document(Document(State(None, SCORES, SCORES.greedy(80))))
    actions = window.menus.toolbar.actions()
    names = [next((n for n, a in window.menus.actions.items() if a is action), "|") for action in actions]
    assert " ".join(names).startswith("open save export undo redo | ablate")
    node = window.workspace.state.circuit.node_names[0]
    window.workspace.apply_command(set_label(node, Label("Induction")))
    for name, labels in (("undo", 0), ("redo", 1)):
        button = window.menus.toolbar.widgetForAction(window.menus.actions[name])
        assert button is not None and button.isEnabled()
        qtbot.mouseClick(button, Qt.MouseButton.LeftButton)
        assert len(window.workspace.state.labels) == labels


def test_the_palette_finds_and_does_what_is_meant(open_window, qtbot: QtBot) -> None:
    window: MainWindow = open_window()
    window.workspace.set_document(Document(State(None, SCORES, SCORES.greedy(80))))
    bring(window, qtbot)
    window.view.setFocus()
    qtbot.keyClick(window, Qt.Key.Key_P, CONTROL | SHIFT)
    palette = window.command_palette
    assert palette.isVisible() and palette.query_field.hasFocus()
    offered = texts(window)
    assert {e.text.rstrip("…") for e in commands_by_menu()} - {"Find a command"} <= set(offered)
    assert {"Undo", "Redo"} <= set(offered) and "Show Inspector" in offered
    qtbot.keyClicks(palette.query_field, "alno")
    assert texts(window)[0] == "All nodes"
    shoot(window, "palette")
    qtbot.keyClick(palette.query_field, Qt.Key.Key_Return)
    assert not palette.isVisible() and window.view.hasFocus()
    assert window.workspace.selected_nodes == frozenset(window.view.circuit_scene.by_name)

    # what cannot be done now is offered last, and does nothing
    qtbot.keyClick(window, Qt.Key.Key_P, CONTROL | SHIFT)
    qtbot.keyClicks(palette.query_field, "restore everything")
    assert texts(window)[0] == "Restore everything"
    before = window.workspace.document.state.hash
    qtbot.keyClick(palette.query_field, Qt.Key.Key_Return)
    assert palette.isVisible() and window.workspace.document.state.hash == before
    qtbot.keyClick(palette.query_field, Qt.Key.Key_Escape)
    assert not palette.isVisible()

    # arrows go round, a click elsewhere leaves
    qtbot.keyClick(window, Qt.Key.Key_P, CONTROL | SHIFT)
    qtbot.keyClick(palette.query_field, Qt.Key.Key_Up)
    assert palette.list_widget.currentRow() == palette.list_widget.count() - 1
    qtbot.keyClick(palette.query_field, Qt.Key.Key_Down)
    assert palette.list_widget.currentRow() == 0
    qtbot.keyClicks(palette.query_field, "qqqq")
    assert len(texts(window)) == 1 and "No" in texts(window)[0]
    qtbot.keyClick(palette.query_field, Qt.Key.Key_Return)
    window.view.setFocus()
    assert not palette.isVisible()


def test_the_sheet_names_every_shortcut_there_is(open_window, qtbot: QtBot) -> None:
    window: MainWindow = open_window()
    bring(window, qtbot)
    qtbot.keyClick(window, Qt.Key.Key_F1)
    sheet = window.findChild(QDialog, "only dialog")
    assert sheet is not None and sheet.windowTitle() == "Shortcuts"
    shown = {label.text() for label in sheet.findChildren(QLabel)}
    for entry in commands_by_menu():
        if entry.shortcut:
            assert entry.text.rstrip("…") in shown, entry.name
            assert window.menus.actions[entry.name].shortcut().toString() in shown
    assert {"Undo", "Redo", "Ctrl+Shift+Z", "Ctrl+Y"} <= shown
    canvas = {how[0]: what for how, what in collect_shortcuts(window.menus)["On the canvas"]}
    assert canvas["Shift-drag"] == "select what the band holds; Ctrl adds" and set(canvas) <= shown
    assert len(canvas) >= len(gestures.entries())
    every = [k for name, a in window.menus.actions.items() for k in a.shortcuts()]
    assert len({k.toString() for k in every}) == len(every), "two actions share a shortcut"
    save(sheet, "shortcuts")
    sheet.close()


def test_settings_take_effect_at_once_and_are_kept(open_window, qtbot: QtBot, tmp_path: Path) -> None:
    window: MainWindow = open_window()
    height = QFontMetrics(QApplication.font()).height()
    size = QApplication.font().pointSizeF()
    file = tmp_path / "a.circuit"
    file.touch()
    window.settings.add_recent_file(file)
    window.menus.actions["settings"].trigger()
    dialog = window.findChild(QDialog, "only dialog")
    assert dialog is not None
    try:
        dialog.theme_box.setCurrentText("dark")
        assert window.theme.is_dark
        dialog.colours_box.setCurrentText("teal and brown")
        assert (
            window.theme.positive == SIGN_COLOURS["teal and brown"]["dark"][0] == window.view.theme.positive
        )
        save(dialog, "settings")
        dialog.text_size_box.setCurrentText("150 %")
        assert QApplication.font().pointSizeF() == pytest.approx(1.5 * size)
        qtbot.waitUntil(lambda: QFontMetrics(dialog.font()).height() > height)
        save(dialog, "settings-large")
        dialog.device_box.setCurrentText("cuda")
        assert window.workspace.device == "cuda" == window.panels["discovery"].find_request().device
        dialog.threads_field.setValue(3)
        dialog.threads_field.editingFinished.emit()
        assert window.settings.n_threads == 3
        dialog.clear_button.click()
        assert window.settings.recent_files == [] and not dialog.clear_button.isEnabled()
        dialog.close()
        again: MainWindow = open_window()
        kept = again.settings
        assert (kept.theme, kept.edge_colours, kept.text_size, kept.device, kept.n_threads) == (
            "dark", "teal and brown", 150, "cuda", 3
        )  # fmt: skip
        assert again.theme.positive == window.theme.positive and again.workspace.device == "cuda"
    finally:
        window.settings.text_size = 100
        window.theme_controller.apply_settings()
    assert QApplication.font().pointSizeF() == pytest.approx(size)


def test_strange_settings_are_read_as_the_nearest_possible(open_window) -> None:
    window: MainWindow = open_window()
    store = window.settings._store
    for value, percent in (("huge", 100), (10_000, 200), (-3, 80)):
        store.setValue("text size", value)
        assert window.settings.text_size == percent
    store.setValue("theme", "plaid")
    store.setValue("colours", "tartan")
    store.setValue("text size", 100)
    window.theme_controller.apply_settings()
    assert window.theme == THEMES["light"]


def test_recent_files_open_from_the_menu(open_window, qtbot: QtBot, tmp_path: Path) -> None:
    window: MainWindow = open_window()
    menu = window.recent_menu
    menu.fill_menu()
    assert [a.text() for a in menu.actions()] == ["No files yet"]
    window.workspace.set_document(Document(State(None, SCORES, SCORES.greedy(80))))
    for folder in ("one", "two"):
        (tmp_path / folder).mkdir()
        assert save_in(window, tmp_path / folder / "a.circuit")
    assert save_in(window, tmp_path / "b&c.circuit")
    menu.fill_menu()
    names = [a.text() for a in menu.actions() if a.text()]
    assert names[0] == "b&&c.circuit" and names[1].startswith("a.circuit   (") and len(names) == 3 + 3 + 1
    menu.actions()[1].trigger()
    qtbot.waitUntil(lambda: window.workspace.document.path == tmp_path / "two" / "a.circuit", timeout=20_000)
    menu.actions()[-1].trigger()
    assert window.settings.recent_files == []


def test_about_tells_versions_that_can_be_copied(open_window) -> None:
    window: MainWindow = open_window()
    window.menus.actions["about"].trigger()
    dialog = window.findChild(QDialog, "only dialog")
    assert dialog is not None
    save(dialog, "about")
    dialog.copy_versions()
    lines = dict(line.split(" ", 1) for line in QGuiApplication.clipboard().text().splitlines())
    import torch

    import circuitviz

    assert lines["circuitviz"] == circuitviz.__version__ and lines["torch"] == torch.__version__
    dialog.close()


# What is left of linear RGB without the middle cones (Viénot et al. 1999).
DEUTERANOPE = np.array([[0.29275, 0.70725, 0.0], [0.29275, 0.70725, 0.0], [-0.02234, 0.02234, 1.0]])


def deuteranope(colour: str) -> np.ndarray:
    rgb = np.array([int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]) ** 2.2
    return np.clip(DEUTERANOPE @ rgb, 0, 1)


@pytest.mark.parametrize("name", [n for n in SIGN_COLOURS if "one ink" not in n])
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_edge_colours_stay_apart_without_middle_cones(name: str, theme: str) -> None:
    worn = with_edge_colours(THEMES[theme], name)
    one, two = deuteranope(worn.positive) ** (1 / 2.2), deuteranope(worn.negative) ** (1 / 2.2)
    assert np.abs(one - two).max() > 0.25, (one, two)
    ground = deuteranope(worn.ground)
    for ink in (worn.positive, worn.negative):
        high, low = sorted(
            (deuteranope(ink) @ [0.2126, 0.7152, 0.0722], ground @ [0.2126, 0.7152, 0.0722]), reverse=True
        )
        assert (high + 0.05) / (low + 0.05) >= 3.0, ink


def save(dialog: QDialog, name: str) -> None:
    from screenshots import SHOTS

    if SHOTS:
        QApplication.processEvents()
        dialog.grab().save(str(Path(SHOTS) / f"{name}.png"))
