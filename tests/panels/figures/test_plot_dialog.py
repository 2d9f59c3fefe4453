"""The dialog that exports a plot: its options, its files, the command in their metadata."""

from __future__ import annotations

from pathlib import Path

import pytest
from example_documents import labelled_document
from panel_host import LONG, PanelHost
from PySide6.QtWidgets import QDoubleSpinBox, QFileDialog, QPushButton
from pytestqt.qtbot import QtBot

from circuitviz.panels.figures import PlotDialog


def test_a_plot_is_exported_through_the_same_dialog(
    idle_host: PanelHost, qtbot: QtBot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """From the button below a measure's plot to the files, with the command in their metadata."""
    idle_host.workspace.set_document(labelled_document())
    panel = idle_host.show("evaluation")
    points = [{"asked": n, "edges": n, "value": n / 90, "low": n / 99, "high": n / 80} for n in (1, 10, 60)]
    found = {"key": "", "options": {}, "result": {"points": points, "cpr": 0.5, "cmd": 0.5}, "done": True}
    idle_host.workspace.document.store_measure("curve", found)
    panel.measure_box.addItem("curve")
    panel.measure_box.setCurrentText("curve")
    panel.show_result()
    panel.export_button.click()
    dialog = panel.findChild(PlotDialog)
    assert dialog is not None and dialog.isVisible()
    qtbot.waitUntil(lambda: dialog.preview.sheet is not None, timeout=LONG)
    height = dialog.option_form.fields["height_mm"]
    assert isinstance(height, QDoubleSpinBox)
    height.setValue(40.0)
    qtbot.waitUntil(lambda: "× 40.0 mm" in dialog.size_label.text(), timeout=LONG)
    assert dialog.size_label.text().startswith(("82.5", "82.6"))
    assert (
        dialog.command_field.text().startswith("circuitviz evaluate")
        and "--measures curve" in dialog.command_field.text()
    )
    path = tmp_path / "curve.svg"
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_given: (str(path), ""))
    dialog.save_button.click()
    idle_host.workspace.save_service.wait_until_written()
    text = path.read_text(encoding="utf-8")
    assert 'height="40.000mm"' in text and "--measures curve" in text and ">faithfulness<" in text
    assert f"document {idle_host.workspace.state.hash}" in text and "<image" not in text
    panel.export_button.click()
    again = next(d for d in panel.findChildren(PlotDialog) if d.isVisible())
    assert again.current_figure().height_mm == 40.0  # what was chosen is chosen again
    path = tmp_path / "curve.csv"
    next(b for b in again.findChildren(QPushButton) if b.text() == "Save as CSV…").click()
    idle_host.workspace.save_service.wait_until_written()
    assert path.read_text(encoding="utf-8").splitlines()[1].startswith("1,1,")
    assert not again.isVisible()
