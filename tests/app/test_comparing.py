"""Holding methods against what is known, through the real window."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication
from pytestqt.qtbot import QtBot
from screenshots import shoot

from circuitviz.app.window import MainWindow
from circuitviz.formats import save_document

LONG = 90_000


def _search(window: MainWindow, qtbot: QtBot, model: str, task: str) -> None:
    form = window.panels["discovery"]
    form.model.setEditText(model)
    form.task.setEditText(task)
    form.prompts.setValue(16)
    form.start()
    qtbot.waitUntil(lambda: window.desk.document.evaluation is not None, timeout=LONG)


def test_every_method_against_the_truth(open_window, qtbot: QtBot, tmp_path: Path) -> None:
    window: MainWindow = open_window()
    qtbot.waitUntil(lambda: window.panels["compare"]._methods != (), timeout=LONG)
    panel = window.panels["compare"]
    assert panel.reference.count() == 0 and not panel.all.isEnabled()
    _search(window, qtbot, "backup", "backup")
    window.places.bring("compare")
    assert panel.reference.currentText() == "backup-corrupted"  # the model's own, under the same ablation
    assert "Sources" in panel.about.text()
    assert panel.table.rowCount() == 1 and panel.table.item(0, 1).text() == "1.000"
    qtbot.waitUntil(panel.all.isEnabled, timeout=LONG)
    qtbot.mouseClick(panel.all, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: panel.table.rowCount() == len(panel._methods) + 1, timeout=LONG)
    qtbot.waitUntil(panel.all.isEnabled, timeout=LONG)
    named = {panel.table.item(r, 0).text(): r for r in range(panel.table.rowCount())}
    for method in ("exact", "acdc", "eap", "eap-ig"):
        assert [panel.table.item(named[method], c).text() for c in range(1, 5)] == ["1.000"] * 4
    assert float(panel.table.item(named["information-flow-routes"], 1).text()) < 0.9
    panel.table.selectRow(named["information-flow-routes"])
    shoot(window, "compare")
    assert panel.chart.rows[0] == ["method", "recall", "precision"] and len(panel.chart.rows) > 20
    qtbot.mouseClick(panel.copy, Qt.MouseButton.LeftButton)
    copied = QGuiApplication.clipboard().text().splitlines()
    assert len(copied) == panel.table.rowCount() + 1 and copied[0].startswith("method\tAUROC")

    # another truth: its rows begin anew, under its own ablation
    panel.reference.setCurrentText("backup-zero")
    assert panel.table.rowCount() == 1
    # ablating an edge of the circuit changes its row
    before = panel.table.item(0, 4).text()
    window.desk.select(frozenset(), frozenset({"a1.h2->logits"}))
    window.toggle_ablation()
    assert panel.table.item(0, 4).text() != before
    window.desk.undo.undo()
    assert panel.table.item(0, 4).text() == before

    # any circuit file serves as a reference; a wrong one is told and changes nothing
    save_document(window.desk.document, tmp_path / "mine.circuit")
    panel.open_reference(tmp_path / "mine.circuit")
    assert panel.reference.currentText() == "mine.circuit"
    assert panel.table.item(0, 5).text() == "1.000"
    (tmp_path / "bad.json").write_text("{}")
    assert not window.desk.guarded(panel.open_reference, tmp_path / "bad.json")
    assert panel.reference.currentText() == "mine.circuit"
    window.dialog.close()


def test_comparing_is_cancelled_with_its_rows_kept(open_window, qtbot: QtBot) -> None:
    window: MainWindow = open_window()
    _search(window, qtbot, "reverse", "reverse")
    panel = window.panels["compare"]
    qtbot.waitUntil(panel.all.isEnabled, timeout=LONG)
    panel.run_all()
    qtbot.waitUntil(lambda: panel.table.rowCount() >= 3, timeout=LONG)
    qtbot.mouseClick(panel.stop, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(panel.all.isEnabled, timeout=LONG)
    assert panel.table.rowCount() >= 3
