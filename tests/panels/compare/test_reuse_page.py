"""Which nodes and edges the circuits of several tasks share."""

from __future__ import annotations

import pytest
from panel_host import PanelHost
from pytestqt.qtbot import QtBot


def test_reuse_across_tasks(demo_host: PanelHost, qtbot: QtBot) -> None:
    workspace, compare, found = demo_host.workspace, demo_host.show("compare"), {}
    for task in ("ioi", "greater-than", "sva"):
        demo_host.find_circuit("demo", task)
        found[workspace.comparison.add_open_circuit()] = set(
            workspace.document.state.live_circuit.node_names
        ) - {
            "input",
            "logits",
        }
    demo_host.show("compare")
    compare.tabs.setCurrentWidget(compare.reuse_page)
    assert len(set(map(frozenset, found.values()))) == 3
    tabs = ["ioi.circuit", "ioi · demo", "greater-than · demo"]  # circuits of other tabs are there, too
    names, nodes = list(found), compare.reuse_page.shares["nodes"]
    assert compare.reuse_page.shares["names"] == ["this circuit", *names, *tabs]
    for i, a in enumerate(names, start=1):
        for j, b in enumerate(names, start=1):
            assert nodes[i][j] == pytest.approx(len(found[a] & found[b]) / len(found[a]))
    compare.reuse_page.select_common_button.click()
    assert workspace.selected_nodes == set.intersection(*found.values()) and workspace.selected_nodes
    assert compare.reuse_page.chart.table_rows[0] == ["share of", "found in", "nodes"]
    compare.reuse_page.kind_box.setCurrentText("Edges")
    assert compare.reuse_page.shares["edges"][0][3] == 1.0
