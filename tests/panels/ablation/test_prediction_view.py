"""Predicted against measured effects of nodes; numbers are those of the plain model."""

from __future__ import annotations

import csv
import shlex
from pathlib import Path

import pytest
from panel_host import LONG, PanelHost
from PySide6.QtCore import Qt
from pytestqt.qtbot import QtBot
from slow_prompt_model import SlowPromptModel

from circuitviz.workbench.prompt_evaluation import PromptEvaluationRequest


def test_predicted_and_measured_are_drawn_node_by_node(
    prompt_host: PanelHost, qtbot: QtBot, tmp_path: Path
) -> None:
    panel, slow = prompt_host.show("ablation"), SlowPromptModel()
    panel.tabs.setCurrentIndex(1)
    box = panel.prediction_view
    assert box.compare_button.isEnabled() and not box.export_button.isEnabled()
    qtbot.mouseClick(box.compare_button, Qt.MouseButton.LeftButton)
    assert not box.compare_button.isEnabled() and box.cancel_button.isEnabled()
    qtbot.waitUntil(lambda: len(box.chart.table_rows) > 3, timeout=LONG)  # partial results are drawn
    qtbot.waitUntil(lambda: prompt_host.has_measure("predicted"), timeout=LONG)
    trial = PromptEvaluationRequest.from_state(prompt_host.workspace.document.state)
    assert trial is not None
    points = prompt_host.workspace.document.measures["predicted"]["result"]["points"]
    assert {p["node"] for p in points} == set(trial.nodes)
    start = slow.changed([])
    for point in [p for p in points if ".f" in p["node"]][:6]:
        assert point["measured"] == pytest.approx(slow.changed([point["node"]]) - start, abs=1e-3)
    region = box.chart.hover_regions[7]
    text, chosen = region.text, region.nodes
    assert chosen[0] in text and "predicted" in text
    box.chart.nodes_clicked.emit(chosen)
    assert prompt_host.workspace.selected_nodes == frozenset(chosen)
    box.chart.save(tmp_path / "points.csv")
    table = list(csv.reader((tmp_path / "points.csv").read_text().splitlines()))
    assert table[0] == ["node", "predicted", "measured"] and len(table) == len(points) + 1
    box.chart.save(tmp_path / "points.svg")
    assert "<image" not in (tmp_path / "points.svg").read_text()

    # selected ones, frozen: on the diagonal; and a job that is ended keeps what it has
    prompt_host.workspace.set_selection(frozenset(list(trial.nodes)[:4]), frozenset())
    box.nodes_box.setCurrentIndex(1)
    box.response_box.setCurrentText("frozen")
    qtbot.waitUntil(box.compare_button.isEnabled, timeout=LONG)
    qtbot.mouseClick(box.compare_button, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: _done(prompt_host, "predicted", 4), timeout=LONG)
    points = prompt_host.workspace.document.measures["predicted"]["result"]["points"]
    for point in points:
        assert point["measured"] == pytest.approx(point["predicted"], abs=1e-5)

    # the command that repeats it names what was selected
    evaluation = prompt_host.show("evaluation")
    qtbot.waitUntil(lambda: evaluation.measure_box.findText("predicted") >= 0, timeout=LONG)
    evaluation.measure_box.setCurrentText("predicted")
    prompt_host.workspace.set_selection(frozenset(), frozenset())
    parts = shlex.split(evaluation.evaluate_command())
    assert set(parts[parts.index("--predicted-nodes") + 1].split(",")) == {p["node"] for p in points}


def _done(host: PanelHost, name: str, points: int | None = None) -> bool:
    found = host.workspace.document.measures.get(name, {})
    return bool(found.get("done")) and (points is None or len(found["result"]["points"]) == points)
