"""Methods against reference circuits: every row is the engine's, and is exported."""

from __future__ import annotations

from pathlib import Path

from panel_host import LONG, PanelHost
from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication
from pytestqt.qtbot import QtBot

from circuitviz.formats import save_document


def test_every_method_against_the_truth(host: PanelHost, qtbot: QtBot, tmp_path: Path) -> None:
    compare = host.show("compare")
    panel = compare.methods_page
    qtbot.waitUntil(lambda: panel.method_names != (), timeout=LONG)
    assert "learned-ranking" in panel.method_names
    panel.method_names = tuple(name for name in panel.method_names if name != "learned-ranking")  # it trains
    assert compare.reference_box.count() == 0 and not panel.run_button.isEnabled()
    form = host.show("discovery")
    offered = [form.model_box.itemText(row) for row in range(form.model_box.count())]
    assert offered == ["demo", "backup", "reverse", "x-proportion"]
    form.model_box.setCurrentText("reverse")
    assert form.task_box.currentText() == "reverse"  # the task that it was made for
    host.find_circuit("backup", "backup")
    host.show("compare")
    compare.tabs.setCurrentWidget(panel)
    assert (
        compare.reference_box.currentText() == "backup-corrupted"
    )  # the model's own, under the same ablation
    assert "Sources" in panel.reference_label.text()
    assert panel.table.rowCount() == 1 and panel.table.item(0, 1).text() == "1.000"
    qtbot.waitUntil(panel.run_button.isEnabled, timeout=LONG)
    qtbot.mouseClick(panel.run_button, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: panel.table.rowCount() == len(panel.method_names) + 1, timeout=LONG)
    qtbot.waitUntil(panel.run_button.isEnabled, timeout=LONG)
    named = {panel.table.item(r, 0).text(): r for r in range(panel.table.rowCount())}
    for method in ("exact", "acdc", "eap", "eap-ig"):
        assert [panel.table.item(named[method], c).text() for c in range(1, 5)] == ["1.000"] * 4
    assert float(panel.table.item(named["information-flow-routes"], 1).text()) < 0.9
    panel.table.selectRow(named["information-flow-routes"])
    assert panel.chart.table_rows[0] == ["method", "recall", "precision"] and len(panel.chart.table_rows) > 20
    qtbot.mouseClick(panel.copy_button, Qt.MouseButton.LeftButton)
    copied = QGuiApplication.clipboard().text().splitlines()
    assert len(copied) == panel.table.rowCount() + 1 and copied[0].startswith("method\tAUROC")

    # another truth: its rows begin anew, under its own ablation
    compare.reference_box.setCurrentText("backup-zero")
    assert panel.table.rowCount() == 1
    # ablating an edge of the circuit changes its row
    before = panel.table.item(0, 4).text()
    host.workspace.set_selection(frozenset(), frozenset({"a1.h2->logits"}))
    host.run_command("ablate")
    assert panel.table.item(0, 4).text() != before
    host.workspace.undo_stack.undo()
    assert panel.table.item(0, 4).text() == before

    # any circuit file serves as a reference; a wrong one is told and changes nothing
    save_document(host.workspace.document, tmp_path / "mine.circuit")
    host.workspace.comparison.add_file(tmp_path / "mine.circuit")
    qtbot.waitUntil(lambda: compare.reference_box.currentText() == "mine.circuit", timeout=LONG)
    assert panel.table.item(0, 5).text() == "1.000"
    (tmp_path / "bad.json").write_text("{}")
    with qtbot.waitSignal(host.workspace.failure_reported, timeout=LONG):
        host.workspace.comparison.add_file(tmp_path / "bad.json")
    assert compare.reference_box.currentText() == "mine.circuit"


def test_comparing_is_cancelled_with_its_rows_kept(host: PanelHost, qtbot: QtBot) -> None:
    host.find_circuit("reverse", "reverse")
    panel = host.show("compare").methods_page
    host.show("compare").tabs.setCurrentWidget(panel)
    qtbot.waitUntil(panel.run_button.isEnabled, timeout=LONG)
    panel.run_all()
    qtbot.waitUntil(lambda: panel.table.rowCount() >= 3, timeout=LONG)
    qtbot.mouseClick(panel.cancel_button, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(panel.run_button.isEnabled, timeout=LONG)
    assert panel.table.rowCount() >= 3
