"""The patching page is activation patching by position."""

from __future__ import annotations

from pathlib import Path

import pytest
from panel_host import PanelHost, read_table
from PySide6.QtCore import Qt
from pytestqt.qtbot import QtBot

from circuitviz.discovery import discover


def test_the_patching_map_is_activation_patching_by_position(
    demo_host: PanelHost, qtbot: QtBot, tmp_path: Path
) -> None:
    model, task = demo_host.load_task()
    page = demo_host.read_page("patching")
    where = demo_host.workspace.opened_model
    scores = discover(model, task.subset([0]), "activation-patching", where.metric, where.ablation)
    assert page.result.effects == pytest.approx(scores.positions, abs=1e-5)
    page.rows_box.setCurrentText("all nodes")
    page.show_result()
    names = [nodes[0] for nodes in page.heat_map.grid.cell_nodes]
    assert names == list(model.graph.senders[::-1])
    rows = read_table(page.heat_map, tmp_path / "patching.csv")
    for row in rows:
        i = names.index(row["node"])
        if row["position"] == "all":
            assert float(row["effect"]) == pytest.approx(page.result.whole[::-1][i])
        else:
            assert float(row["effect"]) == page.heat_map.grid.values[i, int(row["position"])]
    page.rows_box.setCurrentText("24 strongest nodes")
    page.show_result()
    assert len(page.heat_map.grid.row_names) == 24
    row = next(i for i, nodes in enumerate(page.heat_map.grid.cell_nodes) if nodes[0] == "a2.h6")
    demo_host.click_cell(page.heat_map, row, 5)
    assert demo_host.workspace.selected_nodes == {"a2.h6"}

    # the arrows walk from cell to cell, Enter selects
    qtbot.keyClick(page.heat_map, Qt.Key.Key_Up)
    qtbot.keyClick(page.heat_map, Qt.Key.Key_Return)
    assert demo_host.workspace.selected_nodes == {page.heat_map.grid.cell_nodes[row - 1][5]}
    page.rows_box.setCurrentText("the circuit's nodes")
    page.show_result()
    assert set(page.heat_map.grid.row_names) == set(demo_host.workspace.document.state.circuit.node_names) - {
        "logits"
    }
