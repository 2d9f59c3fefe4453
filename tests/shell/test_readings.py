"""Readings through the real window: what is shown is what the engine computes, clicks select, CSV agrees."""

from __future__ import annotations

import csv
import io
import shlex
from pathlib import Path

import numpy as np
import pytest
from opening import save_in, show_example
from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication
from pytestqt.qtbot import QtBot
from screenshots import shoot

from circuitviz.cli import run
from circuitviz.cli.output import escape_invisible
from circuitviz.discovery import discover
from circuitviz.lens import direct_logit_attribution_steps, read_head, read_layer_attention, read_lens_grid
from circuitviz.models import load_model
from circuitviz.panels.readings.ov_qk_page import QK_LABEL
from circuitviz.panels.widgets.heat_map import HeatMap
from circuitviz.progress import run_to_completion
from circuitviz.shell.main_window import MainWindow
from circuitviz.workbench.record_origin import rebuild_task

pytestmark = pytest.mark.stalls
LONG = 90_000


def opened(open_window, qtbot: QtBot) -> MainWindow:
    """The demo's circuit, found and measured, with the readings in front."""
    window: MainWindow = open_window()
    show_example(window, qtbot)
    window.dock_manager.bring_to_front("readings")
    return window


def page_of(window: MainWindow, qtbot: QtBot, name: str):
    """A page, brought to the front by its button, with what it reads."""
    panel = window.panels["readings"]
    qtbot.mouseClick(panel.page_buttons[name], Qt.MouseButton.LeftButton)
    page = panel.pages_by_name[name]
    settled(page, qtbot)
    return page


def settled(page, qtbot: QtBot) -> None:
    qtbot.waitUntil(
        lambda: page._requested_query is not None and page._shown_query == page._requested_query, timeout=LONG
    )


def click(qtbot: QtBot, map_: HeatMap, row: int, column: int) -> None:
    place = map_.cell_center(row, column).toPoint()
    qtbot.mouseClick(map_, Qt.MouseButton.LeftButton, pos=place)


def table(map_, path: Path) -> list[dict[str, str]]:
    map_.save(path)
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def engine(window: MainWindow):
    """The model and the task, opened apart from the window."""
    model = load_model("demo")
    return model, rebuild_task(window.workspace.document.state.origin, model)


def test_the_lens_shows_what_the_stream_and_a_node_say(open_window, qtbot: QtBot, tmp_path: Path) -> None:
    window = opened(open_window, qtbot)
    model, task = engine(window)
    page = page_of(window, qtbot, "lens")
    shoot(window, "readings-lens")
    window.workspace.set_prompt_index(2)
    settled(page, qtbot)
    grid = read_lens_grid(model, task, "", 2)
    top = [[cell.top[0] for cell in row] for row in grid.cells[::-1]]
    assert page.heat_map.grid.cell_texts == [[t.token.strip() for t in row] for row in top]
    assert page.heat_map.grid.values == pytest.approx(np.array([[t.probability for t in row] for row in top]))
    rows = table(page.heat_map, tmp_path / "lens.csv")
    assert len(rows) == 10 * page.heat_map.grid.values.size
    first = [row for row in rows if row["row"] == page.heat_map.grid.row_names[0] and row["rank"] == "1"]
    assert [float(row["probability"]) for row in first] == page.heat_map.grid.values[0].tolist()

    # a cell opens its tokens; the last row is the model's own end and selects the logits
    click(qtbot, page.heat_map, 0, len(grid.tokens) - 1)
    assert page.token_card.isVisible() and window.workspace.selected_nodes == {"logits"}
    assert [t.token for t in page.token_card.top_tokens] == [t.token for t in grid.cells[-1][-1].top]
    assert any(t.token in page.token_card.correct_tokens for t in page.token_card.answers)
    shoot(window, "readings-lens-cell")
    qtbot.keyClick(page.heat_map, Qt.Key.Key_Escape)
    assert not page.token_card.isVisible()

    # one node: its tokens at each position; it follows the selection
    page.subject_box.setCurrentText("Selected node")
    window.workspace.set_selection(frozenset({"a2.h6"}), frozenset())
    page.request_update()
    settled(page, qtbot)
    one = read_lens_grid(model, task, "a2.h6", 2).cells[0]
    assert page.heat_map.grid.values[0].tolist() == pytest.approx([cell.top[0].logit for cell in one])
    shoot(window, "readings-lens-node")
    for suffix in (".svg", ".pdf", ".png"):
        page.heat_map.save(tmp_path / f"lens{suffix}")
        assert (tmp_path / f"lens{suffix}").stat().st_size > 500
    svg = (tmp_path / "lens.svg").read_text()
    assert "<image" not in svg and "<text" in svg


