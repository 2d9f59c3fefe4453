"""The page of OV and QK: tokens that a head promotes and matches."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from panel_host import PanelHost, read_table
from pytestqt.qtbot import QtBot

from circuitviz.lens import read_head
from circuitviz.panels.readings.ov_qk_page import QK_LABEL


def test_ov_and_qk_of_the_selected_head(demo_host: PanelHost, qtbot: QtBot, tmp_path: Path) -> None:
    model, task = demo_host.load_task()
    demo_host.workspace.set_selection(frozenset({"a2.h6"}), frozenset())
    page = demo_host.read_page("ov-qk")
    wanted = read_head(model, task, "a2.h6", 0, top=10)
    logits = np.array([[t.logit for t in cell] for cell in wanted.promoted_tokens]).T
    assert page.heat_map.grid.values == pytest.approx(logits, abs=1e-4)
    rows = read_table(page.heat_map, tmp_path / "ov.csv")
    found = [float(row["logit"]) for row in rows if row["rank"] == "1"]
    assert found == page.heat_map.grid.values[0].tolist()
    page.attention_weighted_box.setChecked(True)
    assert page.heat_map.grid.values == pytest.approx(logits * np.array(wanted.attention), abs=1e-4)
    page.ov_qk_box.setCurrentText(QK_LABEL)
    page.show_result()
    scores = np.array([[t.logit for t in cell] for cell in wanted.matched_tokens]).T
    assert page.heat_map.grid.values == pytest.approx(scores, abs=1e-4)
    demo_host.click_cell(page.heat_map, 0, 3)
    assert page.token_card.isVisible() and [t.token for t in page.token_card.top_tokens] == [
        t.token for t in wanted.matched_tokens[3]
    ]
    demo_host.workspace.set_selection(frozenset({"m1"}), frozenset())
    assert page.stack.currentWidget() is page.hint
