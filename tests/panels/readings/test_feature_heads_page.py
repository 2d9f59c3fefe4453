"""OV and QK between features: bars add up, clicks select, sentences say why not."""

from __future__ import annotations

import csv
import io
import shlex
from pathlib import Path

import pytest
from panel_host import LONG, PanelHost, read_table
from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication
from pytestqt.qtbot import QtBot

from circuitviz.cli import run
from circuitviz.document.attribution_query import AttributionQuery
from circuitviz.features import (
    FeatureEdgeRows,
    attention_score_parts,
    load_dictionaries,
    node_table,
    node_target,
    run_prompt,
)
from circuitviz.models import load_model
from circuitviz.panels.readings.feature_heads_page import KEYS_LABEL, PAIRS_LABEL, QK_LABEL, QUERIES_LABEL
from circuitviz.resources import resource_path

PROMPT = "Then Mary and John went to the park. John gave a ring to"


@pytest.fixture
def heads_host(demo_host: PanelHost, qtbot: QtBot) -> PanelHost:
    """A prompt circuit of the difference of two names, with the page in front."""
    panel = demo_host.show("readings")
    panel.show_page("feature-heads")
    assert "prompt circuit" in panel.current_page.hint.text()
    query = AttributionQuery("demo", PROMPT, "logit-diff", nodes=60, correct=(" Mary",), incorrect=(" John",))
    demo_host.workspace.prompt_circuits.submit_query(query)
    qtbot.waitUntil(lambda: demo_host.workspace.prompt_circuits.query is not None, timeout=LONG)
    return demo_host


