"""The attention page: what is shown is what the engine computes; pointing, locking and clicks."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from panel_host import PanelHost, read_table
from PySide6.QtCore import Qt
from pytestqt.qtbot import QtBot

from circuitviz.lens import read_layer_attention


def test_attention_adds_up_is_followed_held_and_compared(
    demo_host: PanelHost, qtbot: QtBot, tmp_path: Path
) -> None:
    model, task = demo_host.load_task()
    panel = demo_host.show("readings")
    panel.show_page("attention")
    page = panel.pages_by_name["attention"]
    assert "Select a head" in page.hint.text()
    demo_host.workspace.set_selection(frozenset({"a2.h6"}), frozenset())
    demo_host.wait_for_reading(page)
    shown, last = page.heat_map.pattern, len(page.heat_map.tokens) - 1
    assert np.allclose(shown.sum(1), 1, atol=1e-5) and np.isnan(page.heat_map.grid.values[0, 1])
    wanted = read_layer_attention(model, task, 2)
    assert shown == pytest.approx(wanted.clean[6], abs=1e-6)

    # pointing at a token shows where it looks; a click holds it, Escape lets it go
    assert page.heat_map.query == last
    qtbot.mouseMove(page.token_text, page.token_text.token_center(4).toPoint())
    assert page.heat_map.query == 4
    assert page.token_text.weights == pytest.approx(shown[4])
    qtbot.mouseClick(
        page.token_text, Qt.MouseButton.LeftButton, pos=page.token_text.token_center(4).toPoint()
    )
    qtbot.mouseMove(page.heat_map, page.heat_map.cell_center(7, 3).toPoint())
    assert page.heat_map.is_locked and page.heat_map.query == 4
    qtbot.keyClick(page.token_text, Qt.Key.Key_Escape)
    assert not page.heat_map.is_locked and page.heat_map.query == last
    qtbot.keyClick(page.token_text, Qt.Key.Key_Left)
    assert page.heat_map.query == last - 1
    rows = read_table(page.heat_map, tmp_path / "head.csv")
    assert len(rows) == (last + 1) * (last + 2) // 2
    for row in rows:
        place = int(row["query_position"]), int(row["key_position"])
        assert float(row["weight"]) == page.heat_map.grid.values[place]

    # the other prompt, the difference, by the size of values
    page.side_box.setCurrentText("clean − corrupted")
    page.weighted_box.setChecked(True)
    assert page.heat_map.pattern == pytest.approx(wanted.patterns("difference", weighted=True)[6], abs=1e-6)

    # a thumbnail selects its head on the canvas, at once
    place = page.thumbnails.thumbnail_rect(2).center().toPoint()
    qtbot.mouseClick(page.thumbnails, Qt.MouseButton.LeftButton, pos=place)
    assert demo_host.workspace.selected_nodes == {"a2.h2"}
    assert page.heat_map.pattern == pytest.approx(wanted.patterns("difference", weighted=True)[2], abs=1e-6)
    assert len(read_table(page.thumbnails, tmp_path / "layer.csv")) == 8 * len(rows)
    page.thumbnails.save(tmp_path / "layer.svg")
    assert "<image" not in (tmp_path / "layer.svg").read_text()
