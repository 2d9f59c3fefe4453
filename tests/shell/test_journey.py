"""A new user's path through the real window, with the real demo model and no network."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from opening import LONG, export_in, measured, open_in, save_in
from PySide6.QtCore import Qt
from PySide6.QtGui import QFontMetricsF
from pytestqt.qtbot import QtBot
from screenshots import shoot

from circuitviz.evaluation import evaluate
from circuitviz.lens import read_node
from circuitviz.models import load_model
from circuitviz.paint.circuit_painter import canvas_font, label_rect, node_box
from circuitviz.panels.inspector.panel import InspectorPanel
from circuitviz.panels.meter.panel import MeterPanel
from circuitviz.shell.application import open_arguments
from circuitviz.shell.main_window import MainWindow
from circuitviz.workbench.record_origin import rebuild_task

pytestmark = pytest.mark.stalls


def value(window: MainWindow) -> float:
    numbers = window.workspace.live_faithfulness.evaluation
    assert numbers is not None
    found = numbers["faithfulness"]["value"]
    assert window.dock_manager.panel(MeterPanel).value_label.text() == f"{found:.3f}".replace("-", "−")
    return float(found)


@pytest.mark.long
def test_a_new_user_finds_reads_ablates_labels_saves_and_exports(
    open_window, qtbot: QtBot, tmp_path: Path
) -> None:
    window: MainWindow = open_window()
    shoot(window, "start")
    open_arguments(window, None, None, None, demo=True)
    qtbot.waitUntil(lambda: measured(window), timeout=LONG)
    qtbot.waitUntil(lambda: len(window.workspace.document.curve) == 10, timeout=LONG)
    state = window.workspace.document.state
    assert state.circuit is not None and state.circuit.n_edges == 100
    assert len(window.view.circuit_scene.nodes) == state.circuit.n_nodes
    whole = value(window)

    # the number is the engine's own, computed apart from the window
    model = load_model("demo")
    task = rebuild_task(state.origin, model)
    assert whole == pytest.approx(evaluate(model, task, state.circuit).faithfulness.value, abs=1e-9)

    # click the head that helps the logits most, and read it
    graph, scores = state.circuit.graph, state.scores.values
    heads = [n for n in state.circuit.node_names if graph.node(n).kind == "head"]
    head = max(heads, key=lambda n: scores[graph.sender_index[n], -1])
    with qtbot.waitSignal(window.workspace.node_reading_received, timeout=LONG):
        qtbot.mouseClick(
            window.view.viewport(), Qt.MouseButton.LeftButton, pos=window.view.viewport_position(head)
        )
    inspector = window.dock_manager.panel(InspectorPanel)
    assert inspector.title_label.text() == head
    reading = read_node(model, task, head, 0)
    shown = [cells[1].text() for cells in inspector.lens_columns.cell_labels]
    assert shown == [f"{t.logit:+.2f}".replace("-", "−") for t in reading.top[: len(shown)]]
    pattern = inspector.attention_map.pattern
    assert np.allclose(pattern.sum(1), 1, atol=1e-5)
    shoot(window, "explorer")

    # ablate it, watch faithfulness fall; undo, and it is exactly the earlier number
    window.view.setFocus()
    qtbot.keyClick(window.view, Qt.Key.Key_A)
    assert window.dock_manager.panel(MeterPanel).value_label.text().startswith("≈")
    qtbot.waitUntil(lambda: measured(window), timeout=LONG)
    assert window.workspace.document.state.ablated_nodes == {head}
    fallen = value(window)
    assert fallen < whole - 0.05
    without = evaluate(model, task, state.circuit.ablate([head])).faithfulness.value
    assert fallen == pytest.approx(without, abs=1e-5)
    shoot(window, "ablated")
    qtbot.keyClick(window.view, Qt.Key.Key_Z, Qt.KeyboardModifier.ControlModifier)
    assert value(window) == whole
    assert window.workspace.document.state.hash == state.hash
    both = Qt.KeyboardModifier.ControlModifier | Qt.KeyboardModifier.ShiftModifier
    qtbot.keyClick(window.view, Qt.Key.Key_Z, both)
    assert value(window) == fallen
    qtbot.keyClick(window.view, Qt.Key.Key_Z, Qt.KeyboardModifier.ControlModifier)

    # label it
    label = inspector.label_field
    label.setFocus()
    qtbot.keyClicks(label, "Name Mover")
    qtbot.keyClick(label, Qt.Key.Key_Return)
    assert window.view.circuit_scene.by_name[head].label == "Name Mover"
    written = QFontMetricsF(canvas_font(10, scale=window.view.zoom)).horizontalAdvance("Name Mover")
    assert written <= label_rect(node_box(window.view.circuit_scene.by_name[head])).width(), "it would be cut"

    # save, close, open: all is there, before any model is loaded
    path = tmp_path / "ioi.circuit"
    assert save_in(window, path)
    kept = window.workspace.document.state
    window.close()
    again: MainWindow = open_window()
    open_in(again, qtbot, path)
    assert again.workspace.document.state.hash == kept.hash
    assert again.workspace.document.state.origin == kept.origin
    assert again.view.circuit_scene.by_name[head].label == "Name Mover"
    assert value(again) == whole
    assert len(again.workspace.document.curve) == 10
    qtbot.waitUntil(lambda: again.workspace.opened_model is not None, timeout=LONG)
    assert not again.workspace.opened_model.warning

    # export: text stays text, nothing becomes a bitmap
    for suffix in ("svg", "pdf", "png"):
        assert export_in(again, tmp_path / f"ioi.{suffix}")
    svg = (tmp_path / "ioi.svg").read_text()
    assert "<image" not in svg and "Name Mover" in svg and f">{head}<" in svg
    assert (tmp_path / "ioi.pdf").read_bytes().startswith(b"%PDF")