def test_attention_adds_up_is_followed_held_and_compared(open_window, qtbot: QtBot, tmp_path: Path) -> None:
    window = opened(open_window, qtbot)
    model, task = engine(window)
    panel = window.panels["readings"]
    panel.show_page("attention")
    page = panel.pages_by_name["attention"]
    assert "Select a head" in page.hint.text()
    window.workspace.set_selection(frozenset({"a2.h6"}), frozenset())
    settled(page, qtbot)
    shown, last = page.heat_map.pattern, len(page.heat_map.tokens) - 1
    assert np.allclose(shown.sum(1), 1, atol=1e-5) and np.isnan(page.heat_map.grid.values[0, 1])
    wanted = read_layer_attention(model, task, 2)
    assert shown == pytest.approx(wanted.clean[6], abs=1e-6)
    shoot(window, "readings-attention")

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
    shoot(window, "readings-attention-held")
    qtbot.keyClick(page.token_text, Qt.Key.Key_Escape)
    assert not page.heat_map.is_locked and page.heat_map.query == last
    qtbot.keyClick(page.token_text, Qt.Key.Key_Left)
    assert page.heat_map.query == last - 1
    rows = table(page.heat_map, tmp_path / "head.csv")
    assert len(rows) == (last + 1) * (last + 2) // 2
    for row in rows:
        place = int(row["query_position"]), int(row["key_position"])
        assert float(row["weight"]) == page.heat_map.grid.values[place]

    # the other prompt, the difference, by the size of values
    page.side_box.setCurrentText("clean − corrupted")
    page.weighted_box.setChecked(True)
    assert page.heat_map.pattern == pytest.approx(wanted.patterns("difference", weighted=True)[6], abs=1e-6)
    shoot(window, "readings-attention-difference")

    # a thumbnail selects its head on the canvas, at once
    place = page.thumbnails.thumbnail_rect(2).center().toPoint()
    qtbot.mouseClick(page.thumbnails, Qt.MouseButton.LeftButton, pos=place)
    assert window.workspace.selected_nodes == {"a2.h2"}
    assert page.heat_map.pattern == pytest.approx(wanted.patterns("difference", weighted=True)[2], abs=1e-6)
    assert len(table(page.thumbnails, tmp_path / "layer.csv")) == 8 * len(rows)
    page.thumbnails.save(tmp_path / "layer.svg")
    assert "<image" not in (tmp_path / "layer.svg").read_text()


def test_direct_effects_of_all_nodes(open_window, qtbot: QtBot, tmp_path: Path) -> None:
    window = opened(open_window, qtbot)
    model, task = engine(window)
    page = page_of(window, qtbot, "effects")
    wanted = run_to_completion(direct_logit_attribution_steps(model, task))
    rows = table(page.chart, tmp_path / "bars.csv")
    assert {row["node"]: float(row["value"]) for row in rows} == pytest.approx(
        dict(zip(wanted.names, wanted.mean, strict=True)), abs=1e-6
    )
    assert all(float(row["low"]) <= float(row["value"]) <= float(row["high"]) for row in rows)
    sizes = [abs(float(row["value"])) for row in rows]
    assert sizes == sorted(sizes, reverse=True)
    in_map = {row["node"]: float(row["value"]) for row in table(page.heat_map, tmp_path / "map.csv")}
    for i, nodes in enumerate(page.heat_map.grid.cell_nodes):
        for j, node in enumerate(nodes):
            assert page.heat_map.grid.values[i, j] == in_map[node]
    click(qtbot, page.heat_map, 1, 6)
    assert window.workspace.selected_nodes == {"a2.h6"} == set(page.heat_map.marked_nodes)
    shoot(window, "readings-effects")

    # the bars select, too; one prompt is one number a node
    bar = page.chart.hover_regions[1]
    qtbot.mouseClick(page.chart, Qt.MouseButton.LeftButton, pos=page.chart.region_center(bar).toPoint())
    assert window.workspace.selected_nodes == frozenset(bar.nodes)
    page.scope_box.setCurrentText("This prompt")
    window.workspace.set_prompt_index(3)
    settled(page, qtbot)
    one = run_to_completion(direct_logit_attribution_steps(model, task, [3]))
    rows = table(page.chart, tmp_path / "one.csv")
    assert {row["node"]: float(row["value"]) for row in rows} == pytest.approx(
        dict(zip(one.names, one.mean, strict=True)), abs=1e-6
    )


