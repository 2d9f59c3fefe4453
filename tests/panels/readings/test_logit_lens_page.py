"""The logit lens page: what is shown is what the engine computes, and clicks select."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from panel_host import PanelHost, read_table
from PySide6.QtCore import Qt
from pytestqt.qtbot import QtBot

from circuitviz.lens import read_lens_grid


def test_the_lens_shows_what_the_stream_and_a_node_say(
    demo_host: PanelHost, qtbot: QtBot, tmp_path: Path
) -> None:
    model, task = demo_host.load_task()
    page = demo_host.read_page("lens")
    demo_host.workspace.set_prompt_index(2)
    demo_host.wait_for_reading(page)
    grid = read_lens_grid(model, task, "", 2)
    top = [[cell.top[0] for cell in row] for row in grid.cells[::-1]]
    marks = {"correct": " ✓", "incorrect": " ✗", "": ""}
    assert page.heat_map.grid.cell_texts == [
        [t.token.replace(" ", "·") + marks[t.answer] for t in row] for row in top
    ]
    tokens, pair = model.tokens, task.on_host
    right = tokens.token_strings(pair.correct[2][pair.correct[2] >= 0].tolist())
    wrong = tokens.token_strings(pair.incorrect[2][pair.incorrect[2] >= 0].tolist())
    for t in (t for row in grid.cells for cell in row for t in (*cell.top, *cell.answers)):
        assert t.answer == ("correct" if t.token in right else "incorrect" if t.token in wrong else "")
    assert {t.answer for t in grid.cells[-1][-1].answers} == {"correct", "incorrect"}
    assert page.heat_map.grid.values == pytest.approx(np.array([[t.probability for t in row] for row in top]))
    rows = read_table(page.heat_map, tmp_path / "lens.csv")
    assert len(rows) == 10 * page.heat_map.grid.values.size
    first = [row for row in rows if row["row"] == page.heat_map.grid.row_names[0] and row["rank"] == "1"]
    assert [float(row["probability"]) for row in first] == page.heat_map.grid.values[0].tolist()

    # a cell opens its tokens; the last row is the model's own end and selects the logits
    demo_host.click_cell(page.heat_map, 0, len(grid.tokens) - 1)
    assert page.token_card.isVisible() and demo_host.workspace.selected_nodes == {"logits"}
    assert [t.token for t in page.token_card.top_tokens] == [t.token for t in grid.cells[-1][-1].top]
    assert any(t.answer == "correct" for t in page.token_card.answers)
    qtbot.keyClick(page.heat_map, Qt.Key.Key_Escape)
    assert not page.token_card.isVisible()

    # one node: its tokens at each position; it follows the selection
    page.subject_box.setCurrentText("Selected node")
    demo_host.workspace.set_selection(frozenset({"a2.h6"}), frozenset())
    page.request_update()
    demo_host.wait_for_reading(page)
    one = read_lens_grid(model, task, "a2.h6", 2).cells[0]
    assert page.heat_map.grid.values[0].tolist() == pytest.approx([cell.top[0].logit for cell in one])
    for suffix in (".svg", ".pdf", ".png"):
        page.heat_map.save(tmp_path / f"lens{suffix}")
        assert (tmp_path / f"lens{suffix}").stat().st_size > 500
    svg = (tmp_path / "lens.svg").read_text()
    assert "<image" not in svg and "<text" in svg
