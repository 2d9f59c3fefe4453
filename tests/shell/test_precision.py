"""The precision of weights in the window: a field of the search, kept in the file, used when it is opened."""

from __future__ import annotations

from pathlib import Path

from opening import LONG, measured, open_in, save_in
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QComboBox, QDialog
from pytestqt.qtbot import QtBot

from circuitviz.dtypes import default_offload, set_default_offload
from circuitviz.shell.main_window import MainWindow


def _choose(box: QComboBox, text: str, qtbot: QtBot) -> None:
    """Choose an entry with the arrow keys."""
    while box.currentText() != text:
        before = box.currentIndex()
        step = 1 if before < box.findText(text) else -1
        qtbot.keyClick(box, Qt.Key.Key_Down if step > 0 else Qt.Key.Key_Up)
        assert box.currentIndex() == before + step


def test_a_search_in_half_precision_and_its_file(open_window, tmp_path: Path, qtbot: QtBot) -> None:
    window: MainWindow = open_window()
    form, desk = window.panels["discovery"], window.workspace
    qtbot.waitUntil(lambda: form.method_box.count() > 1, timeout=LONG)
    assert form.dtype_box.currentText() == "auto"
    _choose(form.dtype_box, "bfloat16", qtbot)
    form.method_box.setCurrentText("eap")
    form.prompts_field.setValue(4)
    qtbot.mouseClick(form.run_button, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: measured(window), timeout=LONG)
    assert desk.state.origin.dtype == "bfloat16" == desk.opened_model.dtype
    assert window.status_line.device_label.text() == "demo · cpu · bfloat16"
    half = desk.document.evaluation["metric"]["circuit"]
    path = tmp_path / "half.circuit"
    assert save_in(window, path)
    assert window.close()

    other: MainWindow = open_window()
    open_in(other, qtbot, path)
    qtbot.waitUntil(lambda: other.workspace.opened_model is not None, timeout=LONG)
    assert other.workspace.opened_model.dtype == "bfloat16" and not other.workspace.opened_model.warning
    form = other.panels["discovery"]
    qtbot.waitUntil(lambda: form.method_box.count() > 1, timeout=LONG)
    assert form.dtype_box.currentText() == "bfloat16", "as the circuit was found"

    # searched again in what auto gives, the same circuit has other numbers
    _choose(form.dtype_box, "auto", qtbot)
    form.method_box.setCurrentText("eap")
    form.prompts_field.setValue(4)
    qtbot.mouseClick(form.run_button, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: measured(other) and other.workspace.state.origin.dtype == "float32", timeout=LONG)
    assert other.workspace.opened_model.dtype == "float32"
    assert other.workspace.document.evaluation["metric"]["circuit"] != half


def test_the_settings_hold_the_precision_of_searches(open_window, qtbot: QtBot) -> None:
    window: MainWindow = open_window()
    window.menus.actions["settings"].trigger()
    dialog = window.findChild(QDialog, "only dialog")
    assert dialog is not None
    _choose(dialog.dtype_box, "float16", qtbot)
    _choose(dialog.offload_box, "disk", qtbot)
    assert default_offload() == "disk"
    dialog.close()
    assert window.workspace.dtype == "float16" == window.panels["discovery"].find_request().dtype
    again: MainWindow = open_window()
    assert again.workspace.dtype == "float16" == again.panels["discovery"].dtype_box.currentText()
    assert default_offload() == "disk"
    set_default_offload("none")