def test_the_patching_map_is_activation_patching_by_position(
    open_window, qtbot: QtBot, tmp_path: Path
) -> None:
    window = opened(open_window, qtbot)
    model, task = engine(window)
    page = page_of(window, qtbot, "patching")
    where = window.workspace.opened_model
    scores = discover(model, task.subset([0]), "activation-patching", where.metric, where.ablation)
    assert page.result.effects == pytest.approx(scores.positions, abs=1e-5)
    page.rows_box.setCurrentText("all nodes")
    page.show_result()
    names = [nodes[0] for nodes in page.heat_map.grid.cell_nodes]
    assert names == list(model.graph.senders[::-1])
    rows = table(page.heat_map, tmp_path / "patching.csv")
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
    click(qtbot, page.heat_map, row, 5)
    assert window.workspace.selected_nodes == {"a2.h6"}
    shoot(window, "readings-patching")

    # the arrows walk from cell to cell, Enter selects
    qtbot.keyClick(page.heat_map, Qt.Key.Key_Up)
    qtbot.keyClick(page.heat_map, Qt.Key.Key_Return)
    assert window.workspace.selected_nodes == {page.heat_map.grid.cell_nodes[row - 1][5]}
    page.rows_box.setCurrentText("the circuit's nodes")
    page.show_result()
    assert set(page.heat_map.grid.row_names) == set(window.workspace.document.state.circuit.node_names) - {
        "logits"
    }


def test_ov_and_qk_of_the_selected_head(open_window, qtbot: QtBot, tmp_path: Path) -> None:
    window = opened(open_window, qtbot)
    model, task = engine(window)
    window.workspace.set_selection(frozenset({"a2.h6"}), frozenset())
    page = page_of(window, qtbot, "ov-qk")
    wanted = read_head(model, task, "a2.h6", 0, top=10)
    logits = np.array([[t.logit for t in cell] for cell in wanted.promoted_tokens]).T
    assert page.heat_map.grid.values == pytest.approx(logits, abs=1e-4)
    rows = table(page.heat_map, tmp_path / "ov.csv")
    found = [float(row["logit"]) for row in rows if row["rank"] == "1"]
    assert found == page.heat_map.grid.values[0].tolist()
    page.attention_weighted_box.setChecked(True)
    assert page.heat_map.grid.values == pytest.approx(logits * np.array(wanted.attention), abs=1e-4)
    shoot(window, "readings-ov")
    page.ov_qk_box.setCurrentText(QK_LABEL)
    page.show_result()
    scores = np.array([[t.logit for t in cell] for cell in wanted.matched_tokens]).T
    assert page.heat_map.grid.values == pytest.approx(scores, abs=1e-4)
    click(qtbot, page.heat_map, 0, 3)
    assert page.token_card.isVisible() and [t.token for t in page.token_card.top_tokens] == [
        t.token for t in wanted.matched_tokens[3]
    ]
    shoot(window, "readings-qk")
    window.workspace.set_selection(frozenset({"m1"}), frozenset())
    assert page.stack.currentWidget() is page.hint


def test_the_copied_command_prints_the_exported_numbers(
    open_window, qtbot: QtBot, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    window = opened(open_window, qtbot)
    assert save_in(window, tmp_path / "a.circuit")
    window.workspace.set_selection(frozenset({"a2.h6"}), frozenset())
    window.workspace.set_prompt_index(1)
    panel = window.panels["readings"]
    for name in [
        n for n in panel.pages_by_name if n != "feature-heads"
    ]:  # of circuits of features: test_feature_heads
        page = page_of(window, qtbot, name)
        if name == "attention":
            page.weighted_box.setChecked(True)
        qtbot.mouseClick(panel.copy_button, Qt.MouseButton.LeftButton)
        command = shlex.split(QGuiApplication.clipboard().text())
        assert command[:3] == ["circuitviz", "inspect", str(tmp_path / "a.circuit")]
        assert run(command[1:]) == 0
        printed = list(csv.DictReader(io.StringIO(capsys.readouterr().out)))
        shown = table(next(iter(page.exportable_plots().values())), tmp_path / f"{name}.csv")
        if name == "patching":  # the window shows some nodes, in the canvas's order
            nodes = {row["node"] for row in shown}
            printed = [row for row in printed if row["node"] in nodes]
            shown.sort(key=lambda row: (row["node"], row["position"]))
            printed.sort(key=lambda row: (row["node"], row["position"]))
        assert len(shown) == len(printed) > 20, name
        for one, other in zip(shown, printed, strict=True):
            exported = [
                _rounded(escape_invisible(v)) for v in one.values()
            ]  # a terminal gets no control characters
            assert exported == [_rounded(v) for v in other.values()], name


def _rounded(text: str) -> object:
    try:
        return pytest.approx(float(text), abs=1e-5)
    except ValueError:
        return text
