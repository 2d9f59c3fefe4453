"""The page of direct effects: bars and map are the engine's numbers, and clicks select."""

from __future__ import annotations

from pathlib import Path

import pytest
from panel_host import PanelHost, read_table
from PySide6.QtCore import Qt
from pytestqt.qtbot import QtBot

from circuitviz.lens import direct_logit_attribution_steps
from circuitviz.progress import run_to_completion


def test_direct_effects_of_all_nodes(demo_host: PanelHost, qtbot: QtBot, tmp_path: Path) -> None:
    model, task = demo_host.load_task()
    page = demo_host.read_page("effects")
    wanted = run_to_completion(direct_logit_attribution_steps(model, task))
    rows = read_table(page.chart, tmp_path / "bars.csv")
    assert {row["node"]: float(row["value"]) for row in rows} == pytest.approx(
        dict(zip(wanted.names, wanted.mean, strict=True)), abs=1e-6
    )
    assert all(float(row["low"]) <= float(row["value"]) <= float(row["high"]) for row in rows)
    sizes = [abs(float(row["value"])) for row in rows]
    assert sizes == sorted(sizes, reverse=True)
    in_map = {row["node"]: float(row["value"]) for row in read_table(page.heat_map, tmp_path / "map.csv")}
    for i, nodes in enumerate(page.heat_map.grid.cell_nodes):
        for j, node in enumerate(nodes):
            assert page.heat_map.grid.values[i, j] == in_map[node]
    demo_host.click_cell(page.heat_map, 1, 6)
    assert demo_host.workspace.selected_nodes == {"a2.h6"} == set(page.heat_map.marked_nodes)

    # the bars select, too; one prompt is one number a node
    bar = page.chart.hover_regions[1]
    qtbot.mouseClick(page.chart, Qt.MouseButton.LeftButton, pos=page.chart.region_center(bar).toPoint())
    assert demo_host.workspace.selected_nodes == frozenset(bar.nodes)
    page.scope_box.setCurrentText("This prompt")
    demo_host.workspace.set_prompt_index(3)
    demo_host.wait_for_reading(page)
    one = run_to_completion(direct_logit_attribution_steps(model, task, [3]))
    rows = read_table(page.chart, tmp_path / "one.csv")
    assert {row["node"]: float(row["value"]) for row in rows} == pytest.approx(
        dict(zip(one.names, one.mean, strict=True)), abs=1e-6
    )
