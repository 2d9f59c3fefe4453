"""Charts of plain data: every kind has its marks, its table and what is said of each mark; so has a page of a reading."""

from __future__ import annotations

import numpy as np
import pytest
from PySide6.QtCore import Qt
from pytestqt.qtbot import QtBot

from circuitviz.options import Option
from circuitviz.panels.readings.registered_page import RegisteredReadingPage
from circuitviz.plots import HeatMapPlot, TablePlot
from circuitviz.workbench.requests.compute_reading import ComputeReading, ReadingChoice
from circuitviz.workspace.workspace import Workspace

MAP = HeatMapPlot(
    ["a0.h0", "rest"], ["Mary", "gave"], [[1.0, None], [-2.0, 0.5]], "logits", nodes=["a0.h0", ""]
)


TABLE = TablePlot(["node", "value", "why"], [[f"m{i}", i / 3, None] for i in range(20)])


pytestmark = pytest.mark.usefixtures("qapp")


def test_a_page_shows_a_heat_map_or_a_chart_and_asks_with_its_options(qtbot: QtBot) -> None:
    workspace = Workspace()
    options = (
        Option("count", int, 2, "number of tokens", low=1),
        Option("side", str, "clean", "which prompt", choices=("clean", "corrupted")),
        Option("scaled", bool, False, "divide by the largest"),
    )
    page = RegisteredReadingPage(workspace, "toy", ReadingChoice("Toy", "a toy", False, options))
    qtbot.addWidget(page)
    try:
        chosen = {"count": 2, "side": "clean", "scaled": False}
        assert page.current_query() == ComputeReading("toy", "", 0, chosen)
        changes: list[None] = []
        page.option_form.values_changed.connect(lambda: changes.append(None))
        page.option_form.fields["count"].setValue(3)
        page.option_form.fields["side"].setCurrentText("corrupted")
        qtbot.mouseClick(page.option_form.fields["scaled"], Qt.MouseButton.LeftButton)
        assert len(changes) >= 2
        flags = "--toy-count 3 --toy-side corrupted --toy-scaled"
        assert " ".join(page.inspect_arguments()).startswith(f"toy --prompt 0 {flags}")
        page.result = MAP
        page.show_result()
        assert page.exportable_plots() == {"toy": page.heat_map}
        assert np.array_equal(page.heat_map.grid.values, [[1.0, np.nan], [-2.0, 0.5]], equal_nan=True)
        page.result = TABLE
        page.show_result()
        assert page.exportable_plots() == {"toy": page.chart} and len(page.chart.table_rows) == 21
        needs = RegisteredReadingPage(workspace, "toy", ReadingChoice("Toy", "a toy", True, ()))
        qtbot.addWidget(needs)
        assert "Select a node" in str(needs.current_query())
    finally:
        workspace.stop()