def test_heads_carry_edges_and_scores_are_sums(
    heads_host: PanelHost, qtbot: QtBot, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    page = heads_host.show("readings").current_page
    circuit = heads_host.workspace.document.state.circuit
    model = load_model("demo")
    dictionaries = load_dictionaries([resource_path("demo", "dictionaries")], model)
    table = node_table(run_prompt(model, PROMPT), dictionaries)
    edges = FeatureEdgeRows(table)
    assert "Select a feature" in page.hint.text()

    # an edge into a feature of attention: its heads add up to it
    edge = next(e for e in circuit.edge_names if e.partition("->")[2].startswith(("a1.f", "a2.f", "a3.f")))
    source, _, target = edge.partition("->")
    heads_host.workspace.set_selection(frozenset(), frozenset({edge}))
    heads_host.wait_for_reading(page)
    row, _ = edges.row_into(node_target(table, target))
    told = read_table(page.chart, tmp_path / "ov.csv")
    assert len(told) == 9 and told[-1]["name"] == "sum"
    assert sum(float(r["value"]) for r in told[:-1]) == pytest.approx(
        float(row[table.index(source)]), abs=1e-5
    )
    assert "sum to the edge" in page.summary_line.text()

    # why the strongest of them looks there: all pairs are the model's score, the sides too
    page.ov_qk_box.setCurrentText(QK_LABEL)
    page.request_update()
    heads_host.wait_for_reading(page)
    seen = page.result
    key, query = (int(n.partition("@")[2]) for n in (source, target))
    best = max(told[:-1], key=lambda r: abs(float(r["value"])))["name"]
    assert (seen.head, seen.query, seen.key) == (best, query, key)
    layer, head = int(best[1]), int(best.partition(".h")[2])
    parts = attention_score_parts(table, layer, head, query, key)
    assert seen.score == pytest.approx(parts.score, abs=1e-4)
    for side in (QUERIES_LABEL, KEYS_LABEL):
        page.bars_box.setCurrentText(side)
        page.show_result()
        held = [float(r["value"]) for r in read_table(page.chart, tmp_path / "side.csv")]
        assert held[-1] == pytest.approx(sum(held[:-1])) and held[-1] == pytest.approx(parts.score, abs=1e-3)
    page.bars_box.setCurrentText(PAIRS_LABEL)
    page.show_result()
    pairs = read_table(page.chart, tmp_path / "pairs.csv")[:-1]
    assert len(pairs) == 20
    assert [abs(float(r["value"])) for r in pairs] == pytest.approx(
        parts.pairs.abs().flatten().sort(descending=True).values[:20].tolist(), abs=1e-4
    )

    # the copied commands print what is exported
    panel = heads_host.show("readings")
    heads_host.save(tmp_path / "a.circuit")
    for half in (0, 1):
        page.ov_qk_box.setCurrentIndex(half)
        page.request_update()
        heads_host.wait_for_reading(page)
        qtbot.mouseClick(panel.copy_button, Qt.MouseButton.LeftButton)
        capsys.readouterr()
        assert run(shlex.split(QGuiApplication.clipboard().text())[1:]) == 0
        printed = list(csv.DictReader(io.StringIO(capsys.readouterr().out)))
        exported = read_table(page.heat_map, tmp_path / "map.csv")
        assert len(printed) == len(exported) > 40
        for one, other in zip(printed, exported, strict=True):
            assert float(one.pop("value")) == pytest.approx(float(other.pop("value")), abs=1e-4)
            assert one == other

    # a cell selects its nodes where the circuit has them, and its feature's dashboard in any case
    there = set(circuit.node_names)
    place = next(
        (i, j)
        for i, one in enumerate(page.heat_map.grid.row_names)
        for j, other in enumerate(page.heat_map.grid.column_names)
        if {one, other} & there and ".f" in one
    )
    wanted = {page.heat_map.grid.row_names[place[0]], page.heat_map.grid.column_names[place[1]]} & there
    qtbot.mouseClick(
        page.heat_map, Qt.MouseButton.LeftButton, pos=page.heat_map.cell_center(*place).toPoint()
    )
    assert heads_host.workspace.selected_nodes == wanted
    assert (
        "{}.f{}@".format(*heads_host.workspace.shown_feature)
        in page.heat_map.grid.row_names[place[0]] + page.heat_map.grid.column_names[place[1]]
    )

    # a whole feature, then its target, head by head
    page.ov_qk_box.setCurrentIndex(0)
    heads_host.workspace.set_selection(frozenset({target}), frozenset())
    heads_host.wait_for_reading(page)
    strongest = page.result.strongest
    total = [float(r["value"]) for r in read_table(page.chart, tmp_path / "sources.csv")]
    assert total[-1] == pytest.approx(strongest.total, abs=1e-4)
    logits = circuit.graph.receivers[-1]
    heads_host.workspace.set_selection(frozenset({logits}), frozenset())
    heads_host.wait_for_reading(page)
    assert page.heat_map.grid.values.shape == (4, 8)
    row_, column = 1, 3
    qtbot.mouseClick(
        page.heat_map, Qt.MouseButton.LeftButton, pos=page.heat_map.cell_center(row_, column).toPoint()
    )
    assert page.head_box.currentText() == "a2.h3"
    total = [float(r["value"]) for r in read_table(page.chart, tmp_path / "sources.csv")]
    assert total[-1] == pytest.approx(page.heat_map.grid.values[row_, column], abs=1e-4)

    # an edge in the residual stream says so, beside what heads carry
    edge = next(e for e in circuit.edge_names if e.startswith("m0.f") and "->m" in e)
    heads_host.workspace.set_selection(frozenset(), frozenset({edge}))
    heads_host.wait_for_reading(page)
    assert "residual stream" in page.summary_line.text()
    source, _, target = edge.partition("->")
    row, _ = edges.row_into(node_target(table, target))
    told = {r["name"]: float(r["value"]) for r in read_table(page.chart, tmp_path / "residual.csv")}
    assert told["residual"] == pytest.approx(float(row[table.index(source)]), abs=1e-5)
    leaf = next(n for n in circuit.node_names if n.startswith("token@"))
    heads_host.workspace.set_selection(frozenset({leaf}), frozenset())
    assert "without incoming edges" in page.hint.text()


def test_readings_of_features_say_what_they_need(
    heads_host: PanelHost, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    heads_host.save(tmp_path / "a.circuit")
    inspect = ["inspect", str(tmp_path / "a.circuit"), "--reading"]
    for more, message in (
        (["features-ov"], "--node m3.f12@7 would be right"),
        (["features-ov", "--node", "m3.f9999@3"], "is not active"),
        (["features-qk", "--node", "logits@14", "--head", "x"], "'x' names no head"),
        (
            ["features-qk", "--node", "logits@14", "--head", "a1.h2", "--query", "2", "--key", "5"],
            "comes after",
        ),
    ):
        assert run([*inspect, *more]) == 2
        told = capsys.readouterr().err.strip()
        assert message in told and "\n" not in told
    heads_host.workspace.tab_controller.show(heads_host.workspace.tabs.tabs[0])
    heads_host.save(tmp_path / "a.circuit")
    assert run([*inspect, "features-ov", "--node", "a1.h2"]) == 2
    assert "no circuit of features of one prompt" in capsys.readouterr().err
