"""What was done in the window is copied as a script, which repeats it."""

from __future__ import annotations

from typing import Any

import pytest
from panel_host import LONG, PanelHost
from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication
from pytestqt.qtbot import QtBot


def test_the_copied_script_repeats_what_was_done_in_the_window(demo_host: PanelHost, qtbot: QtBot) -> None:
    """Fewer edges, an ablated head and a label, by the widgets; then the clipboard is run."""
    workspace, edges = demo_host.workspace, demo_host.show("edges")
    edges.edges_field.setFocus()
    edges.edges_field.selectAll()
    qtbot.keyClicks(edges.edges_field, "70")
    qtbot.keyClick(edges.edges_field, Qt.Key.Key_Return)
    qtbot.waitUntil(lambda: workspace.state.circuit.n_edges == 70, timeout=LONG)
    first, second = [name for name in workspace.state.circuit.node_names if ".h" in name][-2:]
    workspace.select_nodes({first})
    demo_host.run_command("ablate")
    inspector = demo_host.show("inspector")
    workspace.select_nodes({second})
    qtbot.keyClicks(inspector.label_field, "Negative Mover")
    qtbot.keyClick(inspector.label_field, Qt.Key.Key_Return)
    demo_host.wait_until_measured()

    with qtbot.waitSignal(workspace.message_posted, timeout=LONG):
        demo_host.run_command("copy-python")
    script = QGuiApplication.clipboard().text()
    names: dict[str, Any] = {}
    exec(compile(script, "copied", "exec"), names)
    state, repeated = workspace.document.state, names["document"].state
    assert repeated.circuit.edge_names == state.circuit.edge_names
    assert repeated.ablated_nodes == state.ablated_nodes == {first}
    assert repeated.labels == state.labels and set(state.labels) == {second}
    assert repeated.measurement_key == state.measurement_key
    ours = demo_host.evaluation["faithfulness"]
    theirs = names["evaluation"].faithfulness
    assert (theirs.value, theirs.low, theirs.high) == pytest.approx(
        (ours["value"], ours["low"], ours["high"])
    )
